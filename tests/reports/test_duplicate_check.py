"""Suggesting what a report repeats: before it is sent, and to staff."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from jobs.models import Task
from jobs.testing import run_tasks
from reports.duplicates import merging, suggesting
from reports.models import (
    DuplicatePair,
    Report,
    ReportVector,
    Status,
)
from reports.models.place import cell_of
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_clerk,
    make_report,
    make_staff,
    make_user,
    new_report,
    stored_pair,
)

State = DuplicatePair.State
REPORTS, CHECK = "/api/v1/reports/", "/api/v1/reports/check-duplicates/"
METRE = 1 / 111_195

pytestmark = pytest.mark.django_db


# --- Before sending -------------------------------------------------------------------------------


def test_the_check_shows_what_is_open_near_by(api: APIClient) -> None:
    known = make_report(latitude=41.3 + 20 * METRE)
    make_report(title="Couch dumped", description="A couch.")
    answer = api.post(CHECK, new_report())
    assert answer.status_code == 200
    [found] = answer.data["candidates"]
    assert found["id"] == str(known.pk)
    assert found["metres"] == 20
    assert found["probability"] > 0.7
    assert "Both speak of pothole." in found["reasons"]
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "overrides",
    [
        {"status": Status.RESOLVED},
        {"published_at": None},
        {"latitude": 41.3 + 160 * METRE},
    ],
)
def test_the_check_shows_nothing_closed_hidden_or_far(
    api: APIClient, overrides: dict[str, Any]
) -> None:
    make_report(**overrides)
    assert api.post(CHECK, new_report()).data["candidates"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        new_report(latitude=91),
        new_report(longitude="NaN"),
        new_report(description=""),
        new_report(description="x" * 10_001),
    ],
)
def test_the_check_refuses_what_is_no_report(api: APIClient, body: dict[str, Any]) -> None:
    answer = api.post(CHECK, body)
    assert answer.status_code == 400
    assert answer.data["errors"]


def test_a_repeated_report_is_answered_with_the_candidates_unless_acknowledged(
    api: APIClient, settings: Any
) -> None:
    known = make_report()
    refused = api.post(REPORTS, new_report(title="Big hole"))
    assert refused.status_code == 409
    assert refused.data["type"].endswith("likely-duplicate")
    assert [one["id"] for one in refused.data["candidates"]] == [str(known.pk)]
    assert Report.objects.count() == 1
    kept = api.post(
        REPORTS, new_report(title="Big hole"), headers={"X-Acknowledge-Duplicate": "true"}
    )
    assert kept.status_code == 201
    settings.DUPLICATE_CHECK_ENABLED = False
    assert api.post(REPORTS, new_report(title="Huge hole")).status_code == 201


def test_an_acknowledgement_that_is_neither_true_nor_false_is_refused(api: APIClient) -> None:
    answer = api.post(REPORTS, new_report(), headers={"X-Acknowledge-Duplicate": "treu"})
    assert answer.status_code == 400
    assert answer.data["errors"][0]["field"] == "X-Acknowledge-Duplicate"
    assert not Report.objects.exists()


def test_the_refusal_leaves_the_idempotency_key_free(api: APIClient) -> None:
    make_report()
    key = {"Idempotency-Key": str(uuid4())}
    assert api.post(REPORTS, new_report(title="Hole"), headers=key).status_code == 409
    acknowledged = key | {"X-Acknowledge-Duplicate": "true"}
    assert api.post(REPORTS, new_report(title="Hole"), headers=acknowledged).status_code == 201


def test_too_many_checks_are_refused(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.duplicates.views.CHECKS", 1)
    assert [api.post(CHECK, {"latitude": "x"}).status_code for _ in range(2)] == [400, 400]
    assert [api.post(CHECK, new_report()).status_code for _ in range(2)] == [200, 429]


# --- Suggesting -----------------------------------------------------------------------------------


def test_a_new_report_is_suggested_with_reasons_by_vectors(as_user: SignIn) -> None:
    make_category()
    for _ in range(2):
        answer = as_user(make_user()).post(
            REPORTS, new_report(), headers={"X-Acknowledge-Duplicate": "1"}
        )
        assert answer.status_code == 201
    run_tasks()
    first, second = Report.objects.order_by("pk")
    assert (stored_pair().earlier, stored_pair().later, stored_pair().state) == (
        first,
        second,
        State.SUGGESTED,
    )
    assert stored_pair().reasons
    assert {first.status, second.status} <= {Status.NEW, Status.TRIAGED}
    assert set(ReportVector.objects.values_list("report_id", flat=True)) == {first.pk, second.pk}


def test_a_decided_pair_is_not_suggested_again() -> None:
    first, second = make_report(), make_report()
    suggesting.suggest(str(second.pk))
    merging.refuse(first, second, by=make_clerk())
    assert suggesting.suggest(str(first.pk)) == 1
    assert stored_pair().state == State.REFUSED


def test_old_imported_reports_are_not_suggested() -> None:
    make_report(is_live=False)
    assert suggesting.suggest(str(make_report().pk)) == 0
    assert suggesting.suggest(str(make_report(is_live=False).pk)) == 0


def test_the_cell_follows_the_place_when_staff_move_the_pin() -> None:
    report = make_report()
    client = Client()
    client.force_login(make_staff(is_superuser=True), backend="accounts.backends.StaffBackend")
    url = reverse("admin:reports_report_change", args=[report.pk])
    form = client.get(url).context["adminform"].form
    body = {name: "" if value is None else value for name, value in form.initial.items()}
    client.post(
        url, body | {"latitude": "41.4", "history-TOTAL_FORMS": 0, "history-INITIAL_FORMS": 0}
    )
    report.refresh_from_db()
    assert (report.latitude, report.cell) == (41.4, cell_of(41.4, -72.9))


def test_the_search_takes_one_statement_and_one_for_what_it_finds(
    django_assert_num_queries: Any, api: APIClient
) -> None:
    for _ in range(3):
        make_report()
    from reports.duplicates.checking import check

    with django_assert_num_queries(1):
        assert check("Dog", "It barks.", latitude=41.3, longitude=-72.9, reporter=None) == []
    with django_assert_num_queries(2):
        found = check("Hole", "A deep hole.", latitude=41.3, longitude=-72.9, reporter=None)
    assert len(found) == 3
