"""Operators hear of a broken rule once, and once that it is kept again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import AlertEpisode, Mark, Queue, Task, Worker
from jobs.operations import alerts, web_processes
from jobs.process import resident_bytes
from jobs.testing import run_tasks
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(settings: LazySettings) -> list[tuple[str, str]]:
    """What operators are told."""
    settings.JOBS_OPERATOR_NOTIFIER = "tests.jobs.test_alerts.listen"
    _heard.clear()
    return _heard


_heard: list[tuple[str, str]] = []


def listen(episode_id: Any, phase: alerts.Phase) -> None:
    _heard.append((AlertEpisode.objects.get(pk=episode_id).rule, phase))


def calm_for_long() -> None:
    AlertEpisode.objects.filter(ended_at=None).update(
        calm_since=timezone.now() - alerts.CALM - timedelta(seconds=1)
    )


def test_an_episode_is_told_once_and_its_end_once(told: list[tuple[str, str]]) -> None:
    for value in (25, 30, 99):
        alerts.judge("dead_tasks", value, 20)
    assert told == [("dead_tasks", "began")]
    alerts.judge("dead_tasks", 20, 20)
    assert told == [("dead_tasks", "began")], "a moment's calm is not the end"
    calm_for_long()
    alerts.judge("dead_tasks", 3, 20)
    alerts.judge("dead_tasks", 3, 20)
    assert told == [("dead_tasks", "began"), ("dead_tasks", "ended")]
    alerts.judge("dead_tasks", 21, 20)
    assert told[2:] == [("dead_tasks", "began")], "the next episode is another one"


def test_a_relapse_goes_on_with_the_episode(told: list[tuple[str, str]]) -> None:
    alerts.judge("oldest_seconds", 400, 300)
    alerts.judge("oldest_seconds", 1, 300)
    calm_for_long()
    alerts.judge("oldest_seconds", 400, 300)
    alerts.judge("oldest_seconds", 1, 300)
    assert told == [("oldest_seconds", "began")]


def test_a_notice_that_fails_leaves_no_episode(settings: LazySettings) -> None:
    """It is told at the next check instead."""
    settings.JOBS_OPERATOR_NOTIFIER = "tests.jobs.test_alerts.fail"
    with pytest.raises(OSError, match="no mail"):
        alerts.judge("dead_tasks", 25, 20)
    assert not AlertEpisode.objects.exists()


def fail(_episode_id: Any, _phase: str) -> None:
    raise OSError("no mail")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_see_it_at_once_one_tells(told: list[tuple[str, str]]) -> None:
    def see() -> None:
        try:
            alerts.judge("dead_tasks", 25, 20)
        finally:
            connection.close()

    racers = [threading.Thread(target=see) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=20)
    assert told == [("dead_tasks", "began")]


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_one_checks() -> None:
    turns: list[bool] = []

    def take() -> None:
        try:
            turns.append(alerts._take_turn())
        finally:
            connection.close()

    racers = [threading.Thread(target=take) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=20)
    assert sorted(turns) == [False] * 5 + [True]
    Mark.objects.update(at=timezone.now() - timedelta(seconds=alerts.CHECK_SECONDS + 1))
    take()
    assert turns[-1] is True


def test_each_rule_measures_what_it_says(
    told: list[tuple[str, str]], settings: LazySettings
) -> None:
    settings.JOBS_ALERT_RULES = {
        "dead_tasks": 10,
        "oldest_seconds": 300,
        "failure_rate": 0.25,
        "health_seconds": 5,
        "worker_memory_bytes": 1000,
        "web_memory_bytes": 1000,
    }
    with transaction.atomic():
        for number in range(11):
            probe_failing.send(f"luck {number}")
    run_tasks(raise_errors=False, until_delay=False)
    with transaction.atomic():
        late = probe_transactional.send("late")
    Task.objects.filter(pk=late.message_id).update(run_at=timezone.now() - timedelta(minutes=6))
    Worker.objects.create(hostname="desk", pid=1, threads=1, memory_bytes=resident_bytes())
    web_processes.report()
    alerts.check()
    assert sorted(told) == [
        (rule, "began")
        for rule in (
            "dead_tasks",
            "failure_rate",
            "oldest_seconds",
            "web_memory_bytes",
            "worker_memory_bytes",
        )
    ]


def test_a_paused_queue_is_no_surprise_and_few_failures_are_no_rate(
    told: list[tuple[str, str]], settings: LazySettings
) -> None:
    settings.JOBS_ALERT_RULES = {"oldest_seconds": 300, "failure_rate": 0.25}
    with transaction.atomic():
        probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    with transaction.atomic():
        probe_transactional.send("late")
    Task.objects.filter(state="queued").update(run_at=timezone.now() - timedelta(minutes=6))
    Queue.objects.create(name="default", paused_at=timezone.now())
    alerts.check()
    assert told == []


def test_a_rule_taken_away_ends_its_episode_in_silence(
    told: list[tuple[str, str]], settings: LazySettings
) -> None:
    alerts.judge("dead_tasks", 25, 20)
    settings.JOBS_ALERT_RULES = {}
    alerts.check()
    assert AlertEpisode.objects.filter(ended_at=None).count() == 0
    assert told == [("dead_tasks", "began")]


def test_a_health_address_that_is_silent_counts_as_slow(settings: LazySettings) -> None:
    settings.JOBS_HEALTH_URL = "http://127.0.0.1:9/readyz"
    assert alerts._health_seconds() == alerts.HEALTH_TIMEOUT_SECONDS


@pytest.mark.parametrize(
    "first_line", ["204 No Content", "302 Found", "404 Not Found", "503 Service Unavailable", ""]
)
def test_only_an_answer_of_success_is_healthy(settings: LazySettings, first_line: str) -> None:
    """The last one is no HTTP at all; the redirection leads to an address that answers 204."""
    answers = [first_line, "204 No Content"]
    with listening(answers) as port:
        settings.JOBS_HEALTH_URL = f"http://127.0.0.1:{port}/readyz"
        measured = alerts._health_seconds()
    assert (measured < alerts.HEALTH_TIMEOUT_SECONDS) == first_line.startswith("2")


@contextmanager
def listening(answers: list[str]) -> Iterator[int]:
    """Answer one connection after the other with these status lines."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            line = answers.pop(0)
            head = f"HTTP/1.1 {line}\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
            self.request.sendall(head.encode() if line else b"nonsense\r\n\r\n")

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_every_operator_gets_an_email(settings: LazySettings) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.org", "night@example.org"]
    box = Path(settings.DATA_DIR) / "messages.jsonl"
    before = len(box.read_text().splitlines()) if box.exists() else 0
    alerts.judge("dead_tasks", 25, 20)
    run_tasks()
    messages = [json.loads(line) for line in box.read_text().splitlines()[before:]]
    assert [message["to"] for message in messages] == settings.OPERATOR_EMAILS
    assert messages[0]["subject"] == "CivicLens: dead_tasks"
    assert "25 tasks are dead (more than 20)." in messages[0]["body"]
    assert "ops@" not in json.dumps(list(Task.objects.values_list("args", flat=True)))


def test_without_operators_nothing_is_sent(settings: LazySettings) -> None:
    settings.OPERATOR_EMAILS = []
    alerts.judge("dead_tasks", 25, 20)
    assert not Task.objects.exists()
