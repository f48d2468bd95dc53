"""Fifty people at a city's server, by locust; needs locust alone, nothing of the product.

`python locust_run.py ADDRESS USERS SECONDS` reads access tokens from standard input as JSON. It
counts for SECONDS from when all people are there, and prints, as JSON: `asked`, which has by name
of what was asked how often, how often in vain, and the milliseconds of the 50th, 95th and 99th
percentile; and `metrics`, the server's /metrics at the beginning and at the end.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
import urllib.request

import gevent
from locust import HttpUser, between, task
from locust.env import Environment

MATCH_SECONDS = 30
#: People come within so many seconds, one after the other: locust starts a fifth of them each
#: second, all in the same instant, and so each waits a moment of its own.
ARRIVAL_SECONDS, FIRST_PAUSE_SECONDS = 5, 3
TOKENS: list[str] = []
_numbers = itertools.count()


class Person(HttpUser):
    """Somebody who looks around, reports a problem now and then, and asks for matches."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        self.number = next(_numbers)
        self.client.headers["Authorization"] = f"Bearer {TOKENS[self.number % len(TOKENS)]}"
        gevent.sleep(random.uniform(0, FIRST_PAUSE_SECONDS))

    @task(4)
    def look_at_the_dashboard(self) -> None:
        self.client.get("/api/v1/dashboard/", name="dashboard")

    @task(3)
    def look_at_reports(self) -> None:
        self.client.get("/api/v1/reports/", name="reports")

    @task(2)
    def ask_for_health(self) -> None:
        self.client.get("/readyz", name="health")

    @task(2)
    def report(self) -> None:
        place = {
            "latitude": 41.29 + random.random() / 30,
            "longitude": -72.95 + random.random() / 30,
        }
        words = {"title": f"Broken lamp {next(_numbers)}", "description": "It is dark here."}
        headers = {"X-Acknowledge-Duplicate": "true"}
        self.client.post("/api/v1/reports/", json=words | place, headers=headers, name="report")

    @task(1)
    def match(self) -> None:
        """Ask for matches, and wait for them as a front end does; the whole counts as one."""
        began = time.perf_counter()
        answer = self.client.post("/api/v1/jobs/match/", json={}, name="match_begun")
        error: Exception | None = None
        try:
            self._wait_for(answer.json()["task_id"], until=began + MATCH_SECONDS)
        except (KeyError, ValueError, TimeoutError) as fault:
            error = fault
        self.environment.events.request.fire(
            request_type="RUN",
            name="match",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=error,
        )

    def _wait_for(self, run: str, *, until: float) -> None:
        while not self._has_ended(run):
            if time.perf_counter() > until:
                raise TimeoutError(run)
            gevent.sleep(0.05)

    def _has_ended(self, run: str) -> bool:
        answer = self.client.get(f"/api/v1/jobs/match/status/{run}/", name="match_asked")
        status = answer.json()["status"]
        if status in {"failed", "cancelled"}:
            raise ValueError(status)
        return bool(status == "completed")


def run(address: str, users: int, seconds: float) -> dict[str, object]:
    environment = Environment(user_classes=[Person], host=address)
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users / ARRIVAL_SECONDS)
    gevent.sleep(ARRIVAL_SECONDS + FIRST_PAUSE_SECONDS)
    environment.stats.reset_all()
    before = metrics(address)
    gevent.sleep(seconds)
    asked = {
        entry.name: {
            "asked": entry.num_requests,
            "failed": entry.num_failures,
            **{f"p{part}": entry.get_response_time_percentile(part / 100) for part in (50, 95, 99)},
        }
        for entry in environment.stats.entries.values()
    }
    after = metrics(address)
    runner.stop()
    return {"asked": asked, "metrics": [before, after]}


def metrics(address: str) -> str:
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    TOKENS[:] = json.load(sys.stdin)
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
