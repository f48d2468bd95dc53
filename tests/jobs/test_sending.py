"""Options of a send: once a period, deadlines, limits, turns, sealed arguments, groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, transaction

import jobs
from jobs import sealing
from jobs.execution import settling
from jobs.ledger import transitions
from jobs.models import Attempt, OnceKey, Queue, Task, TaskGroup
from jobs.operations import actions
from jobs.states import State
from jobs.testing import advance, run_tasks
from jobs.transport.relay import take
from tests.jobs.probe.actors import (
    probe_failing,
    probe_once,
    probe_sealed,
    probe_sum_up,
    probe_transactional,
)
from tests.jobs.probe.models import Effect

pytestmark = pytest.mark.django_db


def send(key: str = "key", **options: object) -> UUID:
    with transaction.atomic():
        message = probe_transactional.send_with_options(args=(key,), **options)  # type: ignore[arg-type]
    return UUID(message.message_id)


def take_all(limit: int = 100) -> list[UUID]:
    return [parcel.id for parcel in take(["default"], uuid4(), limit=limit)]


def run(task_id: UUID) -> transitions.Claim | None:
    token = uuid4()
    return transitions.claim(task_id, uuid4(), token) or transitions.claim_limited(
        task_id, uuid4(), token
    )


def test_unknown_and_incomplete_options_are_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        send(colour="red")
    with pytest.raises(ValueError, match="unique_key"):
        send(once_per=timedelta(hours=1))
    with pytest.raises(ValueError, match="go together"):
        send(limit_key="door")
    with pytest.raises(ValueError, match="tried once"), transaction.atomic():
        probe_once.send_with_options(args=("code",), max_attempts=2)
    with pytest.raises(ValueError, match="tried once"), transaction.atomic():
        probe_once.send_many([("code",)], max_attempts=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delivery": "at_most_once"}, "Only an external actor"),
        ({"outlasts": timedelta(days=1), "max_attempts": 3}, "give one of them"),
        ({"queue_name": "elsewhere"}, "Unknown queue 'elsewhere'"),
    ],
)
def test_options_of_an_actor_that_contradict_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        jobs.actor(kind="transactional", **options)


def test_only_an_external_actor_records_what_its_call_returned() -> None:
    with pytest.raises(TypeError, match="only an external actor"):
        probe_transactional.record(print)


def test_once_a_period_whatever_became_of_the_task() -> None:
    first = send(unique_key="digest", once_per=timedelta(hours=1))
    run_tasks()
    assert send(unique_key="digest", once_per=timedelta(hours=1)) == first
    assert run_tasks() == 0
    OnceKey.objects.update(expires_at="2026-01-01T00:00:00Z")
    assert send(unique_key="digest", once_per=timedelta(hours=1)) != first
    assert run_tasks() == 1


def test_a_task_past_its_deadline_is_cancelled_instead_of_started() -> None:
    late, timely = (
        send("late", deadline=timedelta(minutes=5)),
        send("timely", deadline=timedelta(minutes=60)),
    )
    advance(timedelta(minutes=10))
    run_tasks()
    assert Task.objects.get(pk=late).state == State.CANCELLED
    assert Task.objects.get(pk=timely).state == State.SUCCEEDED
    assert Effect.objects.get().key == "timely"


def test_no_more_than_the_limit_run_at_once_under_a_key() -> None:
    tasks = [send(f"{number}", limit_key="crane", limit_count=2) for number in range(4)]
    free = send("free")
    first, second = run(tasks[0]), run(tasks[1])
    assert first is not None
    assert second is not None
    assert run(tasks[2]) is None
    assert run(free) is not None
    transitions.hand_back(tasks[2])
    waiting = Task.objects.get(pk=tasks[2])
    assert waiting.publish_at is not None
    assert take_all() == [], "what cannot start is not handed on"
    transitions.complete(first, None)
    assert run(tasks[3]) is not None


def test_a_queue_with_a_rate_keeps_its_pace() -> None:
    Queue.objects.create(name="default", rate_per_minute=1)
    tasks = [send(f"{number}") for number in range(10)]
    assert run(tasks[5]) is None, "only what was handed on at the queue's pace may start"
    first = take_all()
    assert 1 <= len(first) <= 2
    assert run(first[0]) is not None
    assert take_all() == []
    Queue.objects.update(rate_per_minute=60, next_start_at="2026-01-01T00:00:00Z")
    assert len(take_all()) == 2, "a queue that stood idle catches up with one second's worth"


def test_people_take_turns_behind_a_backlog() -> None:
    busy, quiet = uuid4(), uuid4()
    with transaction.atomic():
        probe_transactional.send_many(
            [(f"busy {number}",) for number in range(200)], created_by=busy
        )
        probe_transactional.send_many([("nobody",)])
        probe_transactional.send_many([("quiet 1",), ("quiet 2",)], created_by=quiet)
    order = Task.objects.in_bulk(take_all(limit=6)).values()
    assert sorted(task.args[0] for task in order if task.created_by != busy) == [
        "nobody",
        "quiet 1",
        "quiet 2",
    ]
    assert sum(task.created_by == busy for task in order) == 3


def test_urgent_tasks_go_before_turns() -> None:
    with transaction.atomic():
        probe_transactional.send_many([(f"{number}",) for number in range(50)], created_by=uuid4())
        probe_transactional.send_many(
            [("urgent 1",), ("urgent 2",)], created_by=uuid4(), priority=-5
        )
    first_two = Task.objects.filter(id__in=take_all(limit=2))
    assert {task.args[0] for task in first_two} == {"urgent 1", "urgent 2"}


def test_sealed_arguments_are_readable_to_the_actor_alone() -> None:
    with transaction.atomic():
        probe_sealed.send("open sesame", cave=40)
        probe_sealed.send_many([("many",)], kwargs={"cave": 1})
    with connection.cursor() as cursor:
        cursor.execute("SELECT jobs_task::text FROM jobs_task")
        assert "sesame" not in str(cursor.fetchall())
    assert run_tasks() == 2
    assert set(Effect.objects.values_list("key", flat=True)) == {"open sesame 40", "many 1"}


def test_keys_rotate_and_a_lost_key_is_a_dead_task_not_a_lost_one(settings: LazySettings) -> None:
    settings.JOBS_SEAL_KEYS = ["old"]
    sealed = sealing.seal({"args": [1]})
    settings.JOBS_SEAL_KEYS = ["new", "old"]
    assert sealing.unseal(sealed) == {"args": [1]}
    with transaction.atomic():
        probe_sealed.send("secret", cave=1)
    settings.JOBS_SEAL_KEYS = ["stranger"]
    run_tasks(raise_errors=False)
    assert Task.objects.get().state == State.DEAD
    assert Attempt.objects.get().error_type == "SealBroken"


def test_a_group_calls_back_once_all_have_ended() -> None:
    group_id = jobs.send_group(
        probe_transactional, [("a",), ("b",)], then=probe_sum_up, then_args=("sum",)
    )
    assert run_tasks() == 3
    assert Effect.objects.filter(key="sum").count() == 1
    assert not settling.settle(group_id)


def test_a_group_ends_with_its_dead_and_a_replay_does_not_call_back_again() -> None:
    group_id = jobs.send_group(probe_failing, [("luck",)], then=probe_sum_up, then_args=("sum",))
    run_tasks(raise_errors=False, until_delay=False)
    child = Task.objects.get(group_id=group_id)
    assert child.state == State.DEAD
    actions.replay([child.id], by=None)
    run_tasks(raise_errors=False, until_delay=False)
    assert Effect.objects.filter(key="sum").count() == 1


def test_a_group_whose_callback_this_release_does_not_know_waits_and_holds_up_no_other() -> None:
    strange, known = (
        jobs.send_group(probe_transactional, [(key,)], then=probe_sum_up, then_args=(key,))
        for key in "ab"
    )
    TaskGroup.objects.filter(pk=strange).update(callback_actor="actor_of_tomorrow")
    actions.cancel(Task.objects.values_list("id", flat=True), by=None)
    assert not settling.settle(strange)
    assert settling.settle_forgotten() == 1
    assert TaskGroup.objects.get(callback_task_id=None).pk == strange
    assert TaskGroup.objects.exclude(callback_task_id=None).get().pk == known


def test_an_empty_group_ends_at_once_and_a_forgotten_one_is_found() -> None:
    jobs.send_group(probe_transactional, [], then=probe_sum_up, then_args=("empty",))
    group_id = jobs.send_group(
        probe_transactional, [("a",)], then=probe_sum_up, then_args=("cancelled",)
    )
    actions.cancel(Task.objects.filter(group_id=group_id).values_list("id", flat=True), by=None)
    assert settling.settle_forgotten() == 1
    run_tasks()
    assert set(Effect.objects.values_list("key", flat=True)) == {"empty", "cancelled"}
    assert not TaskGroup.objects.filter(callback_task_id=None).exists()
