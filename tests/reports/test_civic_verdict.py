"""What `make faults` checks about photos, merges and reopenings fails where something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jobs.testing import run_tasks
from reports.duplicates import merging
from reports.models import Merge, Report, Status
from reports.workflow import transitions
from reports.workflow.performing import Inputs
from reports.workflow.table import STAFF
from tests.faults import civic
from tests.faults.civic import CivicPromises
from tests.reports.factories import make_clerk, make_report, make_user
from tests.reports.photos import make_photo

pytestmark = pytest.mark.django_db
Judge = Callable[[CivicPromises], set[str]]


@pytest.fixture
def judge(photo_storage: Path) -> Judge:
    """Returns the kinds of breaches that the verdict finds."""

    def found(promises: CivicPromises) -> set[str]:
        breaches: set[str] = set()

        def note(what: str, cases: Iterable[object]) -> int:
            number = len(list(cases))
            breaches.update([what] if number else [])
            return number

        civic.judge(connection.connection, promises, photo_storage, note)
        return breaches

    return found


def reopen(report: Report) -> None:
    clerk = make_clerk()
    for name, note in (("resolve", ""), ("reopen", "Still there.")):
        transitions.take(report, name, by=clerk, roles=STAFF, inputs=Inputs(note=note))


def test_what_is_as_promised_passes(judge: Judge) -> None:
    photo = make_photo(make_report(status=Status.NEW))
    assert judge(CivicPromises(photos={str(photo.pk)})) == set()


def test_photos_are_missed(judge: Judge, photo_storage: Path) -> None:
    report = make_report(status=Status.NEW)
    make_photo(report).files.filter(size="small").delete()
    make_photo(report, state="pending")
    used = make_photo(report).files.first()
    assert used is not None
    (photo_storage / used.name).unlink()
    promises = CivicPromises(photos={"0193a000-0000-7000-8000-000000000000"})
    assert judge(promises) == {
        "photos answered 202 that vanished",
        "photos that are not ready",
        "photos without their files, or with more",
        "files of photos without a row",
        "photos whose file is gone",
    }


def test_steps_are_missed(judge: Judge) -> None:
    report = make_report(reporter=make_user())
    reopen(report)
    reopen(report)
    promises = CivicPromises()
    promises.steps["0193a000-0000-7000-8000-000000000000", "reopen"] = 1
    found = judge(promises)
    assert found >= {
        "steps answered 200 that vanished",
        "steps that were taken twice",
        "steps of which the reporter did not hear",  # no task has run
        "reports whose steps and audit log differ",
    }


@pytest.mark.django_db(transaction=True)
def test_a_merge_that_was_undone_before_anybody_heard_of_it_passes(
    judge: Judge, settings: Any
) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 60
    clerk, original = make_clerk(), make_report(status=Status.NEW)
    duplicate = make_report(reporter=make_user(), status=Status.NEW)
    merging.merge(duplicate, into=original, by=clerk)
    merging.undo(duplicate, original, by=clerk)
    run_tasks()
    assert judge(CivicPromises(merged={str(duplicate.pk): False})) == set()


def test_merges_are_missed(judge: Judge) -> None:
    duplicate, original = make_report(reporter=None), make_report(reporter=None)
    merging.merge(duplicate, into=original, by=make_clerk())
    undone = CivicPromises(merged={str(duplicate.pk): False})
    assert "merges or their undoing that vanished" in judge(undone)
    undone.doubtful.add(str(duplicate.pk))
    assert "merges or their undoing that vanished" not in judge(undone)
    Merge.objects.all().delete()
    Report.objects.filter(pk=original.pk).update(status=Status.CLOSED)
    assert judge(CivicPromises()) >= {
        "reports whose status and merge differ",
        "reports whose status is not their history's",
    }
