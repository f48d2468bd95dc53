"""Which due task is next: by urgency, then by priority, and senders of one level take turns."""

from __future__ import annotations

from collections import Counter
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from jobs import entering
from jobs.ledger.picking import Picking
from jobs.models import Task
from jobs.urgency import Urgency
from tests.jobs.probe.actors import probe_transactional

pytestmark = pytest.mark.django_db

IS_DUE = "state IN ('queued', 'retrying') AND publish_at <= statement_timestamp()"


def send(
    count: int, sender: UUID | None, urgency: Urgency = Urgency.PERSON, **options: int
) -> None:
    with transaction.atomic(), entering(urgency, sender=sender):
        probe_transactional.send_many([("key",)] * count, **options)


def pick(limit: int, picking: Picking | None = None) -> list[Task]:
    """Pick so many tasks and take them out of the queue; return them in order."""
    with transaction.atomic():
        parcels = (picking or Picking(IS_DUE)).lock("default", limit)
    tasks = Task.objects.in_bulk([parcel.id for parcel in parcels])
    Task.objects.filter(pk__in=tasks).update(publish_at=None)
    return [tasks[parcel.id] for parcel in parcels]


def senders(tasks: list[Task]) -> list[UUID | None]:
    return [task.created_by for task in tasks]


def test_the_most_urgent_come_first_and_priority_counts_among_them() -> None:
    sender = uuid4()
    send(2, sender, Urgency.BULK, priority=-100)
    send(2, sender, Urgency.ROUTINE)
    send(2, sender, Urgency.PERSON, priority=5)
    send(1, sender, Urgency.PERSON)
    order = [(task.urgency, task.priority) for task in pick(7)]
    assert order == [(0, 0), (0, 5), (0, 5), (1, 0), (1, 0), (2, -100), (2, -100)]


def test_one_by_one_every_sender_has_a_turn_before_anybody_has_two() -> None:
    people = [uuid4() for _ in range(5)]
    send(50, people[0])
    for person in people[1:]:
        send(2, person)
    send(2, None)
    picking = Picking(IS_DUE)
    order = [sender for _ in range(12) for sender in senders(pick(1, picking))]
    assert Counter(order[:6]) == Counter([*people, None])
    assert Counter(order[6:]) == Counter([*people, None])


def test_in_batches_too_and_who_comes_late_waits_for_no_backlog() -> None:
    floods = [uuid4() for _ in range(40)]
    for flood in floods:
        send(20, flood)
    picking = Picking(IS_DUE)
    pick(32, picking)
    late = uuid4()
    send(1, late)
    following = senders(pick(32, picking)) + senders(pick(32, picking))
    assert late in following


def test_turns_are_taken_within_an_urgency_alone() -> None:
    """Who sent much bulk work loses nothing by it as a person, and the other way round."""
    one, other = uuid4(), uuid4()
    send(30, one, Urgency.BULK)
    send(3, one)
    send(10, other)
    assert Counter(senders(pick(6))) == {one: 3, other: 3}


def test_a_batch_is_full_where_only_one_sender_has_so_much() -> None:
    flood = uuid4()
    send(100, flood)
    send(2, uuid4())
    assert len(pick(64)) == 64


def test_senders_whose_tasks_are_not_due_keep_nobody_waiting() -> None:
    for number in range(30):
        send(1, UUID(int=number + 1))
    Task.objects.update(publish_at=None)
    send(3, UUID(int=1000))
    picking = Picking(IS_DUE)
    assert senders(pick(1, picking) + pick(1, picking)) == [UUID(int=1000)] * 2
