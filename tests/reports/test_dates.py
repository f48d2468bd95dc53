"""The dates shown with reports: learned from the city's history, moving with its queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from config.schedule import SCHEDULE
from jobs.ledger import database
from jobs.testing import run_tasks
from reports.dates import history, recomputing, storing
from reports.dates.actors import learn_dates, refresh_dates
from reports.dates.cases import DAY
from reports.dates.model import Model
from reports.figures import refreshing
from reports.models import (
    Category,
    DateForecast,
    DateModel,
    Report,
    Status,
    hash_tracking_token,
)
from tests.reports.dating import (
    MONDAY,
    make_cases,
    no_holiday,
    steady,
    store_history,
    store_model,
    waves,
)
from tests.reports.factories import make_category, make_report, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def potholes() -> Category:
    """A category whose reports are done one after the other, as was learned already."""
    category = make_category("pothole")
    store_model(category)
    return category


def run(*actors: Any) -> None:
    """Run tasks, one after the other."""
    for actor in actors:
        with transaction.atomic():
            actor.send()
        run_tasks()


def let_a_quarter_of_an_hour_pass() -> None:
    DateModel.objects.update(recomputed_at=F("recomputed_at") - recomputing.WHOLE_ROUND_EVERY)


def expected(report: Report) -> Any:
    response = APIClient().get(f"/api/v1/reports/{report.pk}/")
    assert response.status_code == 200, response.data
    return response.json()["expected_date"]


def test_an_open_report_shows_when_it_is_likely_to_be_done() -> None:
    potholes = make_category("pothole")
    store_history(potholes, *waves(168))
    report = make_report(category=potholes)
    run(learn_dates, refresh_dates)
    shown = expected(report)
    assert shown["basis"] == "history"
    assert shown["earliest_at"] <= shown["likely_at"] <= shown["latest_at"]
    assert "8 of 10 reports like this one" in shown["in_words"]
    [listed] = [
        one
        for one in APIClient().get("/api/v1/reports/").json()["results"]
        if one["id"] == str(report.pk)
    ]
    assert listed["expected_date"] == shown
    Report.objects.filter(pk=report.pk).update(status=Status.RESOLVED, closed_at=timezone.now())
    assert expected(report) is None


def test_the_range_changes_when_the_queue_does(potholes: Category) -> None:
    store_history(potholes, *steady())
    report = make_report(category=potholes)
    run(refresh_dates)
    before = DateForecast.objects.get(report=report)
    for _ in range(70):
        make_report(category=potholes)
    let_a_quarter_of_an_hour_pass()
    run(refresh_dates)
    behind = DateForecast.objects.get(report=report)
    assert before.likely_at is not None
    assert behind.likely_at is not None
    assert behind.likely_at - before.likely_at > timedelta(days=2)
    assert behind.first_likely_at == before.first_likely_at
    Report.objects.filter(status=Status.TRIAGED).exclude(pk=report.pk).update(
        status=Status.CLOSED, closed_at=timezone.now()
    )
    let_a_quarter_of_an_hour_pass()
    run(refresh_dates)
    again = DateForecast.objects.get(report=report)
    assert again.likely_at is not None
    assert again.likely_at < behind.likely_at - timedelta(days=2)


def test_a_report_that_waits_is_not_expected_before_its_waiting_ends(potholes: Category) -> None:
    until = database.now() + timedelta(days=40)
    report = make_report(category=potholes, status=Status.WAITING, waiting_until=until)
    run(refresh_dates)
    forecast = DateForecast.objects.get(report=report)
    assert forecast.earliest_at is None or forecast.earliest_at >= until


def test_new_and_changed_reports_are_computed_in_batches_and_others_left(
    potholes: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recomputing, "BATCH_REPORTS", 2)
    reports = [make_report(category=potholes) for _ in range(5)]
    run(refresh_dates)
    assert DateForecast.objects.filter(likely_at__isnull=False).count() == 5
    assert recomputing.recompute(transaction.atomic) == {"computed": 0, "changed": 0}
    reports[0].severity = "high"
    reports[0].save(update_fields=["severity"])
    make_report(category=potholes)
    assert recomputing.recompute(transaction.atomic) == {"computed": 2, "changed": 2}
    let_a_quarter_of_an_hour_pass()
    assert recomputing.recompute(transaction.atomic) == {"computed": 6, "changed": 0}


def test_too_little_history_is_said_and_the_deadline_shown_instead(potholes: Category) -> None:
    rare = make_category("snow")
    due = database.now() + timedelta(days=3)
    with_target = make_report(category=rare, due_at=due)
    without = make_report(category=rare)
    late = make_report(category=rare, due_at=database.now() - timedelta(days=1))
    run(refresh_dates)
    shown = expected(with_target)
    assert (shown["basis"], shown["earliest_at"]) == ("target", None)
    assert shown["likely_at"] == with_target.due_at.isoformat().replace("+00:00", "Z")  # type: ignore[union-attr]
    assert "too few earlier reports" in shown["in_words"]
    assert expected(without) == expected(late)
    assert expected(late)["basis"] == "none"


def test_an_end_later_than_anything_took_so_far_is_not_named(potholes: Category) -> None:
    """Every third report was still open when the history of 50 days was learned."""
    number = np.arange(200)
    lasted = np.where(number % 3, 5, 90) * DAY
    cases, names = make_cases(MONDAY + number / 4 * DAY, lasted, until=MONDAY + 50 * DAY)
    store_model(potholes, Model.learn(cases, names, no_holiday))
    report = make_report(category=potholes)
    run(refresh_dates)
    shown = expected(report)
    assert (shown["basis"], shown["latest_at"]) == ("history", None)
    assert "longer than any report so far" in shown["in_words"]


def test_a_young_city_learns_nothing_yet() -> None:
    category = make_category("pothole")
    created, lasted = waves(8)
    store_history(category, created, lasted)
    report = make_report(category=category)
    run(learn_dates, refresh_dates)
    assert not DateModel.objects.exists()
    assert expected(report)["basis"] == "none"


def test_reports_that_are_open_rejected_or_duplicates_are_learned_as_not_done() -> None:
    category = make_category("pothole")
    store_history(category, *waves(60))
    old = database.now() - timedelta(days=30)
    for status in (Status.TRIAGED, Status.REJECTED, Status.DUPLICATE):
        closed_at = None if status == Status.TRIAGED else old + timedelta(days=1)
        make_report(category=category, status=status, created_at=old, closed_at=closed_at)
    run(learn_dates)
    model = DateModel.objects.get()
    assert (model.cases, model.open_cases) == (Report.objects.count(), 3)


def test_of_many_reports_a_sample_of_the_whole_period_is_learned() -> None:
    store_history(make_category("pothole"), *waves(168))
    old = database.now() - history.PERIOD - timedelta(days=1)
    make_report(created_at=old, closed_at=old, status=Status.CLOSED)
    everything, _ = history.sample(1_000)
    some, _ = history.sample(200)
    assert len(everything) == Report.objects.count() - 1
    assert 120 < len(some) < 280
    assert some.created.max() - some.created.min() > 140 * DAY


def test_it_is_learned_once_a_night() -> None:
    store_history(make_category("pothole"), *waves(60))
    run(learn_dates)
    run(learn_dates)
    [model] = DateModel.objects.all()
    DateModel.objects.update(learned_at=model.learned_at - timedelta(hours=21))
    run(learn_dates)
    assert DateModel.objects.count() == 2
    names = {entry.actor for entry in SCHEDULE}
    assert {"learn_dates", "refresh_dates"} <= names


def test_a_model_of_another_version_of_the_code_is_learned_anew(
    potholes: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_history(potholes, *waves(60))
    make_report(category=potholes)
    monkeypatch.setattr(storing, "FORMAT", storing.FORMAT + 1)
    run(refresh_dates)
    assert not DateForecast.objects.exists()
    run(learn_dates, refresh_dates)
    assert DateForecast.objects.exists()


def test_the_desk_shows_the_forecast_apart_from_the_deadline(potholes: Category) -> None:
    report = make_report(category=potholes, due_at=database.now() + timedelta(days=30))
    run(refresh_dates)
    client = Client()
    client.force_login(make_staff(is_superuser=True))
    page = client.get(f"/admin/reports/report/{report.pk}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    assert expected(report)["basis"] == "history"
    assert expected(report)["in_words"] in text


def test_the_public_page_shows_the_forecast_apart_from_the_deadline(potholes: Category) -> None:
    due = database.now() + timedelta(days=300)
    report = make_report(category=potholes, due_at=due, description="<b>deep</b>")
    run(refresh_dates)
    page = Client().get(f"/reports/{report.pk}", headers={"Accept": "text/html"})
    text = page.content.decode()
    assert expected(report)["in_words"] in text
    assert "The city's deadline" in text
    assert "&lt;b&gt;deep" in text


def test_the_page_of_a_report_that_is_not_public_needs_its_token() -> None:
    report = make_report(
        published_at=None, tracking_token_hash=hash_tracking_token("secret"), status=Status.NEW
    )
    html = {"Accept": "text/html"}
    assert Client().get(f"/reports/{report.pk}", headers=html).status_code == 404
    query = {"tracking_token": "secret"}
    page = Client().get(f"/reports/{report.pk}", query, headers=html)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "strict-origin"  # without the query, which has the token
    assert "No date can be given" in page.content.decode()


def test_the_dashboard_shows_how_forecasts_came_true(potholes: Category) -> None:
    now = database.now()
    first = {"first_earliest_at": now - timedelta(days=6), "first_latest_at": now}
    for hours, is_at_submission in ((0, True), (10, True), (200, True), (10, False)):
        report = make_report(
            category=potholes,
            status=Status.CLOSED,
            created_at=now - timedelta(days=12),
            closed_at=now - timedelta(hours=hours, seconds=1),
        )
        made = report.created_at + (timedelta(minutes=1) if is_at_submission else timedelta(days=3))
        DateForecast.objects.create(
            report=report, report_version=1, model_version=1, first_at=made, first_likely_at=now,
            **first,
        )  # fmt: skip
    late = make_report(category=potholes, created_at=now - timedelta(days=9))
    DateForecast.objects.create(
        report=late, report_version=1, model_version=1, first_at=late.created_at,
        first_likely_at=now - timedelta(days=2), first_earliest_at=now - timedelta(days=3),
        first_latest_at=now - timedelta(days=1), likely_at=now + timedelta(days=1),
    )  # fmt: skip
    refreshing.refresh()
    dates = APIClient().get("/api/v1/dashboard/").json()["dates"]
    assert (dates["done"], dates["aim"]) == (3, 0.8)
    assert dates["in_range"] == pytest.approx(2 / 3, abs=0.001)
    assert dates["median_error_hours"] == pytest.approx(10, abs=0.01)
    assert (dates["open_with_forecast"], dates["open_past_range"]) == (1, 1)
    assert [(one["category"], one["done"]) for one in dates["by_category"]] == [("pothole", 3)]
