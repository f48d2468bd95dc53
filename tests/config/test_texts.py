"""What people write is stored as it is seen, whatever way it comes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from imports.carrying_out import import_file
from imports.importers import ImportFile
from jobs.model_fields import PlainFormField
from matching.models import Opportunity, Profile
from reports.importing.importer import ReportImporter
from reports.models import Category, Report, StatusChange
from tests.accounts.factories import bearer, make_user
from tests.matching.importing import import_opportunities
from tests.reports.factories import make_category, make_report

TRICKY = "\u202eLa\u200bmp\x1b[31m\u2028out\r\n now \u2066"
LINE, PARAGRAPHS = "Lamp out now", "Lamp\nout\n now"
UNSEEN = "\u200b\u2066\u3164\u2800 \x1b[0m"
PLACE = {"latitude": 41.3, "longitude": -72.9}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    return client


@pytest.mark.django_db
def test_a_report_by_the_api() -> None:
    body = {"title": TRICKY, "description": TRICKY, "address": TRICKY, **PLACE}
    answer = APIClient().post("/api/v1/reports/", body, format="json")
    assert answer.status_code == 201
    report = Report.objects.get()
    assert [report.title, report.description, report.address] == [LINE, PARAGRAPHS, LINE]
    assert answer.json()["title"] == LINE


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["title", "description"])
def test_a_report_of_which_nothing_is_seen_is_refused(field: str) -> None:
    body = {"title": "Lamp", "description": "Out", **PLACE, field: UNSEEN}
    answer = APIClient().post("/api/v1/reports/", body, format="json")
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (
        400,
        [field],
    )


@pytest.mark.django_db
def test_a_note_by_the_api() -> None:
    report, user = make_report(), make_user(is_staff=True, is_superuser=True)
    step = {"status": "in_progress", "note": TRICKY}
    answer = APIClient().post(
        f"/api/v1/reports/{report.pk}/status/", step, format="json", headers=bearer(user)
    )
    assert answer.status_code == 200, answer.content
    assert StatusChange.objects.latest("id").note == PARAGRAPHS


@pytest.mark.django_db
def test_a_name_and_a_profile_by_the_api() -> None:
    user, client = make_user(), APIClient()
    assert (
        client.patch(
            "/api/v1/users/me", {"name": TRICKY}, format="json", headers=bearer(user)
        ).status_code
        == 200
    )
    body = {"headline": TRICKY, "about": TRICKY, "skills": [TRICKY, "Lamp out now"]}
    assert client.put(
        "/api/v1/profiles/me/", body, format="json", headers=bearer(user)
    ).status_code in (200, 201)
    profile = Profile.objects.get()
    assert User.objects.get().name == LINE
    assert (profile.headline, profile.about, profile.skills) == (LINE, PARAGRAPHS, [LINE])


@pytest.mark.django_db
def test_a_category_at_the_desk(staff: Client) -> None:
    category = make_category()
    page = f"/admin/reports/category/{category.pk}/change/"
    form = {
        "slug": category.slug,
        "name": TRICKY,
        "department": category.department_id,
        "sla_hours": 5,
        "position": 0,
        "keywords": TRICKY.replace("\r\n", ""),
        "description": TRICKY,
        "default_severity": "medium",
        "questions-TOTAL_FORMS": 0,
        "questions-INITIAL_FORMS": 0,
        "translations": "",
    }
    assert staff.post(page, form).status_code == 302
    stored = Category.objects.get(pk=category.pk)
    assert (stored.name, stored.description) == (LINE, PARAGRAPHS)
    assert staff.post(page, form | {"name": UNSEEN}).status_code == 200
    assert Category.objects.get(pk=category.pk).name == LINE


@pytest.mark.django_db
def test_every_text_at_the_desk_is_cleaned(staff: Client) -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.get(is_superuser=True)
    for model, model_admin in admin.site._registry.items():
        if not model.__module__.startswith(
            ("accounts", "desk", "georeport", "reports", "matching", "notifications", "jobs")
        ):
            continue
        if not (
            model_admin.has_add_permission(request) or model_admin.has_change_permission(request)
        ):
            continue
        for name, field in model_admin.get_form(request)().fields.items():
            base = field.base_field if isinstance(field, SimpleArrayField) else field
            if type(base) is forms.CharField and not isinstance(
                base.widget, forms.HiddenInput | forms.PasswordInput
            ):
                assert (model.__name__, name) in WRITTEN_AS_KEYS, (model.__name__, name)
            elif name in ("title", "name", "description", "note"):
                assert isinstance(base, PlainFormField), (model.__name__, name)


#: Compared with what machines send, so they are stored as they are.
WRITTEN_AS_KEYS = {
    ("User", "phone"), ("User", "locale"), ("Opportunity", "source"),
    ("Opportunity", "external_id"), ("Opportunity", "languages"), ("Report", "note"),
    ("Category", "icon"), ("Category", "colour"),
    ("CategoryGroup", "icon"), ("CategoryGroup", "colour"), ("Department", "holidays"),
    ("RoutingRule", "holidays"), ("Source", "address"),
}  # fmt: skip


@pytest.mark.django_db
def test_a_report_from_a_file(tmp_path: Path) -> None:
    make_category()
    file = tmp_path / "reports.csv"
    file.write_text(
        f'id,title,description,address,latitude,longitude\n1,"{TRICKY}","{TRICKY}","{TRICKY}",41.3,-72.9\n'
    )
    names = ("title", "description", "address", "latitude", "longitude")
    columns = {name: name for name in names} | {"external_id": "id"}
    importer = ReportImporter(ImportFile(path=file, source="x", columns=columns))
    import_file(importer, rejects=tmp_path / "rejects")
    report = Report.objects.get()
    assert [report.title, report.description, report.address] == [LINE, PARAGRAPHS, LINE]


@pytest.mark.django_db
def test_an_opportunity_from_a_file_is_unchanged_when_it_comes_again(tmp_path: Path) -> None:
    file = tmp_path / "opportunities.jsonl"
    row: dict[str, Any] = {
        "kind": "event",
        "external_id": "1",
        "title": TRICKY,
        "requirements": TRICKY,
    }
    file.write_text(json.dumps(row))
    first, again = (
        import_opportunities(file, source="x", rejects=tmp_path / "rejects") for _ in range(2)
    )
    opportunity = Opportunity.objects.get()
    assert (opportunity.title, opportunity.requirements) == (LINE, PARAGRAPHS)
    assert (first.created, again.known) == (1, 1)


@pytest.mark.django_db
def test_whatever_code_saves() -> None:
    report = make_report(title=TRICKY)
    assert report.title == LINE
    Report.objects.filter(pk=report.pk).update(title=f"{TRICKY} again")
    assert Report.objects.get().title == f"{LINE} again"
