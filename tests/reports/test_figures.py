"""The city's figures: what is counted, by what, and how soon a change is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from rest_framework.test import APIClient

from config.schedule import SCHEDULE
from jobs.ledger import database
from jobs.testing import run_tasks
from reports.actors import refresh_figures
from reports.figures import days, listening, refreshing
from reports.models import (
    Area,
    CellArea,
    CityFigures,
    Confirmation,
    ConfirmedBy,
    DayFigures,
    Department,
    Post,
    Report,
    Source,
    SourceKind,
    Status,
)
from tests.reports.factories import make_department, make_report

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
SQUARE = [[-73.0, 41.2], [-72.8, 41.2], [-72.8, 41.4], [-73.0, 41.4], [-73.0, 41.2]]


@pytest.fixture
def lights() -> Department:
    return Department.objects.create(slug="lights", name="Street lighting")


def make_area(name: str, ring: list[list[float]]) -> Area:
    return Area.objects.create(name=name, polygons={"type": "Polygon", "coordinates": [ring]})


def make_repaired(*, hours: float, confirmed: str = "", **overrides: Any) -> Report:
    """A report that was closed just now, after so many hours."""
    now = database.now()
    values = {
        "status": Status.CLOSED,
        "created_at": now - hours * HOUR,
        "closed_at": now,
        "confirmed_at": now if confirmed else None,
    }
    report = make_report(**values | overrides)
    if confirmed:
        answer(report, confirmed, is_fixed=True)
    return report


def answer(report: Report, source: str, *, is_fixed: bool) -> None:
    resolution = Confirmation.objects.count()
    Confirmation.objects.create(
        report=report, resolution=resolution, source=source, is_fixed=is_fixed
    )


def dashboard(api: APIClient) -> Any:
    refreshing.refresh()
    response = api.get("/api/v1/dashboard/")
    assert response.status_code == 200, response.data
    return response.json()


def series(api: APIClient, **query: Any) -> Any:
    response = api.get("/api/v1/dashboard/timeseries/", query)
    assert response.status_code == 200, response.data
    return response.json()["points"]


def test_before_they_are_computed_the_answer_says_when_to_ask_again(api: APIClient) -> None:
    response = api.get("/api/v1/dashboard/")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json()["type"] == "/problems/unavailable"


def test_a_city_without_reports_has_zeros_and_nothing_to_share(api: APIClient) -> None:
    city = dashboard(api)["city"]
    assert city["repair"] == {
        "repaired": 0, "median_hours": None, "p90_hours": None, "in_time": None,
    }  # fmt: skip
    assert city["confirmed_repairs"]["share"] is None
    assert series(api)[-1] | {"start": ""} == {
        "start": "", "received": 0, "ended": 0, "repaired": 0, "confirmed": 0, "posts": 0,
        "sentiment": None,
    }  # fmt: skip


def test_the_task_computes_what_the_dashboard_answers(api: APIClient) -> None:
    make_report()
    with transaction.atomic():
        refresh_figures.send()
    run_tasks()
    assert api.get("/api/v1/dashboard/").json()["reports"]["last_day"] == 1


def test_reports_are_counted_by_status_and_category(
    api: APIClient, categories: dict[str, Any]
) -> None:
    make_report(category=categories["pothole"], status=Status.NEW)
    make_report(category=categories["pothole"], status=Status.REJECTED)
    make_report(category=categories["snow"], status=Status.REJECTED)
    make_report()
    figures = dashboard(api)
    counts = {one["status"]: one["count"] for one in figures["by_status"] if one["count"]}
    assert counts == {"new": 1, "triaged": 1, "rejected": 2}
    assert [(one["category"], one["open"], one["total"]) for one in figures["by_category"]] == [
        ("pothole", 1, 2), (None, 1, 1), ("snow", 0, 1),
    ]  # fmt: skip


def test_volumes_compare_the_last_thirty_days_with_those_before(api: APIClient) -> None:
    now = database.now()
    for age in (1, 5, 20, 40, 50, 70):
        make_report(created_at=now - timedelta(days=age) + HOUR)
    assert dashboard(api)["reports"] == {
        "last_day": 1, "last_7_days": 2, "last_30_days": 3, "previous_30_days": 2,
    }  # fmt: skip


def test_time_to_repair_is_told_by_department_and_for_the_city(
    api: APIClient, lights: Department
) -> None:
    streets = make_department()
    for hours in (1, 2, 3):
        make_repaired(hours=hours, department=streets)
    make_repaired(hours=40, department=lights)
    make_repaired(hours=1, department=lights, status=Status.REJECTED)
    figures = dashboard(api)
    by_department = {one["department"]: one["repair"] for one in figures["by_department"]}
    assert by_department[streets.slug]["median_hours"] == pytest.approx(2, abs=0.01)
    assert by_department["lights"]["repaired"] == 1
    assert figures["city"]["repair"]["repaired"] == 4
    assert figures["city"]["repair"]["median_hours"] == pytest.approx(2.5, abs=0.01)


def test_what_was_repaired_before_the_period_is_left_out(api: APIClient) -> None:
    make_repaired(hours=1, closed_at=database.now() - timedelta(days=91))
    assert dashboard(api)["city"]["repair"]["repaired"] == 0


def test_deadlines_are_kept_or_missed_and_an_overdue_report_misses_its_own(api: APIClient) -> None:
    now = database.now()
    make_repaired(hours=1, due_at=now + HOUR)
    make_repaired(hours=5, due_at=now - HOUR)
    make_repaired(hours=5, due_at=None)
    make_report(due_at=now - HOUR)
    make_report(due_at=now + HOUR)
    city = dashboard(api)["city"]
    assert city["repair"]["in_time"] == pytest.approx(1 / 3, abs=1e-3)
    assert (city["open"], city["overdue"]) == (2, 1)


def test_first_answers_count_the_unanswered_too(api: APIClient) -> None:
    now = database.now()
    asked = {"created_at": now - 10 * HOUR, "response_due_at": now - 5 * HOUR}
    make_report(responded_at=now - 8 * HOUR, **asked)
    make_report(responded_at=now - 4 * HOUR, **asked)
    make_report(**asked)
    make_report(created_at=now, response_due_at=now + HOUR)
    first = dashboard(api)["city"]["first_response"]
    assert (first["answered"], first["unanswered"]) == (2, 2)
    assert first["median_hours"] == pytest.approx(4, abs=0.01)
    assert first["in_time"] == pytest.approx(1 / 3, abs=1e-3)


def test_confirmed_repairs_are_a_share_of_the_closed_reports(
    api: APIClient, lights: Department
) -> None:
    make_repaired(hours=1, confirmed=ConfirmedBy.REPORTER)
    make_repaired(hours=1, confirmed=ConfirmedBy.PHOTO, department=lights)
    make_repaired(hours=1, department=lights)
    make_repaired(hours=1, status=Status.RESOLVED)
    figures = dashboard(api)
    assert figures["city"]["confirmed_repairs"] == {
        "closed": 3,
        "confirmed": 2,
        "share": 0.6667,
        "by": {"reporter": 1, "neighbour": 0, "photo": 1},
    }
    by_department = {one["department"]: one for one in figures["by_department"]}
    assert by_department["lights"]["confirmed_repairs"]["share"] == 0.5


def test_a_repair_that_was_denied_after_a_yes_is_not_confirmed(api: APIClient) -> None:
    report = make_repaired(hours=1, confirmed=ConfirmedBy.REPORTER)
    Report.objects.filter(pk=report.pk).update(
        status=Status.REOPENED, confirmed_at=None, closed_at=None
    )
    answer(report, ConfirmedBy.REPORTER, is_fixed=False)
    city = dashboard(api)["city"]
    assert city["confirmed_repairs"]["confirmed"] == 0
    assert city["satisfaction"] == {"yes": 1, "no": 1, "share": 0.5}


def test_photos_say_nothing_about_satisfaction(api: APIClient) -> None:
    make_repaired(hours=1, confirmed=ConfirmedBy.PHOTO)
    make_repaired(hours=1, confirmed=ConfirmedBy.NEIGHBOUR)
    assert dashboard(api)["city"]["satisfaction"] == {"yes": 1, "no": 0, "share": 1.0}


def test_a_series_counts_by_day_week_and_month(api: APIClient) -> None:
    for day in (28, 29, 30):
        make_report(created_at=datetime(2026, 1, day, 12, tzinfo=UTC))
    make_report(created_at=datetime(2026, 2, 2, 12, tzinfo=UTC))
    refreshing.refresh()
    period = {"since": "2026-01-28", "until": "2026-02-03"}
    by_day = series(api, **period)
    assert [one["received"] for one in by_day] == [1, 1, 1, 0, 0, 1, 0]
    by_week = series(api, interval="week", **period)
    assert [(one["start"], one["received"]) for one in by_week] == [
        ("2026-01-26", 3), ("2026-02-02", 1),
    ]  # fmt: skip
    by_month = series(api, interval="month", **period)
    assert [(one["start"], one["received"]) for one in by_month] == [
        ("2026-01-01", 3), ("2026-02-01", 1),
    ]  # fmt: skip


def test_a_day_is_one_of_the_citys_time_zone(api: APIClient, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    make_report(created_at=datetime(2026, 1, 29, 3, tzinfo=UTC))
    days.REPORTS.update()
    assert DayFigures.objects.get().day.isoformat() == "2026-01-28"


def test_a_series_can_be_of_a_category_a_department_or_a_source(
    api: APIClient, categories: dict[str, Any], lights: Department
) -> None:
    make_report(category=categories["pothole"])
    make_report(department=lights)
    make_report(source="boston", external_id="1")
    refreshing.refresh()
    for query, count in [
        ({}, 3),
        ({"category": "pothole"}, 1),
        ({"department": "lights"}, 1),
        ({"source": "boston"}, 1),
        ({"source": "own"}, 2),
        ({"source": "elsewhere"}, 0),
    ]:
        assert sum(one["received"] for one in series(api, **query)) == count, query


def test_a_series_can_be_of_an_area_and_follows_its_changes(api: APIClient) -> None:
    make_report(latitude=41.3, longitude=-72.9)
    make_report(latitude=41.5, longitude=-72.9)
    north = make_area("North", SQUARE)
    refreshing.refresh()
    assert sum(one["received"] for one in series(api, area=north.pk)) == 1
    assert CellArea.objects.filter(area=None).count() == 1
    north.polygons["coordinates"] = [[[x, y + 5] for x, y in SQUARE]]
    north.save()
    refreshing.refresh()
    assert sum(one["received"] for one in series(api, area=north.pk)) == 0


def test_of_overlapping_areas_the_first_by_name_counts(api: APIClient) -> None:
    make_report(latitude=41.3, longitude=-72.9)
    second, first = make_area("B", SQUARE), make_area("A", SQUARE)
    refreshing.refresh()
    assert sum(one["received"] for one in series(api, area=first.pk)) == 1
    assert sum(one["received"] for one in series(api, area=second.pk)) == 0


def test_an_area_that_cannot_be_used_stops_nothing(api: APIClient) -> None:
    make_report()
    Area.objects.create(name="Broken", polygons={"type": "Polygon", "coordinates": []})
    refreshing.refresh()
    assert sum(one["received"] for one in series(api)) == 1


def test_counting_again_writes_only_what_changed(api: APIClient) -> None:
    old = make_report(created_at=database.now() - timedelta(days=3))
    make_report()
    assert days.REPORTS.update() == 2
    assert days.REPORTS.update() == 0
    Report.objects.filter(pk=old.pk).update(created_at=F("created_at") - timedelta(days=1))
    days.REPORTS.update()
    assert DayFigures.objects.count() == 2
    assert sum(one["received"] for one in series(api)) == 2


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"since": "2026-02-01", "until": "2026-01-01"}, "until"),
        ({"since": "1990-01-01", "until": "2026-01-01"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "0001-01-01"}, "until"),
        ({"interval": "hour"}, "interval"),
        ({"area": "0"}, "area"),
        ({"area": "99"}, "area"),
        ({"category": "nothing"}, "category"),
        ({"department": ""}, "department"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_query_is_named(api: APIClient, query: dict[str, str], parameter: str) -> None:
    response = api.get("/api/v1/dashboard/timeseries/", query)
    assert response.status_code == 400
    assert {error.get("parameter") for error in response.json()["errors"]} == {parameter}


def make_source(name: str) -> Source:
    return Source.objects.create(name=name, kind=SourceKind.FEED, address=f"https://{name}.example")


def make_posts(source: Source, count: int, **overrides: Any) -> list[Post]:
    """So many posts of now about traffic, with no known tone."""
    values = {"topic": "traffic", "posted_at": database.now(), "text": "Words."} | overrides
    known = Post.objects.count()
    return Post.objects.bulk_create(
        [
            Post(source=source, external_id=str(known + number), digest="", **values)
            for number in range(count)
        ]
    )


def test_posts_are_counted_by_source_with_their_tone(api: APIClient) -> None:
    near, far = make_source("near"), make_source("far")
    make_posts(near, 2, sentiment_score=-0.5)
    make_posts(near, 1, sentiment_score=1)
    make_posts(near, 1)
    make_posts(far, 1, posted_at=database.now() - timedelta(days=8))
    posts = dashboard(api)["posts"]
    assert (posts["posts"], posts["sentiment"], posts["posts_week_before"]) == (4, 0, 1)
    assert [(one["source"], one["posts"]) for one in posts["by_source"]] == [
        ("far", 0),
        ("near", 4),
    ]


def test_deleted_posts_are_not_counted(api: APIClient) -> None:
    gone, *_ = make_posts(make_source("near"), 2)
    assert dashboard(api)["posts"]["posts"] == 2
    Post.objects.filter(pk=gone.pk).update(deleted_at=database.now())
    assert dashboard(api)["posts"]["posts"] == 1


def test_a_topic_rises_when_chance_does_not_explain_it(api: APIClient) -> None:
    source = make_source("near")
    make_posts(source, 12, topic="noise")
    make_posts(source, 12, topic="parks")
    before = database.now() - timedelta(days=10)
    make_posts(source, 40, topic="parks", posted_at=before)
    posts = dashboard(api)["posts"]
    assert [(one["topic"], one["posts"], one["usual"]) for one in posts["topics"]] == [
        ("noise", 12, 0), ("parks", 12, 10),
    ]  # fmt: skip
    assert [one["topic"] for one in posts["rising_topics"]] == ["noise"]


@pytest.mark.parametrize(
    ("posts", "usual", "rises"),
    [(4, 0, False), (5, 0, True), (5, 2.5, False), (9, 2.5, True), (130, 100, True),
     (115, 100, False), (90, 100, False)],
)  # fmt: skip
def test_rising_is_judged_by_the_poisson_distribution(
    posts: int, usual: float, rises: bool
) -> None:
    assert listening.is_rising(posts, usual) is rises


def test_a_series_can_be_of_a_topic_or_a_source_of_posts(api: APIClient) -> None:
    make_posts(make_source("near"), 2, topic="noise", sentiment_score=-0.25)
    make_posts(make_source("far"), 1)
    make_report()
    refreshing.refresh()
    for query, posts, received in [
        ({}, 3, 1),
        ({"topic": "noise"}, 2, None),
        ({"source": "far"}, 1, 0),
        ({"source": "own"}, None, 1),
        ({"department": make_department().slug}, None, 1),
    ]:
        last = series(api, **query)[-1]
        assert (last["posts"], last["received"]) == (posts, received), query
    assert series(api, topic="noise")[-1]["sentiment"] == -0.25


def test_posts_about_an_area_are_in_its_series(api: APIClient) -> None:
    area = make_area("North", SQUARE)
    make_posts(make_source("near"), 1, area=area)
    make_posts(make_source("far"), 1)
    refreshing.refresh()
    assert series(api, area=area.pk)[-1]["posts"] == 1


def test_figures_that_take_long_are_computed_less_often(api: APIClient) -> None:
    refreshing.refresh()
    make_report()
    for seconds, age, is_due in [
        (1, 19, False), (1, 21, True), (10, 24, False), (10, 26, True), (60, 59, False),
        (60, 61, True),
    ]:  # fmt: skip
        computed_at = database.now() - timedelta(seconds=age)
        CityFigures.objects.update(seconds=seconds, computed_at=computed_at)
        refreshing.refresh_when_due()
        assert (CityFigures.objects.get().computed_at > computed_at) is is_due


def test_figures_wait_for_no_bulk_work() -> None:
    [entry] = [entry for entry in SCHEDULE if entry.actor == "refresh_figures"]
    assert not entry.is_bulk
