"""Photos whose processing breaks off: nothing is lost, nothing happens twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from rest_framework.test import APIClient

from jobs import failpoints
from jobs.failpoints import Plan, ThreadKilled
from jobs.models import Task
from jobs.operations import actions
from jobs.testing import advance, run_tasks
from jobs.worker import heartbeat
from reports.actors import purge_photo_files
from reports.errors import ConversionBroke
from reports.imaging import conversion, files, processing
from reports.imaging.conversion import Converted
from reports.imaging.processing import Outcome
from reports.models import Photo, PhotoFile, Report
from tests.reports.photos import (
    jpeg,
    make_photo,
    stored_files,
    upload,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("photo_storage")]


UPLOAD_STEPS = ("photo_file_written", "photo_accepted")
WORKER_STEPS = ("photo_converted", "photo_file_written", "photo_files_written", "after_call")


def break_at(monkeypatch: pytest.MonkeyPatch, point: str, log: Path) -> None:
    monkeypatch.setattr(failpoints, "_active", Plan(f"{point}=raise@1", seed="", log=log))


@pytest.mark.parametrize("point", UPLOAD_STEPS)
@pytest.mark.django_db(transaction=True)
def test_an_upload_that_broke_off_leaves_no_photo_and_no_file_for_long(
    point: str, report: Report, owner: APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    break_at(monkeypatch, point, tmp_path / "hits")
    monkeypatch.setattr(
        files, "discard_unused", lambda _row: None
    )  # a killed process tidies nothing
    with pytest.raises(ThreadKilled):
        upload(owner, report, jpeg())
    assert (Photo.objects.count(), Task.objects.count()) == (0, 0)
    assert len(stored_files()) == PhotoFile.objects.count() == 1
    purge()
    assert len(stored_files()) == 1  # it might be one that is still being written
    PhotoFile.objects.update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    purge()
    assert (stored_files(), PhotoFile.objects.count()) == (set(), 0)


@pytest.mark.parametrize("point", WORKER_STEPS)
@pytest.mark.django_db(transaction=True)
def test_a_photo_whose_processing_broke_off_is_processed_once(
    point: str, report: Report, owner: APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upload(owner, report, jpeg())
    break_at(monkeypatch, point, tmp_path / "hits")
    with pytest.raises(ThreadKilled):
        run_tasks()
    assert Photo.objects.get().state == "pending"
    heartbeat.rescue()
    run_tasks(until_delay=False)
    photo = Photo.objects.get()
    assert (photo.state, photo.files.count()) == ("ready", 4)
    PhotoFile.objects.filter(photo=None).update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    purge()
    assert stored_files() == set(photo.files.values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_purge_that_broke_off_is_finished_by_the_next(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    photo = make_photo(report)
    kept = make_photo(report)
    photo.delete()
    PhotoFile.objects.filter(photo=None).update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    break_at(monkeypatch, "photo_files_deleted", tmp_path / "hits")
    with pytest.raises(ThreadKilled):
        purge()
    assert PhotoFile.objects.filter(photo=None).count() == 4
    purge()
    assert stored_files() == set(kept.files.values_list("name", flat=True))
    assert PhotoFile.objects.filter(photo=None).count() == 0


def test_the_slower_of_two_attempts_changes_nothing(report: Report, owner: APIClient) -> None:
    """A worker that was taken for dead may still end its call after its successor."""
    upload(owner, report, jpeg())
    slow = written_by_a_slow_worker()
    run_tasks()
    photo = Photo.objects.get()
    before = set(photo.files.values_list("name", flat=True))
    assert processing.record(slow, str(photo.pk))
    photo.refresh_from_db()
    assert set(photo.files.values_list("name", flat=True)) == before
    purge()
    assert stored_files() == before


def written_by_a_slow_worker() -> Any:
    rows = files.reserve(PhotoFile.SHOWN_SIZES)
    for row in rows:
        files.write(row, ContentFile(b"slow"))
    return Outcome(Converted(width=1, height=1), rows)


def test_a_task_that_died_refuses_the_photo_and_a_replay_brings_it_back(
    report: Report, owner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(owner, report, jpeg())
    plain = conversion.convert

    def broken(folder: Path) -> Any:
        raise ConversionBroke

    monkeypatch.setattr(conversion, "convert", broken)
    Task.objects.filter(actor="process_photo").update(max_attempts=1)
    run_tasks(raise_errors=False)
    photo = Photo.objects.get()
    assert (photo.state, photo.refusal) == ("refused", "failed")
    monkeypatch.setattr(conversion, "convert", plain)
    actions.replay([Task.objects.get(actor="process_photo").pk], by=None)
    run_tasks()
    photo.refresh_from_db()
    assert (photo.state, photo.refusal) == ("ready", "")


@pytest.mark.parametrize("what", ["photo", "report", "citizen"])
def test_the_files_go_with_their_photo_its_report_and_its_citizen(
    what: str, report: Report
) -> None:
    photo = make_photo(report)
    {"photo": photo, "report": report, "citizen": photo.citizen}[what].delete()  # type: ignore[union-attr]
    assert not Photo.objects.exists()
    PhotoFile.objects.update(created_at=datetime.now(UTC) - 2 * files.GRACE)
    purge()
    assert (stored_files(), PhotoFile.objects.count()) == (set(), 0)


def purge() -> None:
    with transaction.atomic():
        purge_photo_files.send()
    advance(timedelta(minutes=1))
    run_tasks()
