"""What Prometheus is told, and who may ask."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import LazySettings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jobs import entering
from jobs.models import Attempt, Mark, Queue, Task
from jobs.operations import health, process_metrics, rollup
from jobs.testing import run_tasks
from jobs.urgency import Urgency
from tests.jobs.conftest import BASE_DIR, Workers, wait_until, wait_until_drained
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = pytest.mark.django_db

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(autouse=True)
def _data_folder(settings: LazySettings) -> None:
    """Make the folder whose disk is told of."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)


def scrape(client: Client) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return parsed(answer.content.decode())


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def test_queues_and_workers_are_gauges(client: Client) -> None:
    with transaction.atomic():
        probe_transactional.send_many([("a",), ("b",)])
        probe_transactional.send_with_options(args=("later",), delay=timedelta(hours=1))
    Queue.objects.create(name="matching", paused_at=timezone.now())
    Task.objects.filter(args=["a"]).update(run_at=timezone.now() - timedelta(minutes=2))
    samples = scrape(client)
    assert value(samples, "civiclens_queue_tasks", queue="default", state="due") == 2
    assert value(samples, "civiclens_queue_tasks", queue="default", state="delayed") == 1
    assert value(samples, "civiclens_queue_oldest_seconds", queue="default") == pytest.approx(
        120, abs=30
    )
    assert value(samples, "civiclens_queue_paused", queue="matching") == 1
    assert value(samples, "civiclens_workers") == 0


def test_bulk_work_that_waits_is_counted_apart_and_makes_nothing_late(client: Client) -> None:
    with transaction.atomic():
        probe_transactional.send("routine")
        with entering(Urgency.BULK, sender="import:test"):
            probe_transactional.send_many([("bulk",)] * 3)
    Task.objects.filter(args=["bulk"]).update(run_at=timezone.now() - timedelta(hours=2))
    samples = scrape(client)
    labels = {"queue": "default", "urgency": "bulk"}
    assert value(samples, "civiclens_queue_due_tasks", **labels) == 3
    assert value(samples, "civiclens_queue_due_oldest_seconds", **labels) > 7000
    assert value(samples, "civiclens_queue_due_tasks", queue="default", urgency="routine") == 1
    assert value(samples, "civiclens_queue_oldest_seconds", queue="default") < 3600
    assert health.ledger_lag() < 3600


def test_ends_are_counters_and_histograms_that_only_grow(client: Client) -> None:
    with transaction.atomic():
        probe_transactional.send("fine")
        probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    _age(timedelta(minutes=3))
    rollup.fold()
    labels = {"actor": "probe_failing", "queue": "default"}
    samples = scrape(client)
    assert value(samples, "civiclens_dead_tasks") == 1
    assert value(samples, "civiclens_tasks_total", **labels, outcome="dead") == 1
    assert value(samples, "civiclens_task_attempts_failed_total", **labels) == 2
    assert value(samples, "civiclens_task_run_seconds_count", **labels) == 2
    assert value(samples, "civiclens_task_run_seconds_bucket", **labels, le="+Inf") == 2
    assert (
        value(
            samples,
            "civiclens_tasks_total",
            actor="probe_transactional",
            queue="default",
            outcome="succeeded",
        )
        == 1
    )
    Task.objects.all().delete()
    assert value(scrape(client), "civiclens_task_attempts_failed_total", **labels) == 2


def _age(age: timedelta) -> None:
    """Everything that ended did so `age` ago, and nothing of it has been summed."""
    now = timezone.now()
    Task.objects.update(run_at=now - age, started_at=now - age, finished_at=now - age)
    Attempt.objects.update(started_at=now - age, finished_at=now - age)
    Mark.objects.create(name=rollup.MARK, at=(now - age).replace(second=0, microsecond=0))


def test_without_a_token_only_this_machine_may_ask(client: Client, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.7").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 403
    forwarded = client.get(
        "/metrics", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "203.0.113.7"}
    )
    assert forwarded.status_code == 403, "a proxy on this machine speaks for others"


def test_with_a_token_only_who_knows_it_may_ask(client: Client, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "a long token"
    for header in ("", "Bearer wrong", "Bearer ", "Basic a long token", "Bearer ä"):
        answer = client.get("/metrics", headers={"Authorization": header})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    allowed = client.get(
        "/metrics", headers={"Authorization": "Bearer a long token"}, REMOTE_ADDR="203.0.113.7"
    )
    assert allowed.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_without_its_database_it_tells_what_needs_none_to_who_may_ask(
    client: Client, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "a long token"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    connection.close()
    for name, elsewhere in {"HOST": "127.0.0.1", "PORT": port}.items():
        monkeypatch.setitem(connection.settings_dict, name, elsewhere)
    answer = client.get("/metrics", headers={"Authorization": "Bearer a long token"})
    assert answer.status_code == 200
    assert value(parsed(answer.content.decode()), "civiclens_database_up") == 0
    assert "civiclens_disk_free_bytes" in answer.content.decode()
    assert str(port) not in answer.content.decode()
    assert client.get("/metrics").status_code == 401


@pytest.mark.parametrize("page", ["monitor.md", "alerts.yml", "grafana.json", "runbook.md"])
def test_the_operators_pages_name_metrics_that_exist(client: Client, page: str) -> None:
    text = (BASE_DIR / "docs" / "operations" / page).read_text()
    scraped = client.get("/metrics").content.decode() + generate_latest(REGISTRY).decode()
    known = set(re.findall(r"^# TYPE (\w+)", scraped, re.MULTILINE)) | {
        "civiclens_publisher_connected",
        "civiclens_fast_path_missed_total",
        "civiclens_worker_fed_total",
    }
    named = set(re.findall(r"\bciviclens_[a-z_]+", text))
    assert {name for name in named if not _is_known(name, known)} == set()


def _is_known(name: str, known: set[str]) -> bool:
    suffixes = ("", "_total", "_bucket", "_count", "_sum")
    return any(name.removesuffix(suffix) in known or name in known for suffix in suffixes)


def test_the_operators_pages_are_well_formed() -> None:
    folder = BASE_DIR / "docs" / "operations"
    [group] = yaml.safe_load((folder / "alerts.yml").read_text())["groups"]
    assert all({"alert", "expr", "labels", "annotations"} <= set(rule) for rule in group["rules"])
    headings = {
        line.removeprefix("## ").lower().replace(" ", "-")
        for line in (folder / "runbook.md").read_text().splitlines()
        if line.startswith("## ")
    }
    links = re.findall(r"runbook\.md#([\w-]+)", (folder / "alerts.yml").read_text())
    assert set(links) <= headings
    board = json.loads((folder / "grafana.json").read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) > 10


def test_only_reading_is_served(client: Client) -> None:
    assert client.post("/metrics").status_code == 405


def test_a_scrape_takes_few_statements(
    client: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(11):  # type: ignore[operator]
        scrape(client)


def test_a_process_counts_its_attempts() -> None:
    def ended(outcome: str) -> float:
        labels = {"actor": "probe_failing", "queue": "default", "outcome": outcome}
        return REGISTRY.get_sample_value("civiclens_worker_attempts_total", labels) or 0.0

    before = ended("retrying"), ended("dead")
    with transaction.atomic():
        probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    assert (ended("retrying"), ended("dead")) == (before[0] + 1, before[1] + 1)
    assert REGISTRY.get_sample_value("civiclens_worker_running") == 0


def test_processes_of_one_machine_take_the_next_free_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]
        port = process_metrics.serve_metrics("127.0.0.1", first)
    assert port is not None
    assert first < port < first + process_metrics.PORTS
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert b"civiclens_worker_attempts_total" in answer.read()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("transport", ["embedded"])
def test_a_worker_serves_its_metrics_and_reports_its_memory(
    workers: Workers, tmp_path: Path, client: Client
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workers.environment["JOBS_METRICS_PORT"] = str(port)
    workers.start()
    with transaction.atomic():
        probe_transactional.send("served")
    wait_until_drained()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        samples = parsed(answer.read().decode())
    labels = {"actor": "probe_transactional", "queue": "default", "outcome": "succeeded"}
    assert value(samples, "civiclens_worker_attempts_total", **labels) == 1
    assert value(samples, "process_resident_memory_bytes") > 1_000_000

    def tells_memory() -> bool:
        return any(
            name == "civiclens_worker_memory_bytes" and size > 1e6
            for (name, _), size in scrape(client).items()
        )

    wait_until(tells_memory, "a worker's memory")
    marks = Mark.objects.filter(name__in=["rollup", "alerts"])
    wait_until(
        lambda: marks.count() == 2, "the worker to sum what ended and to check the alert rules"
    )
