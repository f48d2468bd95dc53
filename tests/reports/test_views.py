"""The REST API of reports: what it takes, what it answers, what it refuses."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.testing import assert_sent, run_tasks
from notifications.actors import notify_user
from notifications.models import Delivery
from reports.actors import acknowledge_report, classify_report, route_report
from reports.following import unsubscribing
from reports.models import CategorySource, Report, Status
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"


def test_creation_answers_201_with_everything_and_sends_its_tasks(as_user: SignIn) -> None:
    user = make_user()
    response = as_user(user).post(URL, new_report(severity="high", address="1 Mill Lane"))
    assert response.status_code == 201, response.data
    body = response.json()
    assert body["status"] == "new"
    assert body["severity"] == "high"
    assert body["address"] == "1 Mill Lane"
    assert body["is_own"] is True
    assert body["tracking_token"] is None
    assert [line["status"] for line in body["history"]] == ["new"]
    assert response["Location"].endswith(f"/reports/{body['id']}/")
    assert_sent(classify_report, body["id"])
    assert AuditEvent.objects.get(subject=f"report:{body['id']}").actor_id == user.pk
    assert user.reputation_entries.get().points == 5


def test_a_new_report_is_audited_credited_and_acknowledged_once(as_user: SignIn) -> None:
    user = make_user(wants_sms=True)
    report_id = as_user(user).post(URL, new_report()).json()["id"]
    run_tasks()
    with transaction.atomic():
        acknowledge_report(report_id, str(user.pk), "Deep hole")  # as version 0.2 has sent it
    assert AuditEvent.objects.filter(subject=f"report:{report_id}").exists()
    assert user.reputation_entries.get().points == 5
    delivery = Delivery.objects.get(user=user)
    assert delivery.template == "report_received"
    assert delivery.context["path"] == f"/reports/{report_id}"


def test_the_chosen_category_is_kept_and_routed_with_a_deadline(as_user: SignIn) -> None:
    make_category("pothole", sla_hours=72)
    user = make_user()
    client = as_user(user)
    report_id = client.post(URL, new_report(category="pothole", severity="high")).json()["id"]
    assert_sent(route_report, report_id)
    run_tasks()
    body = client.get(f"{URL}{report_id}/").json()
    assert body["category"] == "pothole"
    assert body["category_confidence"] is None
    assert body["department"] == "streets"
    assert body["status"] == "triaged"
    report = Report.objects.get(pk=report_id)
    assert report.due_at == report.created_at + timedelta(hours=36)
    assert [line["status"] for line in body["history"]] == ["new", "triaged"]
    user.refresh_from_db()
    assert user.reputation == 5


def test_an_anonymous_reporter_gets_a_token_once_and_sees_the_report_with_it(
    api: APIClient,
) -> None:
    created = api.post(URL, new_report()).json()
    token, url = created["tracking_token"], f"{URL}{created['id']}/"
    assert len(token) >= 40
    assert token not in str(Report.objects.values().get(pk=created["id"]))
    assert api.get(url).status_code == 404
    assert api.get(url, {"token": "wrong"}).status_code == 404
    queries = ({"token": token}, {"tracking_token": token})
    for response in (
        *(api.get(url, query) for query in queries),
        api.get(url, headers={"X-Tracking-Token": token}),
    ):
        assert response.status_code == 200
        assert response.json()["is_own"] is True
        assert "tracking_token" not in response.json()
    assert api.get(URL).json()["results"] == []


def test_an_anonymous_report_credits_and_notifies_nobody(api: APIClient) -> None:
    make_category()
    api.post(URL, new_report(category="pothole"))
    run_tasks()
    assert not User.objects.exists()


def test_a_token_opens_no_other_report(api: APIClient) -> None:
    token = api.post(URL, new_report()).json()["tracking_token"]
    other = api.post(URL, new_report()).json()["id"]
    assert api.get(f"{URL}{other}/", {"token": token}).status_code == 404


def test_an_anonymous_report_is_public_once_staff_accepts_it(
    api: APIClient, as_user: SignIn
) -> None:
    make_category()
    report_id = api.post(URL, new_report(category="pothole")).json()["id"]
    run_tasks()
    assert api.get(f"{URL}{report_id}/").status_code == 404
    staff = make_staff(make_department())
    assert (
        as_user(staff).post(f"{URL}{report_id}/status/", {"status": "in_progress"}).status_code
        == 200
    )
    assert api.get(f"{URL}{report_id}/").status_code == 404
    step = {"status": "resolved", "publish": True}
    assert as_user(staff).post(f"{URL}{report_id}/status/", step).status_code == 200
    assert api.get(f"{URL}{report_id}/").json()["is_own"] is False


@pytest.mark.parametrize(
    "bad",
    [
        {"title": None},
        {"title": ""},
        {"title": "   "},
        {"title": 7},
        {"title": ["a"]},
        {"title": "x" * 201},
        {"description": {}},
        {"description": True},
        {"description": "x" * 10_001},
        {"latitude": "41.3"},
        {"latitude": None},
        {"latitude": True},
        {"latitude": 90.0001},
        {"latitude": -91},
        {"longitude": 180.5},
        {"longitude": []},
        {"severity": "awful"},
        {"severity": 3},
        {"severity": {"a": 1}},
        {"category": 5},
        {"category": ["pothole"]},
        {"address": 5},
        {"address": "x" * 301},
    ],
    ids=lambda bad: str(bad)[:40],
)
def test_bad_values_are_refused_and_store_nothing(api: APIClient, bad: dict[str, Any]) -> None:
    response = api.post(URL, json.dumps(new_report(**bad)), content_type="application/json")
    assert response.status_code == 400, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    assert [error["field"] for error in response.json()["errors"]] == [next(iter(bad))]
    assert not Report.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_numbers_that_are_no_coordinates_are_refused(api: APIClient, number: str) -> None:
    body = json.dumps(new_report()).replace("41.3", number)
    assert api.post(URL, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"{", b"", b'{"title": "\xff"}', b"null"])
def test_bodies_that_are_no_report_are_refused(api: APIClient, body: bytes) -> None:
    assert api.post(URL, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("text", ["nul \0 byte", "lone \ud800 surrogate"], ids=ascii)
@pytest.mark.parametrize("field", ["title", "description", "category", "address", "severity"])
def test_text_that_postgresql_cannot_hold_is_refused(api: APIClient, field: str, text: str) -> None:
    response = api.post(
        URL, json.dumps(new_report(**{field: text})), content_type="application/json"
    )
    assert response.status_code == 400


@pytest.mark.parametrize("missing", ["title", "description", "latitude", "longitude"])
def test_missing_fields_are_named(api: APIClient, missing: str) -> None:
    body = new_report()
    del body[missing]
    response = api.post(URL, body)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [missing]


def test_a_megabyte_of_description_is_refused(api: APIClient) -> None:
    assert api.post(URL, new_report(description="x" * 1_000_000)).status_code in {400, 413}


def test_an_unknown_category_is_refused_with_the_valid_ones(api: APIClient) -> None:
    make_category("pothole")
    make_category("graffiti")
    make_category("closed", is_active=False)
    response = api.post(URL, new_report(category="volcano"))
    assert response.status_code == 400
    text = response.content.decode()
    assert "pothole" in text
    assert "graffiti" in text
    assert "closed" not in text


def test_the_same_idempotency_key_makes_one_report(as_user: SignIn) -> None:
    client = as_user(make_user())
    answers = [client.post(URL, new_report(), headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert Report.objects.count() == 1
    assert (
        client.post(URL, new_report(title="Other"), headers={"Idempotency-Key": "k1"}).status_code
        == 422
    )


def test_anonymous_reports_are_limited_by_address(
    api: APIClient, as_user: SignIn, settings: Any
) -> None:
    settings.ANONYMOUS_REPORTS_PER_HOUR = 2
    answers = [api.post(URL, new_report()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert as_user(make_user()).post(URL, new_report()).status_code == 201
    assert api.get(URL).status_code == 200


def test_the_list_filters_by_status_category_and_place(api: APIClient) -> None:
    pothole, graffiti = make_category("pothole"), make_category("graffiti")
    here = make_report(category=pothole, status=Status.IN_PROGRESS, latitude=41.3, longitude=-72.9)
    make_report(category=graffiti, status=Status.RESOLVED, latitude=42.0, longitude=-73.5)

    def ids(**query: str) -> list[str]:
        return [report["id"] for report in api.get(URL, query).json()["results"]]

    assert len(ids()) == 2
    assert ids(status="in_progress") == [str(here.pk)]
    assert len(ids(status="in_progress,resolved")) == 2
    assert ids(category="pothole") == [str(here.pk)]
    assert ids(bbox="-73,41,-72,42") == [str(here.pk)]
    assert ids(bbox="-73,41,-72,42", category="graffiti") == []


def test_a_box_may_cross_the_180th_meridian(api: APIClient) -> None:
    fiji, samoa = (
        make_report(longitude=179.5, latitude=-17),
        make_report(longitude=-171.5, latitude=-14),
    )
    make_report(longitude=0, latitude=-15)
    found = {
        report["id"] for report in api.get(URL, {"bbox": "170,-20,-170,-10"}).json()["results"]
    }
    assert found == {str(fiji.pk), str(samoa.pk)}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"status": "new,lost"},
        {"category": "volcano"},
        {"mine": "perhaps"},
        {"bbox": "1,2,3"},
        {"bbox": "a,b,c,d"},
        {"bbox": "1,2,3,nan"},
        {"bbox": "1,5,3,2"},
        {"bbox": "-181,0,1,1"},
        {"bbox": "inf,0,1,1"},
        {"bbox": "0,0,1,1,1"},
        {"cursor": "nonsense"},
        {"status": "\0"},
    ],
    ids=str,
)
def test_bad_filters_are_refused(api: APIClient, as_user: SignIn, query: dict[str, str]) -> None:
    assert as_user(make_user()).get(URL, query).status_code == 400


def test_mine_lists_ones_own_reports_even_unpublished(api: APIClient, as_user: SignIn) -> None:
    user = make_user()
    own = make_report(reporter=user, published_at=None)
    make_report()
    found = [report["id"] for report in as_user(user).get(URL, {"mine": "true"}).json()["results"]]
    assert found == [str(own.pk)]
    assert api.get(URL, {"mine": "true"}).status_code == 401


def test_the_list_pages_newest_first_without_gaps(api: APIClient) -> None:
    now = timezone.now()
    made = [make_report(created_at=now - timedelta(minutes=number // 2)) for number in range(7)]
    seen: list[str] = []
    url: str | None = f"{URL}?page_size=3"
    while url:
        page = api.get(url).json()
        seen += [report["id"] for report in page["results"]]
        url = page["next"]
    assert sorted(seen) == sorted(str(report.pk) for report in made)
    times = [Report.objects.get(pk=pk).created_at for pk in seen]
    assert times == sorted(times, reverse=True)


def test_lists_and_details_cost_the_same_number_of_queries_however_many_rows(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    category = make_category()
    reports = [make_report(category=category, reporter=make_user()) for _ in range(5)]
    with django_assert_num_queries(3):  # reports, photos, who takes part in them
        api.get(URL)
    with django_assert_num_queries(5):  # history and answers too
        api.get(f"{URL}{reports[0].pk}/")
    with django_assert_num_queries(2):
        api.get("/api/v1/categories/")


@pytest.mark.parametrize("query", ["", "?category=pothole", "{id}/"])
def test_no_text_of_the_classifier_is_read_to_show_a_report(api: APIClient, query: str) -> None:
    report = make_report(category=make_category())
    with CaptureQueriesContext(connection) as asked:
        assert api.get(URL + query.format(id=report.pk)).status_code == 200
    assert not [one["sql"] for one in asked if '"examples"' in one["sql"]]


def test_nothing_identifies_a_reporter(api: APIClient) -> None:
    user = make_user(name="Ada Quill", email="ada@example.org")
    report = make_report(reporter=user)
    for url in (URL, f"{URL}{report.pk}/"):
        text = api.get(url).content.decode()
        assert not [
            fact for fact in (user.phone, user.name, user.email, str(user.pk)) if fact in text
        ]


def test_categories_and_departments_are_listed(api: APIClient) -> None:
    make_category("pothole", keywords=["hole"])
    make_category("old", is_active=False)
    categories = api.get("/api/v1/categories/").json()["results"]
    assert [(category["slug"], category["department"]) for category in categories] == [
        ("pothole", "streets")
    ]
    assert api.get("/api/v1/departments/").json()["results"] == [
        {"slug": "streets", "name": "Streets"}
    ]


@pytest.mark.parametrize("report_id", ["0", "x", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_report_is_not_found(api: APIClient, report_id: str) -> None:
    response = api.get(f"{URL}{report_id}/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("application/problem+json")


def test_staff_moves_a_report_and_the_reporter_is_told(as_user: SignIn) -> None:
    citizen = make_user()
    report = make_report(reporter=citizen)
    staff = make_staff(make_department())
    response = as_user(staff).post(
        f"{URL}{report.pk}/status/", {"status": "resolved", "note": "Filled."}
    )
    assert response.status_code == 200, response.data
    assert response.json()["status"] == "resolved"
    assert response.json()["history"][-1]["note"] == "Filled."
    change = report.history.last()
    assert change is not None
    context = {
        "report_id": str(report.pk),
        "title": "Deep hole",
        "status": "resolved",
        "note": "Filled.",
        "path": f"/reports/{report.pk}",
        "unsubscribe_path": unsubscribing.path_for_report(citizen.pk, report.pk),
        "confirm_repair": f"{report.pk}:{change.pk}",
    }
    key = f"report:{report.pk}:status:{change.pk}"
    assert_sent(notify_user, str(citizen.pk), "report_status_changed", context, key)


def test_a_step_keeps_no_guess_in_silence(as_user: SignIn) -> None:
    parks = make_department("parks")
    desk, pothole = make_department("desk", is_triage=True), make_category()
    guess = {"category_source": "classifier", "category_confidence": 0.24}
    confirmed, chosen = (
        make_report(status=Status.NEW, category=pothole, department=desk, **guess) for _ in range(2)
    )
    tree = make_category("tree", department=parks)
    client = as_user(make_user(is_staff=True, is_superuser=True))
    for report in (confirmed, chosen, make_report(status=Status.NEW)):
        for status in ("triaged", "in_progress", "resolved"):
            refused = client.post(f"{URL}{report.pk}/status/", {"status": status})
            assert refused.status_code == 409
            assert refused.json()["type"] == "/problems/category-uncertain"
    step = {"status": "triaged", "accept_guess": True}
    assert client.post(f"{URL}{confirmed.pk}/status/", step).status_code == 200
    step = {"status": "in_progress", "category": "tree"}
    assert client.post(f"{URL}{chosen.pk}/status/", step).json()["category"] == "tree"
    for report, category in ((confirmed, pothole), (chosen, tree)):
        report.refresh_from_db()
        assert (report.category, report.category_source) == (category, "staff")
        assert report.department == category.department
    step = {"status": "rejected"}  # for which no category matters
    other = make_report(status=Status.NEW)
    assert client.post(f"{URL}{other.pk}/status/", step).status_code == 200


def test_a_step_the_workflow_does_not_have_is_a_conflict(as_user: SignIn) -> None:
    report = make_report(status=Status.CLOSED)
    staff = make_staff(make_department())
    response = as_user(staff).post(f"{URL}{report.pk}/status/", {"status": "rejected"})
    assert response.status_code == 409
    assert "in_progress" in response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "gone"},
        {"status": "resolved", "note": 5},
        {"status": None},
        {"status": "resolved", "publish": "yes"},
        {"status": "resolved", "accept_guess": 1},
        {"status": "resolved", "category": "no such"},
    ],
    ids=str,
)
def test_a_bad_step_is_refused(as_user: SignIn, body: dict[str, Any]) -> None:
    report = make_report()
    response = as_user(make_staff(make_department())).post(f"{URL}{report.pk}/status/", body)
    assert response.status_code == 400


def test_the_classifier_decides_where_nobody_did(as_user: SignIn) -> None:
    make_category(
        "pothole", examples=["Huge pothole in the road"], description="Holes in the roadway."
    )
    make_category(
        "graffiti", examples=["Spray paint on the wall"], description="Paint and tags on walls."
    )
    client = as_user(make_user())
    body = new_report(
        title="Pothole in the road", description="A huge pothole in the middle of the road."
    )
    report_id = client.post(URL, body).json()["id"]
    run_tasks()
    report = Report.objects.get(pk=report_id)
    assert report.category is not None
    assert report.category.slug == "pothole"
    assert report.category_source == CategorySource.CLASSIFIER
    body = client.get(f"{URL}{report_id}/").json()
    assert 0 <= body["category_confidence"] <= 1
    assert body["category_suggestions"] is None
    staff = as_user(make_user(is_staff=True, is_superuser=True))
    first, second = staff.get(f"{URL}{report_id}/").json()["category_suggestions"]
    assert (first["category"], second["category"]) == ("pothole", "graffiti")
    assert first["confidence"] == pytest.approx(report.category_confidence)
    assert first["reasons"][0]["phrase"] == "Huge pothole in the road"
    assert first["reasons"][0]["report_id"] is None
    assert first["reasons"][0]["similarity"] > 0.7
    assert report.department is not None
    assert report.due_at is not None


def test_a_search_finds_reports_with_all_words_or_words_that_begin_with_them() -> None:
    lights = make_report(title="Street lights out", description="Pole 4711 at the school.")
    make_report(title="Street sign bent", address="Mill Lane 4712")
    for text in ("light", "LIGHTS street", "4711", "stre schoo"):
        assert ids_of(text) == [str(lights.pk)], text
    assert ids_of("light mill") == []


@pytest.mark.parametrize("text", ["!!!", "' | lights", "lights:*", "\\", "x & !y", "<->", "''"])
def test_a_search_takes_signs_of_query_languages_as_plain_text(text: str) -> None:
    make_report(title="A bent sign")
    assert ids_of(text) == []


def test_a_search_is_one_of_words_and_not_of_nothing() -> None:
    response = APIClient().get(URL, {"q": ""})
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["q"]


def ids_of(text: str) -> list[str]:
    response = APIClient().get(URL, {"q": text})
    assert response.status_code == 200, response.data
    return [report["id"] for report in response.json()["results"]]
