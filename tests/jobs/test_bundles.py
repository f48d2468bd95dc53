"""Short tasks that run many to a transaction keep every promise of tasks that run alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from queue import Queue as Messages
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from dramatiq import MessageProxy

from jobs import send_group
from jobs.execution import backlog, bundles, pace
from jobs.execution.backlog import Backlog
from jobs.ledger import transitions
from jobs.models import Attempt, Queue, Task, TaskGroup
from jobs.process import process_id
from jobs.states import State
from tests.jobs.probe.actors import (
    probe_external,
    probe_failing,
    probe_parent,
    probe_sum_up,
    probe_transactional,
)
from tests.jobs.probe.models import Call, Effect

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = ["probe_transactional", "probe_failing", "probe_parent"]


@pytest.fixture(autouse=True)
def short_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has seen these actors run, and quickly."""
    monkeypatch.setattr(pace, "_seconds", dict.fromkeys(SHORT, 0.0005))


def send_many(count: int, **options: Any) -> list[UUID]:
    """Send tasks that are due one after the other: of those due in the same moment any may be
    first.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        sent = probe_transactional.send_many([(f"{number}",) for number in range(count)], **options)
        cursor.execute(
            "UPDATE jobs_task SET publish_at = publish_at + interval '1 microsecond' * "
            "array_position(%(ids)s, id)"
            " WHERE id = ANY(%(ids)s)",
            {"ids": sent},
        )
    return sent


def effects() -> Counter[str]:
    return Counter(Effect.objects.values_list("key", flat=True))


def states() -> Counter[str]:
    return Counter(Task.objects.values_list("state", flat=True))


def test_a_bundle_is_one_transaction_and_each_task_ends_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundles, "TRANSACTION_SECONDS", 60.0)
    sent = send_many(20)
    claims = bundles.claim("default", SHORT)
    assert [claim.id for claim in claims] == sent
    assert states() == {State.RUNNING: 20}
    assert set(bundles.run(claims)) == set(sent)
    assert effects() == {f"{number}": 1 for number in range(20)}
    assert set(Task.objects.values_list("state", "attempt", "worker_id")) == {
        (State.SUCCEEDED, 1, process_id())
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM probe_effect")
        assert cursor.fetchone() == (1,)
    assert bundles.claim("default", SHORT) == []


def test_a_long_transaction_ends_early_and_the_rest_runs_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundles, "TRANSACTION_SECONDS", 0.0)
    sent = send_many(3)
    assert bundles.run(bundles.claim("default", SHORT)) == sent
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM probe_effect")
        assert cursor.fetchone() == (3,)


def test_a_bundle_is_as_large_as_its_actors_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    send_many(50)
    monkeypatch.setattr(pace, "_seconds", {"probe_transactional": 0.004})
    assert len(bundles.claim("default", ["probe_transactional"])) == 5


def test_the_most_urgent_come_first_and_people_take_turns() -> None:
    flood, other = uuid4(), uuid4()
    send_many(100, created_by=flood)
    late = send_many(3, created_by=other)
    urgent = send_many(1, priority=-5, created_by=flood)
    claimed = [claim.id for claim in bundles.claim("default", SHORT)]
    assert len(claimed) == bundles.BUNDLE_TASKS
    assert set(urgent + late) <= set(claimed)


def test_one_that_fails_has_its_own_attempt_and_the_others_end_once() -> None:
    sent = send_many(5)
    with transaction.atomic():
        failing = probe_failing.send("luck")
        probe_parent.send("parent", 3)
    succeeded = bundles.run(bundles.claim("default", SHORT))
    assert set(sent) < set(succeeded)
    assert effects() == {**{f"{number}": 1 for number in range(5)}, "parent": 1}
    assert Task.objects.filter(actor="probe_transactional", state=State.QUEUED).count() == 3, (
        "the parent's children"
    )
    task = Task.objects.get(pk=failing.message_id)
    assert (task.state, task.attempt) == (State.RETRYING, 1)
    assert Attempt.objects.get().error == "no luck today"


def test_a_task_that_was_rescued_meanwhile_is_not_ended_and_the_others_are() -> None:
    send_many(4)
    claims = bundles.claim("default", SHORT)
    lost = claims[2]
    transitions.fail(lost, transitions.Failure("WorkerLost", ""), pause=timedelta(hours=1))
    assert bundles.run(claims) == [claim.id for claim in claims if claim is not lost]
    assert states() == {State.SUCCEEDED: 3, State.RETRYING: 1}
    assert effects() == {"0": 1, "1": 1, "3": 1}


def test_a_connection_that_breaks_in_the_middle_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send_many(6)
    claims = bundles.claim("default", SHORT)
    plain, calls = probe_transactional.fn, []

    def breaking(key: str, seconds: float = 0) -> None:
        calls.append(key)
        plain(key, seconds)
        if len(calls) == 4:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(probe_transactional, "fn", breaking)
    assert len(bundles.run(claims)) == 6
    assert effects() == {f"{number}": 1 for number in range(6)}


def test_a_claim_whose_answer_was_lost_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send_many(3)
    plain = transaction.atomic

    @contextmanager
    def unsure() -> Iterator[None]:
        with plain():
            yield
        monkeypatch.setattr(transaction, "atomic", plain)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(transaction, "atomic", unsure)
    claims = bundles.claim("default", SHORT)
    assert {claim.id for claim in claims} == set(sent)
    assert len(bundles.run(claims)) == 3
    assert sum(effects().values()) == 3


def test_what_must_run_alone_is_in_no_bundle() -> None:
    send_many(1, limit_key="smtp", limit_count=1)
    send_many(1, delay=timedelta(hours=1))
    send_many(1, deadline=timedelta())
    retried = send_many(1)
    Task.objects.filter(pk__in=retried).update(state=State.RETRYING, attempt=1)
    with transaction.atomic():
        probe_external.send("abroad")
    assert bundles.claim("default", SHORT) == []


def test_a_task_that_failed_once_runs_alone_even_when_its_own_message_brings_it() -> None:
    [failed] = send_many(1)
    Task.objects.filter(pk=failed).update(state=State.RETRYING, attempt=1)
    fresh = send_many(2)
    assert [claim.id for claim in bundles.claim("default", SHORT, first=failed)] == fresh


def test_a_task_that_another_is_about_to_claim_is_not_waited_for(
    second_connection: psycopg.Connection,
) -> None:
    """Two bundles that waited for each other's tasks would stand still until PostgreSQL ended one
    of them.
    """
    sent = send_many(3)
    second_connection.execute("SELECT FROM jobs_task WHERE id = %s FOR UPDATE", [sent[1]])
    assert [claim.id for claim in bundles.claim("default", SHORT, first=sent[1])] == [
        sent[0],
        sent[2],
    ]


def test_an_actor_nobody_has_seen_run_is_not_taken_for_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "_seconds", {})
    assert bundles.short_actors("default") == []
    pace.note("probe_transactional", 0.0001)
    pace.note("probe_failing", 0.1)
    pace.note("probe_once", 0.0001)  # of another queue
    assert bundles.short_actors("default") == ["probe_transactional"]


@pytest.mark.parametrize("halt", [{"paused_at": timezone.now()}, {"rate_per_minute": 60}])
def test_a_queue_that_is_paused_or_has_a_rate_is_left_to_the_relay(halt: dict[str, Any]) -> None:
    send_many(5)
    Queue.objects.create(name="default", **halt)
    Backlog(Messages()).work_off("default")
    assert states() == {State.QUEUED: 5}


def test_a_group_ends_once_when_its_last_children_run_in_a_bundle() -> None:
    with transaction.atomic():
        send_group(probe_transactional, [("a",), ("b",)], then=probe_sum_up, then_args=("sum",))
    bundles.run(bundles.claim("default", SHORT))
    assert TaskGroup.objects.get().callback_task_id == Task.objects.get(actor="probe_sum_up").pk


def test_a_worker_thread_works_off_everything_that_is_due() -> None:
    send_many(100)
    with transaction.atomic():
        probe_external.send("abroad")
        probe_transactional.send_with_options(args=("later",), delay=timedelta(hours=1))
    Backlog(Messages()).work_off("default")
    assert states() == {State.SUCCEEDED: 101, State.QUEUED: 1}
    assert Call.objects.count() == 1
    assert sum(effects().values()) == 101


def test_a_worker_thread_turns_to_messages_that_wait_and_takes_nothing_once_it_ends() -> None:
    send_many(100)
    messages: Messages[object] = Messages()
    messages.put("somebody waits for this one")
    one_look = Backlog(messages)
    one_look.work_off("default")
    assert states()[State.SUCCEEDED] == bundles.BUNDLE_TASKS
    one_look.end()
    messages.get()
    one_look.work_off("default")
    assert states()[State.SUCCEEDED] == bundles.BUNDLE_TASKS


class Clock:
    """A clock that only a test moves forward, in milliseconds."""

    seconds = 1.0

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, milliseconds: float) -> None:
        self.seconds += milliseconds / 1000


def looks_for_tasks(thread: Backlog) -> bool:
    with CaptureQueriesContext(connection) as statements:
        thread.work_off("default")
    return len(statements) > 0


def test_a_queue_without_due_tasks_is_left_alone_for_ever_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, messages = Clock(), Messages[object]()
    monkeypatch.setattr(backlog, "time", clock)
    idle = Backlog(messages)
    assert looks_for_tasks(idle)
    for pause in (5, 10, 20, 40, 80, 100, 100):
        clock.advance(pause * 0.9)
        assert not looks_for_tasks(idle)
        clock.advance(pause * 0.2)
        assert looks_for_tasks(idle)
    messages.put("waits")  # more tasks may be due than messages wait
    clock.advance(5.5)
    assert looks_for_tasks(idle)
    messages.get()
    clock.advance(90)
    assert not looks_for_tasks(idle)
    send_many(1)
    clock.advance(20)
    assert looks_for_tasks(idle)
    assert states() == {State.SUCCEEDED: 1}
    clock.advance(5.5)  # a task was due, so the pauses are short again
    assert looks_for_tasks(idle)


def test_a_message_behind_which_others_wait_runs_with_them_and_is_known_to_have_finished() -> None:
    send_many(10)
    with transaction.atomic():
        message = probe_transactional.send("mine")
    messages: Messages[object] = Messages()
    messages.put("another")
    busy = Backlog(messages)
    task_id = UUID(message.message_id)
    assert not busy.has_finished(task_id)
    busy.run_message(probe_transactional, MessageProxy(message))
    assert busy.has_finished(task_id)
    assert effects() == {**{f"{number}": 1 for number in range(10)}, "mine": 1}
    busy.run_message(probe_transactional, MessageProxy(message))  # delivered again
    assert effects()["mine"] == 1


def test_only_the_latest_finished_tasks_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "FINISHED_TASKS", 3)
    finished = backlog._Finished()
    ids = [uuid4() for _ in range(5)]
    finished.add(ids)
    assert [task_id in finished for task_id in ids] == [False, False, True, True, True]
