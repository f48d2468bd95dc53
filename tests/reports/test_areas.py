"""Area subscriptions: which reports are inside, and the messages about them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.following import actors, announcing, areas, news
from reports.following.areas import Circle
from reports.geography.boxes import DEGREE_METRES
from reports.models import AreaNews, AreaSubscription, Report, Status
from reports.moderation import cases
from reports.moderation.judging import ANONYMOUS
from reports.workflow import transitions
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)

URL = "/api/v1/area-subscriptions/"
CIRCLE: dict[str, Any] = {"latitude": 41.3, "longitude": -72.9, "radius_metres": 500}
SQUARE: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[-72.91, 41.29], [-72.89, 41.29], [-72.89, 41.31], [-72.91, 41.29]]],
}


def body(**overrides: Any) -> dict[str, Any]:
    return {"name": "Home", "circle": CIRCLE} | overrides


def subscribe(user: User | None = None, **overrides: Any) -> AreaSubscription:
    fields: dict[str, Any] = {
        "name": "Home",
        "area": Circle(**CIRCLE),
        "categories": [],
        "delivery": "at_once",
    } | overrides
    return areas.subscribe(user or make_user(wants_sms=True), **fields)


def announce(report: Report) -> None:
    with transaction.atomic():
        announcing.announce_report(report)
    run_tasks()


def send_digests() -> None:
    with transaction.atomic():
        actors.send_area_digests.send()
    run_tasks()


# --- Subscribing -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_person_makes_lists_and_deletes_their_own(as_user: SignIn) -> None:
    make_category("pothole")
    user = make_user()
    client, other = as_user(user), as_user(make_user())
    circle = client.post(URL, body(categories=["pothole", "pothole"], delivery="at_once"))
    assert (circle.status_code, circle.data["circle"]) == (201, CIRCLE)
    assert (circle.data["categories"], circle.data["delivery"]) == (["pothole"], "at_once")
    polygon = client.post(URL, {"name": "Park", "polygon": SQUARE})
    assert (polygon.status_code, polygon.data["polygon"]) == (201, SQUARE)
    assert [one["name"] for one in client.get(URL).data["results"]] == ["Park", "Home"]
    assert other.get(URL).data["results"] == []
    address = f"{URL}{circle.data['id']}/"
    assert [other.delete(address).status_code, client.delete(address).status_code] == [404, 204]
    assert user.area_subscriptions.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"circle": CIRCLE, "polygon": SQUARE},
        {"circle": {**CIRCLE, "radius_metres": 10}},
        {"circle": {**CIRCLE, "radius_metres": 10_001}},
        {"circle": {**CIRCLE, "radius_metres": 500.5}},
        {"circle": {**CIRCLE, "latitude": 90}},
        {"circle": [1, 2]},
        {"circle": CIRCLE, "categories": ["nothing"]},
        {"circle": CIRCLE, "delivery": "hourly"},
        {"circle": CIRCLE, "name": " "},
        {"polygon": {"type": "Point", "coordinates": [1, 2]}},
        {"polygon": {"type": "Polygon"}},
        {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}},
        {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]}},
        {"polygon": {"type": "Polygon", "coordinates": [[[0, 0]] * 501]}},
        {"polygon": {"type": "Polygon", "coordinates": [[["x", "y"]] * 5]}},
    ],
    ids=range(15),
)
def test_what_is_no_area_is_refused(as_user: SignIn, fields: dict[str, Any]) -> None:
    answer = as_user(make_user()).post(URL, {"name": "Home", **fields})
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_only_the_number_is_stored(settings: Any) -> None:
    settings.AREA_SUBSCRIPTIONS_PER_CITIZEN = 3
    user = make_user()

    def act() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=user.pk))
        return client.post(URL, json.dumps(body()), content_type="application/json").status_code

    assert Counter(race(act, times=8, threads=4)) == {201: 3, 409: 5}


# --- Inside or not -----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("latitude", "longitude", "is_inside"),
    [
        (41.3, -72.9, True),
        (41.3 + 499 / DEGREE_METRES, -72.9, True),
        (41.3 + 501 / DEGREE_METRES, -72.9, False),
        (41.3032, -72.8957, False),  # in a corner of the box
        (41.3, -72.8941, True),
        (41.3, -72.8940, False),
    ],
)
def test_a_circle_is_exact(latitude: float, longitude: float, is_inside: bool) -> None:
    subscribe()
    announce(make_report(latitude=latitude, longitude=longitude))
    assert AreaNews.objects.exists() is is_inside


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("longitude", "latitude", "is_inside"),
    [(-72.895, 41.295, True), (-72.905, 41.305, False), (-72.9, 41.28, False)],
)
def test_a_polygon_is_exact(longitude: float, latitude: float, is_inside: bool) -> None:
    subscribe(area=SQUARE)
    announce(make_report(latitude=latitude, longitude=longitude))
    assert AreaNews.objects.exists() is is_inside


@pytest.mark.django_db
@pytest.mark.parametrize(("centre", "place"), [(179.999, -179.999), (-179.999, 179.999)])
def test_a_circle_reaches_across_the_180th_meridian(centre: float, place: float) -> None:
    subscribe(area=Circle(latitude=-16.8, longitude=centre, radius_metres=500))
    announce(make_report(latitude=-16.8, longitude=place))
    assert AreaNews.objects.exists()


@pytest.mark.django_db
def test_only_chosen_categories_are_news() -> None:
    subscribe(categories=["pothole"])
    announce(make_report(category=make_category("tree")))
    announce(make_report())
    assert not AreaNews.objects.exists()
    announce(make_report(category=make_category("pothole")))
    assert AreaNews.objects.count() == 1


@pytest.mark.django_db
def test_old_hidden_and_own_reports_are_no_news() -> None:
    subscription = subscribe()
    old = make_report()
    old.created_at -= timedelta(days=8)
    announce(old)
    announce(make_report(published_at=None))
    announce(make_report(is_live=False))
    announce(make_report(reporter=subscription.user))
    assert not Task.objects.exists()


@pytest.mark.django_db
def test_the_subscriptions_around_a_place_are_read_along_the_index() -> None:
    user = make_user()
    AreaSubscription.objects.bulk_create(
        AreaSubscription(
            user=user, name=f"{n}", latitude=n % 80, longitude=n % 170, radius_metres=50,
            west=n % 170, east=n % 170 + 0.1, south=n % 80, north=n % 80 + 0.1,
        )
        for n in range(3000)
    )  # fmt: skip
    report = make_report()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reports_areasubscription")
        values: dict[str, Any] = {
            "report": report.pk, "reporter": None, "category": "", "latitude": 41.3,
            "longitudes": [-72.9], "after": user.pk, "limit": 10,
            "created_at": report.created_at, "new_for": news.NEW_FOR,
        }  # fmt: skip
        cursor.execute("EXPLAIN " + news._AROUND, values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "areasubscription_box" in plan


# --- Messages ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_report_that_is_sent_reaches_the_subscriber_at_once(as_user: SignIn) -> None:
    make_category("pothole")
    subscription = subscribe(categories=["pothole"])
    as_user(make_user()).post("/api/v1/reports/", new_report(category="pothole"))
    run_tasks()
    sent = Delivery.objects.get(template="area_news")
    assert (sent.user, sent.context["area"]) == (subscription.user, "Home")
    assert AreaNews.objects.get().sent_at is not None


@pytest.mark.django_db
def test_a_report_is_news_when_it_becomes_public_and_only_once() -> None:
    subscribe()
    report, staff = make_report(published_at=None), make_staff(make_department())
    case = cases.hold(report, "report", report.pk, [ANONYMOUS])
    cases.approve(case, by=staff)
    run_tasks()
    assert Delivery.objects.count() == 1
    report.refresh_from_db()
    transitions.change_status(report, to=Status.REJECTED, by=staff)
    transitions.change_status(report, to=Status.TRIAGED, by=staff, is_publishing=True)
    run_tasks()
    assert report.published_at is not None
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
def test_two_areas_of_one_person_give_one_message() -> None:
    user = make_user(wants_sms=True)
    subscribe(user)
    subscribe(user, area=Circle(**{**CIRCLE, "radius_metres": 900}))
    announce(make_report())
    assert Delivery.objects.count() == 1
    assert AreaNews.objects.filter(sent_at=None).count() == 0


@pytest.mark.django_db
def test_what_is_beyond_the_number_of_a_day_waits_for_the_days_message(settings: Any) -> None:
    settings.AREA_NEWS_PER_CITIZEN_DAY = 1
    subscribe()
    for number in range(3):
        announce(make_report(title=f"Hole {number}"))
    assert Delivery.objects.count() == 1
    send_digests()
    digest = Delivery.objects.get(template="area_digest")
    assert digest.context["count"] == "2"
    assert "Hole 1" in digest.context["items"]
    assert "Hole 0" not in digest.context["items"]


@pytest.mark.django_db
def test_the_days_message_holds_what_is_still_public_once(settings: Any) -> None:
    user = make_user(email="a@example.org")
    User.objects.filter(pk=user.pk).update(email_verified_at=user.date_joined)
    settings.NOTIFICATION_CHANNELS = {
        **settings.NOTIFICATION_CHANNELS,
        "email": "notifications.channels.email.send",
    }
    subscribe(user, delivery="daily")
    subscribe(user, delivery="daily", area=SQUARE)
    shown = make_report(title="Hole A", latitude=41.2999, longitude=-72.8999)
    hidden = make_report(title="Hole B")
    announce(shown)
    announce(hidden)
    Report.objects.filter(pk=hidden.pk).update(published_at=None)
    assert not Delivery.objects.exists()
    for _ in range(2):
        send_digests()
    [message] = mail.outbox
    assert message.subject == "New reports in your areas: 1"
    assert f"/reports/{shown.pk}" in message.body
    assert "Hole B" not in message.body
    path = message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix(settings.PUBLIC_URL)
    assert Client().post(path).status_code == 200
    assert user.area_subscriptions.count() == 0


@pytest.mark.django_db
def test_the_days_messages_are_sent_some_people_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.following.digests.BATCH_PEOPLE", 2)
    for _ in range(5):
        subscribe(delivery="daily")
    announce(make_report())
    send_digests()
    assert Delivery.objects.filter(template="area_digest").count() == 5
    assert Task.objects.filter(actor="send_area_digests").count() == 3


@pytest.mark.django_db
def test_one_tap_ends_the_area_of_the_message() -> None:
    user = make_user(wants_sms=True)
    subscribe(user)
    other = subscribe(user, area=Circle(latitude=1, longitude=2, radius_metres=100))
    announce(make_report())
    assert Client().post(Delivery.objects.get().context["unsubscribe_path"]).status_code == 200
    assert list(AreaSubscription.objects.all()) == [other]
