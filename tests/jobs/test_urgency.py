"""A person never waits behind bulk work, and bulk work advances all the same, on both
transports.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

import jobs
from jobs.models import Queue, Task
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from jobs.transport import relay
from jobs.urgency import Urgency
from tests.jobs.conftest import Workers, wait_until, wait_until_drained
from tests.jobs.probe.actors import (
    probe_external,
    probe_failing,
    probe_failing_once,
    probe_long,
    probe_once,
    probe_parent,
    probe_sum_up,
    probe_transactional,
    probe_waiting,
)

pytestmark = pytest.mark.slow

FOR_GOOD_SECONDS = 60  # no test waits for what takes so long


def send_bulk(count: int, seconds: float = 0) -> None:
    with transaction.atomic(), jobs.entering(Urgency.BULK, sender="import:test"):
        probe_external.send_many([(f"bulk {number}", seconds) for number in range(count)])


def send_person(key: str, seconds: float = 0) -> Task:
    with transaction.atomic(), jobs.entering(Urgency.PERSON, sender=uuid4()):
        message = probe_external.send(key, seconds)
    return Task.objects.get(pk=message.message_id)


def running(urgency: Urgency) -> int:
    return Task.objects.filter(urgency=urgency, state=State.RUNNING).count()


def wait_for_success(task: Task) -> None:
    def has_succeeded() -> bool:
        return Task.objects.get(pk=task.pk).state == State.SUCCEEDED

    wait_until(has_succeeded, "the person's task to run")


@pytest.mark.parametrize("threads", [1, 3])
def test_a_person_starts_while_bulk_work_holds_all_that_it_may(
    workers: Workers, threads: int
) -> None:
    workers.start(threads=threads)
    send_bulk(10, FOR_GOOD_SECONDS)
    may_hold = max(threads - 1, 1)
    wait_until(lambda: running(Urgency.BULK) == may_hold, "bulk work to hold its threads")
    for number in range(3):
        wait_for_success(send_person(f"person {number}"))
    assert running(Urgency.BULK) == may_hold
    assert not Task.objects.filter(urgency=Urgency.BULK, state=State.SUCCEEDED).exists()


@pytest.mark.parametrize("threads", [1, 3])
def test_bulk_work_advances_while_people_hold_every_thread(workers: Workers, threads: int) -> None:
    workers.start(threads=threads)
    for number in range(threads * 4):
        send_person(f"person {number}", FOR_GOOD_SECONDS)
    wait_until(lambda: running(Urgency.PERSON) == threads, "people to hold every thread")
    send_bulk(20)
    wait_until(
        lambda: (
            not Task.objects.filter(urgency=Urgency.BULK).exclude(state=State.SUCCEEDED).exists()
        ),
        "bulk work to be done",
    )
    assert running(Urgency.PERSON) == threads


def test_bulk_work_that_waits_for_others_holds_up_none_and_is_not_held_up(
    workers: Workers,
) -> None:
    workers.start(threads=1)
    send_waiting("slow", FOR_GOOD_SECONDS)
    wait_until(lambda: running(Urgency.BULK) == 1, "the slow machine to be asked")
    send_bulk(1, FOR_GOOD_SECONDS)
    wait_until(lambda: running(Urgency.BULK) == 2, "other bulk work to run meanwhile")
    wait_for_success(send_waiting("quick"))
    assert running(Urgency.BULK) == 2


def send_waiting(key: str, seconds: float = 0) -> Task:
    with transaction.atomic(), jobs.entering(Urgency.BULK, sender="import:test"):
        message = probe_waiting.send(key, seconds)
    return Task.objects.get(pk=message.message_id)


def test_bulk_work_of_every_kind_ends_and_its_children_are_bulk(workers: Workers) -> None:
    """Also what cannot be taken in passing: retried tasks, those under a limit or in a queue
    with a rate.
    """
    Queue.objects.create(name="critical", rate_per_minute=6000)
    with transaction.atomic(), jobs.entering(Urgency.BULK, sender="import:test"):
        probe_parent.send("parent", 3)
        probe_long.send("long", 2)
        probe_failing_once.send("again")
        probe_transactional.send_many([("limited",)] * 3, limit_key="one", limit_count=1)
        probe_once.send_many([("in a queue with a rate",)] * 3)
    workers.start(threads=2)
    wait_until_drained()
    assert set(Task.objects.values_list("state", "urgency")) == {(State.SUCCEEDED, Urgency.BULK)}
    assert Task.objects.values("created_by").distinct().count() == 1


@pytest.mark.parametrize("transport", ["rabbitmq"])
def test_no_bulk_work_is_handed_to_rabbitmq(workers: Workers) -> None:
    workers.start(
        threads=1, queues=("notifications",)
    )  # it relays every queue, and works off another
    send_bulk(50)
    person = send_person("person")
    wait_until(
        lambda: Task.objects.filter(pk=person.pk, published_at__isnull=False).exists(),
        "the relay to hand on",
    )
    assert not Task.objects.filter(urgency=Urgency.BULK, published_at__isnull=False).exists()


def test_a_killed_worker_leaves_no_bulk_task_behind(workers: Workers) -> None:
    first = workers.start(threads=2)
    send_bulk(5, FOR_GOOD_SECONDS)  # takes so long at the first attempt alone
    wait_until(lambda: running(Urgency.BULK) == 1, "bulk work to run")
    workers.kill(first)
    Task.objects.filter(state=State.QUEUED).update(args=["quick"])
    workers.start(threads=2)
    wait_until_drained()
    assert set(Task.objects.values_list("state", flat=True)) == {State.SUCCEEDED}


@pytest.mark.django_db
def test_a_retry_a_replay_and_a_rescue_keep_the_urgency_and_the_sender() -> None:
    sender = uuid4()
    with transaction.atomic(), jobs.entering(Urgency.BULK, sender=sender):
        probe_failing.send("luck")
    for expected in (State.RETRYING, State.DEAD):
        Task.objects.update(run_at="2020-01-01T00:00:00Z", publish_at="2020-01-01T00:00:00Z")
        run_tasks(raise_errors=False)
        task = Task.objects.get()
        assert (task.state, task.urgency, task.created_by) == (expected, Urgency.BULK, sender)
    actions.replay([task.pk], by=None)
    task.refresh_from_db()
    assert (task.state, task.urgency, task.created_by) == (State.QUEUED, Urgency.BULK, sender)


@pytest.mark.django_db
@pytest.mark.parametrize("children", [0, 2])
def test_what_follows_a_group_is_as_urgent_as_the_group(children: int) -> None:
    sender = uuid4()
    with transaction.atomic(), jobs.entering(Urgency.PERSON, sender=sender):
        arguments = [(f"{number}",) for number in range(children)]
        jobs.send_group(probe_transactional, arguments, then=probe_sum_up, then_args=("sum",))
    run_tasks()
    followed = Task.objects.get(actor="probe_sum_up")
    assert (followed.urgency, followed.created_by) == (Urgency.PERSON, sender)


@pytest.mark.django_db
def test_telling_of_a_jobs_end_is_as_urgent_as_the_job() -> None:
    sender = uuid4()
    with transaction.atomic(), jobs.entering(Urgency.PERSON, sender=sender):
        probe_transactional.send_with_options(
            args=("job",), job_type="tests.probe", is_completion_announced=True
        )
    run_tasks()
    told = Task.objects.get(actor="announce_completion")
    assert (told.urgency, told.created_by) == (Urgency.PERSON, sender)


@pytest.mark.django_db
def test_work_inside_a_task_may_be_less_urgent_than_the_task() -> None:
    with jobs.entering(Urgency.PERSON, sender=uuid4()):
        with jobs.entering(Urgency.BULK, sender="import:test"), transaction.atomic():
            probe_transactional.send("row")
        with transaction.atomic():
            probe_transactional.send("done")
    assert list(Task.objects.order_by("id").values_list("urgency", flat=True)) == [
        Urgency.BULK,
        Urgency.PERSON,
    ]


@pytest.mark.django_db
def test_who_asks_for_what_was_sent_once_a_period_need_not_wait_like_bulk_work() -> None:
    for urgency in (Urgency.BULK, Urgency.PERSON, Urgency.ROUTINE):
        with transaction.atomic(), jobs.entering(urgency, sender=uuid4()):
            probe_transactional.send_with_options(
                args=("digest",), unique_key="digest", once_per=timedelta(hours=1)
            )
    assert Task.objects.get().urgency == Urgency.PERSON


def take(*, is_bulk: bool) -> list[Task]:
    parcels = relay.take(["default"], uuid4(), limit=1, is_bulk=is_bulk)
    return [Task.objects.get(pk=parcel.id) for parcel in parcels]


@pytest.mark.django_db
def test_bulk_work_uses_up_no_rate_that_a_person_waits_for() -> None:
    Queue.objects.create(name="default", rate_per_minute=60)
    send_bulk(5)
    person = send_person("person")
    assert take(is_bulk=True) == []
    assert take(is_bulk=False) == [person]
    Queue.objects.update(next_start_at=None)
    assert [task.urgency for task in take(is_bulk=True)] == [Urgency.BULK]


@pytest.mark.django_db
def test_bulk_work_takes_no_place_under_a_limit_that_a_person_waits_for() -> None:
    options = {"limit_key": "door", "limit_count": 1}
    for urgency in (Urgency.BULK, Urgency.PERSON):
        with transaction.atomic(), jobs.entering(urgency):
            probe_transactional.send_many([("through the door",)], **options)
    assert take(is_bulk=True) == []
    [person] = take(is_bulk=False)
    assert person.urgency == Urgency.PERSON
    Task.objects.filter(pk=person.pk).update(state=State.SUCCEEDED)
    assert [task.urgency for task in take(is_bulk=True)] == [Urgency.BULK]
