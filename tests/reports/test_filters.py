"""Filters of the list of reports: what each chooses, for whom, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs.ledger import database
from reports.models import Photo, Report, Status
from tests.reports.conftest import SignIn
from tests.reports.desk import LIST, signed_in
from tests.reports.factories import (
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"
HOUR = timedelta(hours=1)


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.fixture
def staff(clerk: User, as_user: SignIn) -> APIClient:
    return as_user(clerk)


def titles(client: APIClient, **query: Any) -> set[str]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    return {report["title"] for report in answer.json()["results"]}


def test_staff_list_what_is_assigned(staff: APIClient, clerk: User) -> None:
    mine, other = make_crew("Mine"), make_crew("Other")
    mine.members.add(clerk)
    make_report(title="me", assignee=clerk, status=Status.ASSIGNED)
    make_report(title="my crew", crew=mine, status=Status.IN_PROGRESS, published_at=None)
    make_report(title="other crew", crew=other)
    make_report(title="nobody")
    make_report(title="done", status=Status.CLOSED)
    parks = make_department("parks")
    make_report(title="elsewhere", department=parks, assignee=clerk)
    assert titles(staff, assigned="me") == {"me"}
    assert titles(staff, assigned="my_crews") == {"my crew"}
    assert titles(staff, assigned="nobody") == {"nobody"}
    assert titles(staff, crew=other.pk) == {"other crew"}
    assert staff.get(URL, {"crew": 999_999}).json()["errors"][0]["field"] == "crew"
    assert titles(staff, assigned="my_crews", status="in_progress") == {"my crew"}
    assert titles(staff, assigned="my_crews", status="assigned") == set()


def test_what_is_late_or_due_is_listed(api: APIClient) -> None:
    now = database.now()
    make_report(title="late", due_at=now - HOUR, response_due_at=now - HOUR, responded_at=now)
    make_report(title="soon", due_at=now + HOUR, response_due_at=now - HOUR)
    make_report(title="later", due_at=now + 48 * HOUR, response_due_at=now + HOUR)
    make_report(title="done", due_at=now - HOUR, status=Status.CLOSED)
    make_report(title="never")
    tomorrow = (now + 24 * HOUR).isoformat()
    assert titles(api, overdue="true") == {"late"}
    assert titles(api, overdue="false") == {"soon", "later", "done", "never"}
    assert titles(api, due_before=tomorrow) == {"late", "soon"}
    assert titles(api, answer_overdue="true") == {"soon"}
    assert titles(api, answer_overdue="false") == {"late", "later", "done", "never"}


def test_a_department_is_listed_with_those_below_it(api: APIClient) -> None:
    works = make_department("works")
    make_report(title="above", department=works)
    make_report(title="below", department=make_department("lights", parent=works))
    make_report(title="elsewhere")
    assert titles(api, department="works") == {"above", "below"}
    assert titles(api, department="lights") == {"below"}


def test_severity_time_and_confirmation_narrow_the_list(api: APIClient) -> None:
    now = database.now()
    make_report(title="gas", severity="critical", created_at=now - 3 * HOUR)
    make_report(title="hole", severity="high", created_at=now - 2 * HOUR)
    make_report(title="paint", severity="low", status=Status.CLOSED, confirmed_at=now)
    assert titles(api, severity="high,critical") == {"gas", "hole"}
    assert titles(api, confirmed="true") == {"paint"}
    assert titles(api, confirmed="false") == {"gas", "hole"}
    moment = (now - 2 * HOUR).isoformat()
    assert titles(api, created_after=moment) == {"hole", "paint"}
    assert titles(api, created_before=moment) == {"gas"}


def test_photos_that_not_everybody_sees_do_not_count(api: APIClient, staff: APIClient) -> None:
    for title, fields in {
        "shown": {"state": "ready"},
        "inside": {"state": "ready", "kind": "unrepaired"},
        "down": {"state": "taken_down"},
        "coming": {"state": "pending"},
    }.items():
        Photo.objects.create(report=make_report(title=title), **fields)
    make_report(title="none")
    for client in (api, staff):
        assert titles(client, has_photo="true") == {"shown"}
        assert titles(client, has_photo="false") == {"inside", "down", "coming", "none"}


def test_staff_choose_by_origin(staff: APIClient) -> None:
    make_report(title="old", source="SeeClickFix", external_id="1")
    make_report(title="new")
    assert titles(staff, source="SeeClickFix") == {"old"}
    assert titles(staff, source="Other") == set()
    assert titles(staff, imported="true") == {"old"}
    assert titles(staff, imported="false") == {"new"}


def test_mine_are_still_ones_own_reports(clerk: User, staff: APIClient) -> None:
    make_report(title="written", reporter=clerk)
    make_report(title="both", reporter=clerk, assignee=clerk)
    make_report(title="assigned", assignee=clerk)
    assert titles(staff, mine="true") == {"written", "both"}
    assert titles(staff, mine="true", assigned="me") == {"both"}


@pytest.mark.parametrize(
    "query", [{"assigned": "me"}, {"crew": 1}, {"source": "x"}, {"imported": "false"}]
)
def test_only_staff_ask_for_what_is_theirs(
    api: APIClient, as_user: SignIn, query: dict[str, Any]
) -> None:
    make_report(crew=make_crew(pk=1), source="x", external_id="1")
    assert api.get(URL, query).status_code == 401
    refused = as_user(make_user()).get(URL, query)
    assert refused.status_code == 403
    assert next(iter(query)) in refused.json()["detail"]
    elsewhere = as_user(make_staff(make_department("parks")))
    assert titles(elsewhere, **query) == set()


@pytest.mark.parametrize(
    "query",
    [
        {"assigned": "you"},
        {"crew": "first"},
        {"crew": 0},
        {"crew": 2**31},
        {"department": "nowhere"},
        {"severity": "high,awful"},
        {"overdue": "yes"},
        {"answer_overdue": "1"},
        {"has_photo": "maybe"},
        {"confirmed": ""},
        {"due_before": "tomorrow"},
        {"due_before": "2026-05-31T08:00:00"},
        {"created_after": "0001-01-01T00:00:00Z"},
        {"source": "x" * 81},
        {"imported": "seeclickfix"},
        {"crews": "1"},
    ],
)
def test_unknown_values_are_refused_by_name(staff: APIClient, query: dict[str, Any]) -> None:
    answer = staff.get(URL, query)
    assert answer.status_code == 400, answer.content
    assert {error["parameter"] for error in answer.json()["errors"]} == set(query)


#: Each filter that chooses few of many reports, and the index that serves it.
INDEXES = {
    "confirmed=true": "report_confirmed",
    "severity=critical": "report_serious",
    "source=SeeClickFix": "report_source",
    "assigned=me": "report_assignee",
    "overdue=true": "due on reports_report",  # report_due, or report_department_due
    "answer_overdue=true": "report_response_due",
}


def test_few_among_many_are_chosen_along_an_index(
    staff: APIClient, clerk: User, django_assert_max_num_queries: Any
) -> None:
    now = database.now()
    late = {"due_at": now - HOUR, "response_due_at": now - HOUR}
    origin = {"source": "SeeClickFix", "external_id": "1"}
    make_report(assignee=clerk, severity="critical", confirmed_at=now, **late, **origin)
    department = make_department()
    Report.objects.bulk_create(
        Report(title="Plain", latitude=41.3, longitude=-72.9, department=department,
               published_at=now, created_at=now + number * HOUR)
        for number in range(3_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reports_report")
    for query, index in INDEXES.items():
        with django_assert_max_num_queries(20) as queries:
            assert staff.get(f"{URL}?{query}").status_code == 200
        statements = [one["sql"] for one in queries]
        [listing] = [sql for sql in statements if "ORDER BY" in sql and "LIMIT 2" in sql]
        assert index in explained(listing), query


def explained(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(row[0] for row in cursor.fetchall())


# --- The desk -------------------------------------------------------------------------------------


@pytest.fixture
def desk(clerk: User) -> Client:
    return signed_in(clerk)


def test_the_desk_filters_by_crew_photo_and_confirmation(desk: Client) -> None:
    crew = make_crew("Asphalt")
    make_crew("Gardeners", make_department("parks"))
    make_report(title="Crew one", crew=crew)
    Photo.objects.create(report=make_report(title="Photo one"), state="ready")
    make_report(title="Sure one", status=Status.CLOSED, confirmed_at=database.now())
    page = desk.get(LIST).content.decode()
    assert "Asphalt, Streets" in page
    assert "Gardeners" not in page
    for query, title in {
        f"crew={crew.pk}": "Crew one",
        "photo=yes": "Photo one",
        "confirmed=yes": "Sure one",
    }.items():
        page = desk.get(f"{LIST}?{query}").content.decode()
        shown = {name for name in ("Crew one", "Photo one", "Sure one") if f">{name}<" in page}
        assert shown == {title}, query


@pytest.mark.parametrize("query", ["crew=x", "crew=99999999999999999999", "photo=?", "confirmed=1"])
def test_a_filter_of_the_desk_that_there_is_not_breaks_nothing(desk: Client, query: str) -> None:
    make_report(title="Any one")
    assert desk.get(f"{LIST}?{query}").status_code in {200, 302}
