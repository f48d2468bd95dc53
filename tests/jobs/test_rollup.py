"""What ended is counted once, in the minute it ended, whoever counts."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Attempt, Mark, Task, TaskRollup
from jobs.operations import rollup
from jobs.states import State
from jobs.testing import run_tasks
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def hour() -> datetime:
    """The full hour, two hours ago, from which the counting starts."""
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    Mark.objects.create(name=rollup.MARK, at=start)
    return start


def ended(
    at: datetime,
    *,
    state: State = State.SUCCEEDED,
    waited: float = 0.003,
    ran: float = 0.1,
    **facts: Any,
) -> Task:
    """A task that ended at `at`."""
    started_at = at - timedelta(seconds=ran)
    return Task.objects.create(
        **{"actor": "count_votes", "queue": "default", "state": state, "attempt": 1} | facts,
        run_at=started_at - timedelta(seconds=waited),
        started_at=started_at,
        finished_at=at,
    )


def fold_all() -> None:
    while rollup.fold():
        pass


def rows(seconds: int) -> list[TaskRollup]:
    return list(TaskRollup.objects.filter(seconds=seconds).order_by("bucket_at", "actor"))


def test_each_end_is_counted_in_its_minute(hour: datetime) -> None:
    ended(hour + timedelta(seconds=5))
    ended(hour + timedelta(seconds=59), state=State.CANCELLED)
    at = hour + timedelta(seconds=60)
    dead = ended(at, state=State.DEAD, waited=1.5)
    Attempt.objects.create(
        task=dead, number=1, started_at=dead.started_at, finished_at=at, error_type="ValueError"
    )
    fold_all()
    first, second = rows(rollup.MINUTE)
    assert (first.bucket_at, first.succeeded, first.cancelled, first.dead) == (hour, 1, 1, 0)
    assert (second.bucket_at, second.dead, second.failed) == (hour + timedelta(minutes=1), 1, 1)
    assert (sum(first.wait_counts), sum(first.run_counts)) == (1, 1), (
        "a cancelled task neither waits nor runs"
    )
    assert second.wait_seconds == pytest.approx(1.5)
    assert second.run_seconds == pytest.approx(0.1)


def test_a_second_count_adds_nothing(hour: datetime) -> None:
    ended(hour + timedelta(seconds=5))
    fold_all()
    fold_all()
    assert [row.succeeded for row in rows(rollup.MINUTE)] == [1]
    assert [row.succeeded for row in rows(rollup.EVER)] == [1]


def test_longer_spans_are_the_sums_of_their_minutes(hour: datetime) -> None:
    for minute in (0, 3, 9, 10, 59, 60):
        ended(hour + timedelta(minutes=minute))
    fold_all()
    assert [row.succeeded for row in rows(rollup.TEN_MINUTES)] == [3, 1, 1, 1]
    first, *_ = rows(rollup.HOUR)
    assert (first.bucket_at, first.succeeded, sum(first.wait_counts)) == (hour, 5, 5)
    assert [bucket.summary.succeeded for bucket in rollup.totals()] == [6]


def test_the_present_minute_is_not_counted_yet_but_told() -> None:
    with transaction.atomic():
        probe_transactional.send("now")
    run_tasks()
    fold_all()
    assert rows(rollup.MINUTE) == []
    for span in (rollup.MINUTE, rollup.TEN_MINUTES, rollup.HOUR):
        _, buckets = rollup.history(timedelta(hours=1), span=span)
        assert [(bucket.actor, bucket.summary.succeeded) for bucket in buckets] == [
            ("probe_transactional", 1)
        ]


def test_history_tells_every_end_once_whatever_the_span(hour: datetime) -> None:
    for minute in (0, 5, 15, 61, 115):
        ended(hour + timedelta(minutes=minute))
    ended(timezone.now(), actor="count_more")
    fold_all()
    for span in (rollup.MINUTE, rollup.TEN_MINUTES, rollup.HOUR):
        _, buckets = rollup.history(timedelta(hours=4), span=span)
        assert sum(bucket.summary.succeeded for bucket in buckets) == 6


def test_real_failures_are_counted_as_attempts() -> None:
    with transaction.atomic():
        probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    recent = rollup.recent(timedelta(minutes=10))
    assert (recent.failed, recent.dead, recent.succeeded, recent.failure_rate) == (2, 1, 0, 1.0)


def test_old_rows_go_and_the_totals_stay(hour: datetime) -> None:
    zeros = [0] * rollup.CLASSES
    for seconds, age in (
        (rollup.MINUTE, 3),
        (rollup.TEN_MINUTES, 15),
        (rollup.HOUR, 401),
        (rollup.HOUR, 300),
    ):
        numbers = dict.fromkeys(
            ("succeeded", "failed", "dead", "cancelled", "wait_seconds", "run_seconds"), 1
        )
        at = hour - timedelta(days=age)
        TaskRollup.objects.create(
            seconds=seconds,
            bucket_at=at,
            actor="a",
            queue="default",
            wait_counts=zeros,
            run_counts=zeros,
            **numbers,
        )
    ended(hour)
    fold_all()
    assert not TaskRollup.objects.filter(
        seconds__gt=0, actor="a", bucket_at__gt=hour - timedelta(days=20)
    ).exists()
    assert [row.bucket_at for row in rows(rollup.HOUR) if row.actor == "a"] == [
        hour - timedelta(days=300)
    ]
    assert len(rows(rollup.EVER)) == 1


def test_a_long_silence_is_caught_up_in_steps() -> None:
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    Mark.objects.create(name=rollup.MARK, at=start)
    ended(start + timedelta(minutes=30))
    steps = 1
    while rollup.fold():
        steps += 1
    assert steps > 20
    assert [row.succeeded for row in rows(rollup.HOUR)] == [1]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_count_at_once_one_does(hour: datetime) -> None:
    """The loser finds the mark locked and leaves; nothing is counted twice."""
    ended(hour + timedelta(seconds=5))
    outcome: list[bool] = []

    def count() -> None:
        try:
            outcome.append(rollup.fold())
        finally:
            connection.close()

    with transaction.atomic():
        Mark.objects.select_for_update().get(name=rollup.MARK)
        other = threading.Thread(target=count)
        other.start()
        other.join(timeout=10)
    assert outcome == [False]
    assert rows(rollup.MINUTE) == []
    racers = [threading.Thread(target=count) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=20)
    fold_all()
    assert [row.succeeded for row in rows(rollup.EVER)] == [1]


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0001, 0), (0.001, 1), (0.0015, 1), (3.9, 12), (9999, 23)]
)
def test_a_time_falls_into_its_class(hour: datetime, seconds: float, place: int) -> None:
    ended(hour, ran=seconds, id=uuid4())
    fold_all()
    [row] = rows(rollup.EVER)
    assert row.run_counts.index(1) == place


def test_quantiles_lie_in_their_class() -> None:
    counts = [0] * rollup.CLASSES
    assert rollup.quantile(counts, 0.5) is None
    counts[2] = 100  # 2 ms to 4 ms
    assert rollup.quantile(counts, 0.5) == pytest.approx(0.003)
    assert rollup.quantile(counts, 1.0) == pytest.approx(0.004)
    counts[-1] = 100
    assert rollup.quantile(counts, 0.99) == rollup.BOUNDS[-1], (
        "longer than the longest class has no better answer"
    )
