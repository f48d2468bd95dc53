"""The health pages answer in bounded time and tell degraded from down."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from uuid_utils.compat import uuid7

from config import health
from config.health import Probe
from jobs.models import Task
from jobs.operations.health import ledger_lag
from jobs.states import State

READINESS = ["/readyz", "/readyz/", "/api/v1/health", "/api/v1/health/"]


@pytest.fixture(autouse=True)
def _fresh_probes(settings: Any) -> Iterator[None]:
    settings.JOBS_TRANSPORT = "embedded"
    health.forget()
    yield
    health.forget()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A machine that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def ask(path: str = "/readyz") -> Any:
    return Client().get(path)


def make_waiting_task(seconds: float) -> Task:
    run_at = Now() - timedelta(seconds=seconds)
    return Task.objects.create(actor="a", queue="default", run_at=run_at)


def move_database(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """From now on new connections go elsewhere."""
    elsewhere = {"HOST": "127.0.0.1", "PORT": port, "OPTIONS": {"connect_timeout": 2}}
    for name, value in elsewhere.items():
        monkeypatch.setitem(connection.settings_dict, name, value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", READINESS)
def test_all_is_well(path: str) -> None:
    response = ask(path)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {
        "status": "ok",
        "checks": {
            "database": {"status": "ok"},
            "ledger": {"status": "ok", "lag_seconds": 0.0},
            "disk": {"status": "ok"},
            "broker": {"status": "ok", "state": "embedded"},
        },
    }


@pytest.mark.parametrize("path", ["/livez", "/livez/"])
def test_liveness_asks_nobody(path: str, monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    move_database(monkeypatch, free_port)
    response = ask(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_the_lag_is_the_oldest_due_tasks_wait() -> None:
    make_waiting_task(20)
    make_waiting_task(10)
    make_waiting_task(-3600)
    task = make_waiting_task(3600)
    Task.objects.filter(id=task.id).update(state=State.RUNNING, claim_token=uuid7())
    ledger = ask().json()["checks"]["ledger"]
    assert ledger["status"] == "ok"
    assert 20 <= ledger["lag_seconds"] < 30


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_a_time_cost_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def look() -> float:
        looks.append(ledger_lag())
        return looks[-1]

    monkeypatch.setattr("config.health.ledger_lag", look)
    for _ in range(10):
        assert ask().status_code == 200
    assert 0 < len(looks) < 10


@pytest.mark.django_db(transaction=True)
def test_work_that_waits_too_long_is_degraded(settings: Any) -> None:
    settings.HEALTH_LEDGER_LAG_SECONDS = 60
    make_waiting_task(61)
    response = ask()
    assert response.status_code == 200
    assert response.json()["status"] == response.json()["checks"]["ledger"]["status"] == "degraded"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_refuses_is_down(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    move_database(monkeypatch, free_port)
    response = ask()
    assert response.status_code == 503
    assert response["Content-Type"] == "application/json"
    assert response.json()["status"] == "down"
    assert response.json()["checks"]["database"] == {"status": "down"}
    assert str(free_port) not in json.dumps(response.json())


@pytest.mark.django_db(transaction=True)
def test_a_database_that_says_nothing_is_down_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    move_database(monkeypatch, silent_port)
    started = time.monotonic()
    assert ask().status_code == 503
    assert time.monotonic() - started < 10


@pytest.mark.django_db(transaction=True)
def test_only_rabbitmq_away_is_degraded(settings: Any, free_port: int) -> None:
    settings.JOBS_TRANSPORT = "rabbitmq"
    settings.RABBITMQ_URL = f"amqp://guest:secret@127.0.0.1:{free_port}/"
    response = ask()
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["broker"] == {"status": "degraded", "state": "down"}
    assert b"secret" not in response.content


@pytest.mark.django_db(transaction=True)
def test_a_silent_rabbitmq_is_degraded_in_bounded_time_and_not_asked_by_every_request(
    settings: Any, silent_port: int
) -> None:
    settings.JOBS_TRANSPORT = "rabbitmq"
    settings.RABBITMQ_URL = f"amqp://127.0.0.1:{silent_port}/"
    started = time.monotonic()
    assert ask().json()["status"] == "degraded"
    assert time.monotonic() - started < 10
    wait_until(lambda: quick(lambda: ask().json()["checks"]["broker"]["state"] == "down"))


@pytest.mark.django_db(transaction=True)
def test_rabbitmq_is_up(settings: Any, rabbitmq_url: str) -> None:
    settings.JOBS_TRANSPORT = "rabbitmq"
    settings.RABBITMQ_URL = rabbitmq_url
    assert ask().json()["checks"]["broker"] == {"status": "ok", "state": "up"}


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_no_writes_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        **connection.settings_dict["OPTIONS"],
        "options": "-c default_transaction_read_only=on",
    }
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    response = ask()
    assert response.status_code == 503
    assert response.json()["checks"]["disk"] == {"status": "down"}
    assert response.json()["checks"]["database"] == {"status": "ok"}


def test_a_probe_runs_once_for_all_who_ask_meanwhile() -> None:
    leave, runs = threading.Event(), []

    def check() -> str:
        runs.append(1)
        leave.wait(5)
        return "fine"

    probe = Probe(check, patience_seconds=0.05, keep_seconds=60)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            probe.ask()
    leave.set()
    wait_until(lambda: answers(probe) == "fine")
    assert probe.ask() == "fine"
    assert len(runs) == 1


def test_a_probe_that_is_stuck_is_given_up() -> None:
    leave, runs = threading.Event(), []

    def check() -> None:
        runs.append(1)
        leave.wait(5)

    probe = Probe(check, patience_seconds=0.01)
    wait_until(lambda: answers(probe) is None and len(runs) == 2)
    leave.set()


def test_a_probe_carries_the_error_and_then_checks_anew() -> None:
    divisors = [0, 1]
    probe = Probe(lambda: 7 // divisors.pop(0), patience_seconds=5)
    with pytest.raises(ZeroDivisionError):
        probe.ask()
    assert probe.ask() == 7


def test_a_slow_check_delays_nobody_who_can_have_the_last_result() -> None:
    leave, runs = threading.Event(), []

    def check() -> int:
        runs.append(1)
        if len(runs) == 2:
            leave.wait(5)
        return len(runs)

    probe = Probe(check, patience_seconds=5, stale_seconds=60)
    assert probe.ask() == 1
    assert quick(lambda: probe.ask() == 1)
    leave.set()
    wait_until(lambda: probe.ask() > 1)


def test_a_result_that_is_too_old_is_not_given() -> None:
    leave, runs = threading.Event(), []

    def check() -> int:
        runs.append(1)
        if len(runs) == 2:
            leave.wait(5)
        return len(runs)

    probe = Probe(check, patience_seconds=0.1, stale_seconds=0)
    assert probe.ask() == 1
    with pytest.raises(TimeoutError):
        probe.ask()
    leave.set()


def test_an_error_is_checked_anew_whatever_went_well_before() -> None:
    divisors = [1, 0, 1]
    probe = Probe(lambda: 7 // divisors.pop(0), patience_seconds=5, stale_seconds=60)
    assert probe.ask() == 7
    with pytest.raises(ZeroDivisionError):
        probe.ask()
    assert probe.ask() == 7


def answers(probe: Probe[Any]) -> Any:
    try:
        return probe.ask()
    except TimeoutError:
        return None


def quick(call: Callable[[], bool]) -> bool:
    started = time.monotonic()
    return call() and time.monotonic() - started < 0.5


def wait_until(is_so: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
