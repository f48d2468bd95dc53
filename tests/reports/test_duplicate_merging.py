"""Merging reports, undoing it and refusing it, also interrupted and at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from accounts.models import AuditEvent
from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.duplicates import merging, suggesting
from reports.errors import MergeRefused, StatusChangedMeanwhile, TransitionNotAllowed
from reports.models import (
    DuplicatePair,
    Merge,
    Report,
    Status,
    StatusChange,
    merged_into,
)
from reports.workflow.transitions import change_status
from tests.accounts.racing import race
from tests.reports.factories import (
    make_clerk,
    make_report,
    make_user,
    stored_pair,
)

State = DuplicatePair.State

pytestmark = pytest.mark.django_db


# --- Merging --------------------------------------------------------------------------------------


def test_a_merge_keeps_both_and_tells_why() -> None:
    original, duplicate = make_report(), make_report(reporter=make_user(wants_sms=True))
    merging.merge(duplicate, into=original, by=make_clerk())
    duplicate.refresh_from_db()
    assert (duplicate.status, stored_pair().state) == (Status.DUPLICATE, State.MERGED)
    line = StatusChange.objects.filter(report=duplicate).last()
    assert line is not None
    assert (line.to_status, original.title in line.note) == (Status.DUPLICATE, True)
    assert merged_into(original) == [duplicate]
    run_tasks()
    assert Delivery.objects.get().user == duplicate.reporter
    assert AuditEvent.objects.filter(event="report.merged").count() == 1


def test_a_merge_publishes_nothing_and_names_nothing_hidden() -> None:
    original = make_report(published_at=None, title="A secret")
    duplicate = make_report(published_at=None)
    merging.merge(duplicate, into=original, by=make_clerk())
    duplicate.refresh_from_db()
    assert duplicate.published_at is None
    assert not StatusChange.objects.filter(note__contains="secret").exists()


def test_reporters_of_all_merged_reports_hear_of_every_step_once() -> None:
    desk = make_clerk()
    people = [make_user(wants_sms=True) for _ in range(3)]
    original, second, third = (make_report(reporter=one) for one in people)
    twice = make_report(reporter=people[0])
    merging.merge(third, into=second, by=desk)
    merging.merge(second, into=original, by=desk)
    merging.merge(twice, into=original, by=desk)
    run_tasks()
    Delivery.objects.all().delete()
    original.refresh_from_db()
    change_status(original, to=Status.RESOLVED, by=desk)
    run_tasks()
    told = Delivery.objects.values_list("user_id", flat=True)
    assert sorted(told) == sorted(person.pk for person in people)


def test_undoing_a_merge_gives_the_report_back() -> None:
    desk = make_clerk()
    original, duplicate = make_report(), make_report()
    merging.merge(duplicate, into=original, by=desk)
    merging.undo(original, duplicate, by=desk)
    duplicate.refresh_from_db()
    assert (duplicate.status, stored_pair().state) == (Status.TRIAGED, State.SUGGESTED)
    assert merged_into(original) == []
    assert Merge.objects.get().undone_by == desk
    merging.merge(duplicate, into=original, by=desk)
    assert Merge.objects.count() == 2


def test_a_plain_step_out_of_duplicate_ends_the_merge_too() -> None:
    desk = make_clerk()
    original, duplicate = make_report(), make_report()
    merging.merge(duplicate, into=original, by=desk)
    duplicate.refresh_from_db()
    change_status(duplicate, to=Status.TRIAGED, by=desk)
    assert merged_into(original) == []
    assert stored_pair().state == State.SUGGESTED


def test_a_refused_pair_stays_refused_until_that_is_undone() -> None:
    desk = make_clerk()
    first, second = make_report(), make_report()
    merging.refuse(first, second, by=desk)
    with pytest.raises(MergeRefused, match="not the same"):
        merging.merge(second, into=first, by=desk)
    merging.undo(first, second, by=desk)
    merging.merge(second, into=first, by=desk)
    with pytest.raises(MergeRefused, match="merged"):
        merging.refuse(first, second, by=desk)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.DUPLICATE])
def test_what_does_not_stand_takes_no_duplicates(status: Status) -> None:
    with pytest.raises(MergeRefused, match=str(status.label)):
        merging.merge(make_report(), into=make_report(status=status), by=make_clerk())


def test_a_report_is_not_its_own_duplicate() -> None:
    report, desk = make_report(), make_clerk()
    for decide in (
        lambda: merging.merge(report, into=report, by=desk),
        lambda: merging.refuse(report, report, by=desk),
    ):
        with pytest.raises(MergeRefused):
            decide()


def test_work_that_has_ended_is_not_merged() -> None:
    with pytest.raises(TransitionNotAllowed):
        merging.merge(make_report(status=Status.CLOSED), into=make_report(), by=make_clerk())


def test_nothing_decided_cannot_be_undone() -> None:
    with pytest.raises(MergeRefused, match="Nothing"):
        merging.undo(make_report(), make_report(), by=make_clerk())


# --- Interrupted, and at once ---------------------------------------------------------------------


class Killed(Exception):
    """The process ended here."""


@contextmanager
def killed_at(statement: int) -> Iterator[None]:
    """Run so many statements, and none after them."""
    left = statement

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return execute(*arguments)

    with connection.execute_wrapper(count):
        yield


def traces() -> list[Any]:
    return [
        list(Report.objects.order_by("pk").values_list("status", flat=True)),
        list(DuplicatePair.objects.values_list("state", flat=True)),
        Merge.objects.filter(undone_at=None).count(),
        StatusChange.objects.count(),
        Task.objects.count(),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_undoing", [False, True])
def test_killed_between_any_two_steps_nothing_is_lost_or_doubled(is_undoing: bool) -> None:
    desk = make_clerk()
    original, duplicate = make_report(), make_report(reporter=make_user())
    if is_undoing:
        merging.merge(duplicate, into=original, by=desk)

    def act() -> None:
        if is_undoing:
            merging.undo(duplicate, original, by=desk)
        else:
            merging.merge(duplicate, into=original, by=desk)

    before, statement = traces(), 0
    while True:
        try:
            with killed_at(statement):
                act()
            break
        except Killed:
            assert traces() == before, statement
        statement += 1
    assert statement > 8
    after = traces()
    assert after != before
    assert after[2] == (0 if is_undoing else 1)
    assert after[3] == before[3] + 1
    assert after[4] == before[4] + 3  # the step's audit event and message, and the decision's


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_of_the_same_reports_one_holds() -> None:
    desk, both = make_clerk(), [make_report(), make_report()]
    turns = iter([(both[0], both[1]), (both[1], both[0])] * 2)

    def merge() -> None:
        duplicate, original = next(turns)
        merging.merge(duplicate, into=original, by=desk)

    outcomes = race(merge, times=4)
    assert outcomes.count(None) == 1
    assert {type(one) for one in outcomes if one} <= {MergeRefused, TransitionNotAllowed}
    assert Merge.objects.count() == 1
    assert DuplicatePair.objects.count() == 1
    assert list(Report.objects.filter(status=Status.DUPLICATE).values_list("pk", flat=True)) == [
        Merge.objects.get().duplicate_id
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", ["duplicate", "original"])
def test_a_merge_against_a_rejection_of_either_report(side: str) -> None:
    desk, reports = make_clerk(), {"duplicate": make_report(), "original": make_report()}
    turns = iter(["merge", "reject"])

    def act() -> None:
        if next(turns) == "merge":
            merging.merge(reports["duplicate"], into=reports["original"], by=desk)
        else:
            change_status(reports[side], to=Status.REJECTED, by=desk)

    outcomes = race(act, times=2)
    errors = [one for one in outcomes if one]
    allowed = (MergeRefused, TransitionNotAllowed, StatusChangedMeanwhile)
    assert all(isinstance(one, allowed) for one in errors)
    is_merged = Merge.objects.exists()
    status = Report.objects.get(pk=reports["duplicate"].pk).status
    assert is_merged == (status == Status.DUPLICATE)
    if side == "duplicate":
        assert len(errors) == 1
    lines = StatusChange.objects.filter(report=reports["duplicate"]).count()
    assert lines == (1 if status == Status.TRIAGED else 2)


@pytest.mark.django_db(transaction=True)
def test_of_a_merge_and_a_refusal_one_holds() -> None:
    desk, first, second = make_clerk(), make_report(), make_report()
    turns = iter(["merge", "refuse"])

    def act() -> None:
        if next(turns) == "merge":
            merging.merge(second, into=first, by=desk)
        else:
            merging.refuse(first, second, by=desk)

    outcomes = race(act, times=2)
    assert [type(one) for one in outcomes if one] == [MergeRefused]
    assert (stored_pair().state == State.MERGED) == Merge.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_searches_at_once_store_one_suggestion() -> None:
    turns = iter([str(make_report().pk), str(make_report().pk)] * 2)
    outcomes = race(lambda: suggesting.suggest(next(turns)), times=4)
    assert outcomes == [1] * 4
    assert stored_pair().state == State.SUGGESTED
