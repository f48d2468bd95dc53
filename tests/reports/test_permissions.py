"""Who may do what with whose report: every route, as everybody."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from reports.models import Report
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_report, make_staff, make_user

pytestmark = pytest.mark.django_db

PEOPLE = (
    "owner",
    "other citizen",
    "anonymous",
    "staff elsewhere",
    "staff",
    "superuser",
    "former staff",
)
# Kind of report: who may read it.
READERS = {
    "public": set(PEOPLE),
    "unpublished": {"owner", "staff", "superuser"},
    "anonymous": {"staff", "superuser"},
}
CHANGERS = {"staff", "superuser"}


def make_client(person: str, owner: User, as_user: SignIn) -> APIClient:
    here, elsewhere = make_department("streets"), make_department("parks")
    match person:
        case "anonymous":
            return APIClient()
        case "owner":
            user = owner
        case "other citizen":
            user = make_user()
        case "staff elsewhere":
            user = make_staff(elsewhere)
        case "staff":
            user = make_staff(here)
        case "superuser":
            user = make_user(is_staff=True, is_superuser=True)
        case "former staff":
            user = make_staff(here)
            user.is_staff = False
            user.save(update_fields=["is_staff"])
    return as_user(user)


def make_kind(kind: str, owner: User) -> Report:
    match kind:
        case "public":
            return make_report(reporter=owner)
        case "unpublished":
            return make_report(reporter=owner, published_at=None)
    return make_report(reporter=None, tracking_token_hash="0" * 64, published_at=None)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("kind", READERS)
def test_who_reads(kind: str, person: str, as_user: SignIn) -> None:
    owner = make_user()
    report = make_kind(kind, owner)
    client = make_client(person, owner, as_user)
    may = person in READERS[kind]
    response = client.get(f"/api/v1/reports/{report.pk}/")
    assert response.status_code == (200 if may else 404)
    if may:
        assert response.json()["is_own"] is (person == "owner")
    listed = client.get("/api/v1/reports/").json()["results"]
    assert bool(listed) is (kind == "public" or person in CHANGERS)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("kind", READERS)
def test_who_changes_the_status(kind: str, person: str, as_user: SignIn) -> None:
    owner = make_user()
    report = make_kind(kind, owner)
    client = make_client(person, owner, as_user)
    response = client.post(f"/api/v1/reports/{report.pk}/status/", {"status": "resolved"})
    if person == "anonymous":
        expected = 401
    elif person in CHANGERS:
        expected = 200
    else:
        expected = 403 if person in READERS[kind] else 404
    assert response.status_code == expected
    report.refresh_from_db()
    assert (report.status == "resolved") is (person in CHANGERS)


@pytest.mark.parametrize("method", ["put", "delete"])
def test_nobody_replaces_or_deletes_through_the_api(method: str, as_user: SignIn) -> None:
    owner = make_user()
    report = make_report(reporter=owner)
    assert getattr(as_user(owner), method)(f"/api/v1/reports/{report.pk}/").status_code == 405
