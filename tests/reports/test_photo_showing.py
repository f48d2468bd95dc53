"""Who sees photos, how long they are cached, and how staff take them down."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from reports.models import Photo, Refusal, Report, Status
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_report, make_staff
from tests.reports.photos import (
    make_photo,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("photo_storage")]


def test_a_public_picture_is_cached_for_long_and_cannot_run_as_anything_else(
    report: Report, api: APIClient
) -> None:
    photo = make_photo(report)
    url = f"/api/v1/photos/{photo.pk}/small.jpg"
    answer = api.get(url, headers={"Accept": "image/*"})
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("inline;")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "public, max-age=31536000, s-maxage=600, immutable"
    again = api.get(url, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for missing in ("original", "huge", ".."):
        assert api.get(f"/api/v1/photos/{photo.pk}/{missing}.jpg").status_code == 404


def test_a_web_server_in_front_can_send_the_picture(
    report: Report, api: APIClient, settings: LazySettings
) -> None:
    settings.PHOTO_ACCEL_PREFIX = "/photo-files/"
    photo = make_photo(report)
    answer = api.get(f"/api/v1/photos/{photo.pk}/small.jpg")
    name = photo.files.get(size="small").name
    assert (answer["X-Accel-Redirect"], answer.content) == (f"/photo-files/{name}", b"")
    assert answer["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("status", [Status.REJECTED])
def test_the_photos_of_a_withdrawn_report_are_hidden(
    report: Report, api: APIClient, owner: APIClient, status: str
) -> None:
    url = f"/api/v1/photos/{make_photo(report).pk}/small.jpg"
    Report.objects.filter(pk=report.pk).update(status=status, published_at=None)
    assert api.get(url).status_code == 404
    owner.get(url)
    assert owner.get(url)["Cache-Control"] == "private, no-cache"


def test_staff_take_a_photo_down_and_restore_it(
    report: Report, api: APIClient, owner: APIClient, as_user: SignIn
) -> None:
    member = make_staff(make_department())
    staff, photo = as_user(member), make_photo(report)
    url = f"/api/v1/photos/{photo.pk}"
    assert staff.post(f"{url}/take-down/", {}).status_code == 400
    assert staff.post(f"{url}/restore/").status_code == 409
    answer = staff.post(f"{url}/take-down/", {"reason": "A face is to be seen."})
    assert (answer.status_code, answer.json()["state"]) == (200, "taken_down")
    assert staff.post(f"{url}/take-down/", {"reason": "Again."}).status_code == 409
    for client in (api, owner):
        assert client.get(f"{url}/small.jpg").status_code == 404
    assert api.get(f"/api/v1/reports/{report.pk}/").json()["photos"] == []
    [own] = owner.get(f"/api/v1/reports/{report.pk}/").json()["photos"]
    assert (own["state"], own["takedown_reason"]) == ("taken_down", "A face is to be seen.")
    staff.get(answer.json()["urls"]["small"])
    assert staff.post(f"{url}/restore/").json()["state"] == "ready"
    api.get(f"{url}/small.jpg")
    events = AuditEvent.objects.filter(subject=f"report:{report.pk}").order_by("id")
    assert [(one.event, one.actor_id) for one in events] == [
        ("photo.taken_down", member.pk),
        ("photo.restored", member.pk),
    ]


def test_the_desk_shows_photos_and_takes_them_down(report: Report, client: Client) -> None:
    photo = make_photo(report)
    Photo.objects.create(report=report, state="refused", refusal="damaged")
    client.force_login(make_staff(make_department()), backend="accounts.backends.StaffBackend")
    page, step = (
        reverse("admin:reports_report_change", args=[report.pk]),
        reverse("admin:reports_report_photo", args=[report.pk, photo.pk]),
    )
    content = client.get(page).content.decode()
    assert f"/api/v1/photos/{photo.pk}/medium.jpg" in content
    assert str(Refusal.DAMAGED.label) in content
    client.post(step, {"reason": " "})
    photo.refresh_from_db()
    assert photo.state == "ready"
    client.post(step, {"reason": "A face."})
    photo.refresh_from_db()
    assert (photo.state, photo.takedown_reason) == ("taken_down", "A face.")
    assert "A face." in client.get(page).content.decode()
    client.post(step, {"restore": "1"})
    photo.refresh_from_db()
    assert (photo.state, photo.takedown_reason) == ("ready", "")
    client.force_login(
        make_staff(make_department("parks")), backend="accounts.backends.StaffBackend"
    )
    assert client.post(step, {"reason": "Not mine."}).status_code == 403


def test_the_list_reads_the_photos_of_all_reports_at_once(api: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            api.get("/api/v1/reports/")
        return len(captured)

    make_photo(make_report())
    few = queries()
    for _ in range(3):
        make_photo(make_report())
    assert queries() == few
