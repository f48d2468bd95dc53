"""Who adds photos to a report, and how many."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from jobs.testing import run_tasks
from reports.models import Photo, Report, new_tracking_token
from reports.models.tracking import hash_tracking_token
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_report, make_staff
from tests.reports.photos import (
    encoded,
    fetched,
    jpeg,
    picture,
    processed,
    stored_files,
    upload,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("photo_storage")]


def test_an_anonymous_reporter_adds_photos_with_the_tracking_token(api: APIClient) -> None:
    token = new_tracking_token()
    report = make_report(published_at=None, tracking_token_hash=hash_tracking_token(token))
    assert upload(api, report, jpeg()).status_code == 404
    photo = processed_with_token(api, report, token)
    assert api.get(photo["urls"]["small"]).status_code == 404
    answer = api.get(photo["urls"]["small"], headers={"X-Tracking-Token": token})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-cache")
    Report.objects.filter(pk=report.pk).update(published_at=datetime.now(UTC))
    fetched(api, photo, "small")


def processed_with_token(api: APIClient, report: Report, token: str) -> dict[str, Any]:
    answer = upload(api, report, jpeg(), headers={"X-Tracking-Token": token})
    assert answer.status_code == 202
    run_tasks()
    headers = {"X-Tracking-Token": token}
    read: dict[str, Any] = api.get(answer.headers["Location"], headers=headers).json()
    assert read["state"] == "ready"
    return read


def test_photos_of_the_repair_come_from_staff_alone(
    owner: APIClient, report: Report, as_user: SignIn
) -> None:
    assert upload(owner, report, jpeg(), fields={"kind": "repair"}).status_code == 403
    staff = as_user(make_staff(make_department()))
    photo = processed(staff, report, jpeg(), fields={"kind": "repair"})
    assert (photo["kind"], photo["state"]) == ("repair", "ready")
    assert Photo.objects.get().citizen is None
    event = AuditEvent.objects.get(event="photo.added")
    assert (event.subject, event.data) == (f"report:{report.pk}", {"photo": photo["id"]})


@pytest.mark.parametrize(
    ("path", "form", "fields"),
    [
        ("photos", {"photo": 2}, {"photo"}),
        ("photos", {"photo": 1, "another": 1}, {"photo", "another"}),
        ("photos", {"photo": 1, "kind": ["before", "repair"]}, {"kind"}),
        ("confirmation", {"photo": 2, "is_fixed": "false"}, {"photo"}),
    ],
)
def test_what_would_be_dropped_of_a_form_is_refused(
    owner: APIClient, report: Report, path: str, form: dict[str, Any], fields: set[str]
) -> None:
    sent = {
        name: [SimpleUploadedFile("a.jpg", jpeg()) for _ in range(value)]
        if isinstance(value, int)
        else value
        for name, value in form.items()
    }
    answer = owner.post(f"/api/v1/reports/{report.pk}/{path}/", sent, format="multipart")
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert not Photo.objects.exists()


def test_a_report_has_ten_photos_and_refused_ones_do_not_count(
    owner: APIClient, report: Report
) -> None:
    Photo.objects.create(report=report, state="refused", refusal="damaged")
    for _ in range(9):
        Photo.objects.create(report=report)
    assert upload(owner, report, jpeg()).status_code == 202
    answer = upload(owner, report, jpeg())
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-photos")
    assert answer.json()["detail"] == "A report may have 10 photos of the problem."
    assert len(stored_files()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_last_photos_at_once_one_is_refused(report: Report, as_user: SignIn) -> None:
    for _ in range(9):
        Photo.objects.create(report=report)
    assert report.reporter is not None
    start, statuses = Barrier(4), []

    def send(client: APIClient) -> None:
        start.wait()
        statuses.append(upload(client, report, jpeg()).status_code)
        connection.close()

    threads = [Thread(target=send, args=(as_user(report.reporter),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202, 409, 409, 409]
    assert (report.photos.count(), len(stored_files())) == (10, 1)


def test_a_repeated_request_adds_one_photo(owner: APIClient, report: Report) -> None:
    content, key = jpeg(), {"Idempotency-Key": "0b6c1f4e-photo"}
    first, second = (upload(owner, report, content, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (Photo.objects.count(), len(stored_files())) == (1, 1)
    other = encoded(picture(100, 100))
    assert upload(owner, report, other, headers=key).status_code == 422


def test_a_sender_of_very_many_photos_has_to_wait(
    owner: APIClient, report: Report, settings: LazySettings
) -> None:
    settings.PHOTOS_PER_SENDER_HOUR = 2
    assert [upload(owner, report, jpeg()).status_code for _ in range(3)] == [202, 202, 429]
