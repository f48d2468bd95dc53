"""The state machine row by row: every arrow, and every race it must lose well."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, transaction

from jobs.errors import LeaseLost, NotInTransaction, NotStorable
from jobs.ledger import interventions, transitions
from jobs.ledger.pauses import backoff
from jobs.ledger.transitions import Claim, Failure
from jobs.models import Attempt, Queue, Task
from jobs.states import State
from jobs.testing import assert_sent, run_tasks
from jobs.transport.relay import take
from tests.jobs.probe.actors import probe_failing, probe_hopeless, probe_parent, probe_transactional
from tests.jobs.probe.models import Effect

NO_PAUSE = timedelta()
OOPS = Failure("ValueError", "oops")


def send(key: str = "key", **options: object) -> UUID:
    with transaction.atomic():
        message = probe_transactional.send_with_options(args=(key,), **options)  # type: ignore[arg-type]
    return UUID(message.message_id)


def claim(task_id: UUID) -> Claim:
    claimed = transitions.claim(task_id, uuid4(), uuid4())
    assert claimed is not None
    return claimed


def state_of(task_id: UUID) -> str:
    return Task.objects.get(pk=task_id).state


pytestmark = [pytest.mark.django_db, pytest.mark.pooled]


def test_send_outside_a_transaction_names_the_fix() -> None:
    with pytest.raises(NotInTransaction, match=r"transaction\.atomic"):
        probe_transactional.send("key")
    with pytest.raises(NotInTransaction, match=r"transaction\.atomic"):
        probe_transactional.send_many([("key",)])


def test_a_task_that_cannot_be_json_is_refused_at_once() -> None:
    with pytest.raises(NotStorable, match="not JSON serializable"), transaction.atomic():
        probe_transactional.send(uuid4())  # type: ignore[arg-type]
    assert not Task.objects.exists()


def test_a_task_is_claimed_once() -> None:
    task_id = send()
    first = claim(task_id)
    assert (first.attempt, first.args) == (1, ["key"])
    assert transitions.claim(task_id, uuid4(), uuid4()) is None


def test_repeating_a_claim_with_its_token_gives_the_same_claim() -> None:
    task_id, token = send(), uuid4()
    assert transitions.claim(task_id, uuid4(), token) == transitions.claim(task_id, uuid4(), token)
    assert Task.objects.get().attempt == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_simultaneous_claims_one_wins() -> None:
    task_id = send()
    won: list[Claim] = []
    gate = threading.Barrier(10)

    def race() -> None:
        gate.wait()
        if (claimed := transitions.claim(task_id, uuid4(), uuid4())) is not None:
            won.append(claimed)
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert Task.objects.get().attempt == 1


def test_a_task_is_not_claimed_before_its_time_nor_in_a_paused_queue() -> None:
    assert transitions.claim(send(delay=timedelta(hours=1)), uuid4(), uuid4()) is None
    Queue.objects.create(name="default", paused_at="2026-01-01T00:00:00Z")
    assert transitions.claim(send(), uuid4(), uuid4()) is None


def test_completing_with_a_lost_claim_changes_nothing() -> None:
    task_id = send()
    lost = claim(task_id)
    assert transitions.fail(lost, OOPS, pause=NO_PAUSE) == State.RETRYING
    current = claim(task_id)
    with pytest.raises(LeaseLost):
        transitions.complete(lost, None)
    assert transitions.fail(lost, OOPS, pause=NO_PAUSE) is None
    transitions.complete(current, {"answer": 42})
    task = Task.objects.get()
    assert (task.state, task.result, task.attempt) == (State.SUCCEEDED, {"answer": 42}, 2)
    assert Attempt.objects.count() == 1


def test_attempts_run_out() -> None:
    task_id = send(max_attempts=2)
    assert transitions.fail(claim(task_id), OOPS, pause=NO_PAUSE) == State.RETRYING
    assert transitions.fail(claim(task_id), OOPS, pause=NO_PAUSE) == State.DEAD
    task = Task.objects.get()
    assert task.finished_at is not None
    assert task.publish_at is None


def test_a_pause_keeps_a_retry_from_being_claimed() -> None:
    task_id = send()
    transitions.fail(claim(task_id), OOPS, pause=timedelta(hours=1))
    assert transitions.claim(task_id, uuid4(), uuid4()) is None
    assert interventions.hasten(task_id)
    assert claim(task_id).attempt == 2


def test_what_postgresql_cannot_store_does_not_hide_a_failure() -> None:
    task_id = send()
    transitions.fail(
        claim(task_id), Failure("E" * 500, "nul \0 and \ud800", "t" * 100_000), pause=NO_PAUSE
    )
    attempt = Attempt.objects.get()
    assert attempt.error == "nul \ufffd and \ufffd"
    assert len(attempt.traceback) == 20_000


def test_a_waiting_task_is_cancelled_at_once_and_a_running_one_when_it_fails() -> None:
    waiting, runs = send("a"), send("b")
    claimed = claim(runs)
    assert interventions.cancel(waiting) == State.CANCELLED
    assert interventions.cancel(runs) == State.RUNNING
    assert transitions.fail(claimed, OOPS, pause=NO_PAUSE) == State.CANCELLED
    assert interventions.cancel(runs) is None
    assert transitions.claim(waiting, uuid4(), uuid4()) is None


def test_only_the_dead_are_replayed_with_all_their_attempts() -> None:
    task_id = send(max_attempts=1)
    assert interventions.replay(task_id) is None
    transitions.fail(claim(task_id), OOPS, pause=NO_PAUSE)
    assert interventions.replay(task_id) == State.QUEUED
    assert interventions.replay(task_id) is None
    assert claim(task_id).attempt == 1


def test_one_task_waits_a_key_and_the_next_may_queue_while_it_runs() -> None:
    first = send("old", unique_key="profile:1")
    assert send("new", unique_key="profile:1") == first
    claimed = claim(first)
    second = send("newer", unique_key="profile:1")
    assert second != first
    assert transitions.fail(claimed, OOPS, pause=NO_PAUSE) == State.CANCELLED, (
        "the waiting task supersedes the failed one"
    )
    assert state_of(second) == State.QUEUED


@pytest.mark.django_db(transaction=True)
def test_a_replay_is_superseded_by_one_that_queues_its_key_meanwhile(
    second_connection: psycopg.Connection,
) -> None:
    dead, rival = dead_under_a_key(), dead_under_a_key()
    second_connection.execute("UPDATE jobs_task SET state = 'queued' WHERE id = %s", [rival])
    threading.Timer(0.5, second_connection.commit).start()
    assert interventions.replay(dead) == State.CANCELLED
    assert state_of(rival) == State.QUEUED


def dead_under_a_key() -> UUID:
    task_id = send(unique_key="profile")
    assert transitions.fail(claim(task_id), OOPS, pause=NO_PAUSE, is_permanent=True) == State.DEAD
    return task_id


def test_replaying_a_task_whose_key_waits_again_supersedes_it() -> None:
    first = send(unique_key="profile:1", max_attempts=1)
    transitions.fail(claim(first), OOPS, pause=NO_PAUSE)
    second = send(unique_key="profile:1")
    assert interventions.replay(first) == State.CANCELLED
    assert state_of(second) == State.QUEUED


def test_a_task_is_taken_once_and_most_urgent_first() -> None:
    late, urgent = send("late"), send("urgent", priority=-1)
    assert [parcel.id for parcel in take(["default"], uuid4(), limit=1)] == [urgent]
    assert [parcel.id for parcel in take(["default"], uuid4(), limit=9)] == [late]
    assert take(["default"], uuid4(), limit=9) == []
    transitions.hand_back(late)
    assert [parcel.id for parcel in take(["default"], uuid4(), limit=9)] == [late]


def test_handing_back_a_claimed_task_changes_nothing() -> None:
    task_id = send()
    claim(task_id)
    transitions.hand_back(task_id)
    task = Task.objects.get()
    assert (task.state, task.publish_at) == (State.RUNNING, None)


def test_bulk_sends_are_tasks_like_any_other() -> None:
    with transaction.atomic():
        ids = probe_transactional.send_many((f"{number}",) for number in range(50))
    assert run_tasks() == 50
    assert set(Effect.objects.values_list("key", flat=True)) == {
        str(number) for number in range(50)
    }
    assert Task.objects.filter(id__in=ids).count() == 50


def test_an_actor_that_fails_leaves_no_effect_and_sends_no_child() -> None:
    with transaction.atomic():
        probe_failing.send("luck")
    with pytest.raises(ValueError, match="no luck today"):
        run_tasks()
    assert not Effect.objects.exists()
    run_tasks(raise_errors=False, until_delay=False)
    assert Task.objects.get().state == State.DEAD


def test_what_failed_waits_even_when_its_pause_is_over_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)
    with transaction.atomic():
        probe_failing.send("luck")
    assert run_tasks(raise_errors=False) == 1
    assert Task.objects.get().state == State.RETRYING


def test_children_are_sent_with_the_end_of_their_parent() -> None:
    with transaction.atomic():
        probe_parent.send("parent", 2)
    assert run_tasks() == 3
    assert_sent(probe_transactional, "parent/0")
    with pytest.raises(AssertionError, match="0 tasks"):
        assert_sent(probe_transactional, "parent/7")


def test_an_actor_called_directly_runs_here_and_now() -> None:
    probe_transactional("direct")
    assert Effect.objects.get().key == "direct"
    assert not Task.objects.exists()


def test_a_permanent_error_is_dead_at_once() -> None:
    with transaction.atomic():
        probe_hopeless.send("mind")
    run_tasks(raise_errors=False)
    task = Task.objects.get()
    assert (task.state, task.attempt) == (State.DEAD, 1)


def test_the_pause_between_attempts_grows_within_its_bounds() -> None:
    base, maximum = timedelta(seconds=1), timedelta(seconds=30)
    for attempt in range(1, 60):
        ceiling = min(maximum, base * 2 ** min(attempt - 1, 30))
        pauses = [backoff(attempt, base=base, maximum=maximum) for _ in range(50)]
        assert ceiling / 2 <= min(pauses)
        assert max(pauses) <= ceiling
        assert len(set(pauses)) > 1


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_told_is_a_failed_attempt_like_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_key: str) -> None:
        raise Unspeakable

    monkeypatch.setattr(probe_transactional, "fn", fail)
    task_id = send()
    run_tasks(raise_errors=False)
    assert state_of(task_id) == State.RETRYING
    assert Attempt.objects.get().error_type == "Unspeakable"
