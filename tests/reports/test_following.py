"""Following reports, having the same problem, and the messages that follow from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Task
from jobs.testing import run_tasks
from jobs.urgency import Urgency
from notifications.actors import deliver_notification
from notifications.models import Delivery
from reports.duplicates import merging
from reports.following import broadcasts
from reports.models import Follow, MeToo, Report, Status
from reports.workflow import transitions
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_comment,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)


class Interrupted(Exception):
    """The process ended here."""


STANDING = ("follower_count", "me_too_count", "is_followed", "is_me_too")


def url_of(report: Report, rest: str) -> str:
    return f"/api/v1/reports/{report.pk}/{rest}"


def standing(client: APIClient, report: Report) -> tuple[Any, ...]:
    read = client.get(url_of(report, "")).data
    return tuple(read[name] for name in STANDING)


def follower(report: Report, **fields: Any) -> User:
    user = make_user(**{"wants_sms": True} | fields)
    Follow.objects.create(report=report, user=user)
    return user


def step(report: Report, to: str, note: str = "") -> None:
    report.refresh_from_db()
    staff = make_staff(make_department())
    transitions.change_status(report, to=to, by=staff, note=note)
    run_tasks()


def notified(template: str) -> set[Any]:
    return set(Delivery.objects.filter(template=template).values_list("user", flat=True))


# --- Following and counts ----------------------------------------------------------------------


@pytest.mark.django_db
def test_following_and_me_too_are_counted_once_a_person(api: APIClient, as_user: SignIn) -> None:
    report, one, other = make_report(), as_user(make_user()), as_user(make_user())
    for _ in range(2):
        assert one.post(url_of(report, "follow/")).status_code == 200
        assert other.post(url_of(report, "me-too/")).status_code == 200
    assert standing(api, report) == (2, 1, False, False)
    assert standing(one, report) == (2, 1, True, False)
    assert standing(other, report) == (2, 1, True, True)
    other.delete(url_of(report, "me-too/"))
    one.delete(url_of(report, "follow/"))
    assert standing(api, report) == (1, 0, False, False)
    assert one.post(url_of(report, "follow/")).data["follower_count"] == 2


@pytest.mark.django_db
def test_the_reporter_follows_from_the_start_and_has_no_me_too(as_user: SignIn) -> None:
    client = as_user(make_user())
    made = client.post("/api/v1/reports/", new_report()).data
    assert (made["follower_count"], made["is_followed"]) == (1, True)
    report = Report.objects.get()
    assert client.post(url_of(report, "me-too/")).data["me_too_count"] == 0
    assert standing(client, report) == (1, 0, True, False)


@pytest.mark.django_db
def test_whoever_stopped_is_not_made_to_follow_by_a_comment(as_user: SignIn) -> None:
    report, client = make_report(), as_user(make_user())
    client.post(url_of(report, "comments/"), {"text": "Here too."})
    assert standing(client, report)[2] is True
    client.delete(url_of(report, "follow/"))
    client.post(url_of(report, "comments/"), {"text": "And again."})
    client.post(url_of(report, "me-too/"))
    assert standing(client, report)[2] is False


@pytest.mark.django_db
def test_a_page_of_reports_counts_with_one_statement(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        report = make_report()
        follower(report)
        make_comment(report)
        make_comment(report, published_at=None)
    with django_assert_max_num_queries(3):
        page = api.get("/api/v1/reports/").data["results"]
    assert [(one["follower_count"], one["comment_count"]) for one in page] == [(1, 1)] * 10


@pytest.mark.django_db
def test_counts_are_right_after_a_person_was_erased(api: APIClient) -> None:
    report = make_report()
    gone = follower(report)
    MeToo.objects.create(report=report, user=gone)
    make_comment(report, gone)
    follower(report)
    gone.delete()
    assert standing(api, report)[:2] == (1, 0)
    assert [one["is_own"] for one in api.get(url_of(report, "comments/")).data["results"]] == [
        False
    ]


@pytest.mark.django_db
def test_nobody_follows_what_they_cannot_read(api: APIClient, as_user: SignIn) -> None:
    hidden = make_report(published_at=None)
    for rest in ("follow/", "me-too/"):
        assert api.post(url_of(make_report(), rest)).status_code == 401
        assert as_user(make_user()).post(url_of(hidden, rest)).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rest", ["follow/", "me-too/"])
def test_of_many_at_once_each_counts_once(rest: str) -> None:
    report, users = make_report(), [make_user() for _ in range(4)]
    turns = iter(users * 4)

    def act() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=next(turns).pk))
        return client.post(url_of(report, rest)).status_code

    assert set(race(act, times=16, threads=4)) == {200}
    read = APIClient().get(url_of(report, "")).data
    assert read["follower_count"] == 4
    assert read["me_too_count"] == (4 if rest == "me-too/" else 0)


@pytest.mark.django_db(transaction=True)
def test_following_and_stopping_at_once_leave_one_row() -> None:
    report, user = make_report(), make_user()
    Follow.objects.create(report=report, user=user)
    methods = iter(["POST", "DELETE"] * 8)

    def act() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=user.pk))
        answer = client.generic(next(methods), url_of(report, "follow/"))
        return answer.status_code

    assert set(race(act, times=16, threads=4)) == {200}
    assert Follow.objects.count() == 1


# --- Messages ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_followers_are_notified_of_a_step_in_bulk(as_user: SignIn) -> None:
    reporter = make_user()
    report = make_report(reporter=reporter)
    one, other = follower(report), follower(report, wants_sms=False)
    step(report, Status.IN_PROGRESS, "A crew comes.")
    assert notified("report_status_changed") == {reporter.pk}
    assert notified("followed_report_status_changed") == {one.pk}
    assert other.pk not in notified("followed_report_status_changed")
    sent = Delivery.objects.get(user=one)
    assert (sent.context["status"], sent.context["note"]) == ("in progress", "A crew comes.")
    tasks = Task.objects.filter(actor="deliver_notification", args=[str(sent.pk)])
    assert [task.urgency for task in tasks] == [Urgency.BULK]


@pytest.mark.django_db
def test_followers_are_notified_of_an_official_reply_and_not_of_a_note(as_user: SignIn) -> None:
    department = make_department()
    report, staff = make_report(department=department), as_user(make_staff(department))
    one = follower(report)
    staff.post(url_of(report, "notes/"), {"text": "Between us."})
    run_tasks()
    assert not Delivery.objects.exists()
    staff.post(url_of(report, "replies/"), {"text": "We come."})
    run_tasks()
    sent = Delivery.objects.get()
    assert (sent.user, sent.template) == (one, "followed_report_reply")
    assert (sent.context["text"], sent.context["department"]) == ("We come.", "Streets")


@pytest.mark.django_db
def test_a_report_without_followers_sends_no_task_to_notify_them() -> None:
    step(make_report(reporter=make_user()), Status.IN_PROGRESS)
    assert not Task.objects.filter(actor="notify_followers").exists()


@pytest.mark.django_db
def test_nobody_is_notified_of_what_is_not_public_any_more() -> None:
    report = make_report()
    follower(report)
    staff = make_staff(make_department())
    transitions.change_status(report, to=Status.IN_PROGRESS, by=staff)
    transitions.change_status(report, to=Status.REJECTED, by=staff, note="Not ours.")
    run_tasks()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_a_person_gets_so_many_updates_a_day(settings: Any) -> None:
    settings.UPDATES_PER_CITIZEN_DAY = 2
    report = make_report()
    follower(report)
    for status in (Status.IN_PROGRESS, Status.TRIAGED, Status.IN_PROGRESS):
        step(report, status)
    assert Delivery.objects.count() == 2


@pytest.mark.django_db
def test_many_followers_are_notified_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "BATCH_PEOPLE", 2)
    report = make_report()
    people = {follower(report).pk for _ in range(5)}
    step(report, Status.IN_PROGRESS)
    assert notified("followed_report_status_changed") == people
    assert Task.objects.filter(actor="notify_followers").count() == 3


@pytest.mark.django_db
def test_a_task_that_runs_twice_notifies_once() -> None:
    report = make_report()
    follower(report)
    step(report, Status.IN_PROGRESS)
    task = Task.objects.get(actor="notify_followers")
    with transaction.atomic():
        broadcasts.notify_batch(*task.args[:4], besides=[], after="")
    assert Delivery.objects.count() == 1


# --- Merged reports ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_followers_of_merged_reports_get_all_updates_and_an_undo_moves_them_back(
    api: APIClient,
) -> None:
    staff = make_staff(make_department())
    original, duplicate, third = make_report(), make_report(), make_report()
    of_both, of_duplicate, of_third = follower(original), follower(duplicate), follower(third)
    Follow.objects.create(report=duplicate, user=of_both)
    MeToo.objects.create(report=duplicate, user=of_duplicate)
    merging.merge(third, into=duplicate, by=staff)
    merging.merge(duplicate, into=original, by=staff)
    run_tasks()
    Delivery.objects.all().delete()
    assert standing(api, original)[:2] == (3, 1)
    step(original, Status.IN_PROGRESS)
    assert notified("followed_report_status_changed") == {
        of_both.pk,
        of_duplicate.pk,
        of_third.pk,
    }
    merging.undo(duplicate, original, by=staff)
    run_tasks()
    Delivery.objects.all().delete()
    assert (standing(api, original)[0], standing(api, duplicate)[0]) == (1, 3)
    step(original, Status.RESOLVED)
    assert notified("followed_report_status_changed") == {of_both.pk}


@pytest.mark.django_db
def test_whoever_stops_following_the_original_hears_nothing_of_its_duplicates(
    as_user: SignIn,
) -> None:
    original, duplicate = make_report(), make_report(reporter=make_user())
    user = follower(duplicate)
    merging.merge(duplicate, into=original, by=make_staff(make_department()))
    for person in (user, duplicate.reporter):
        assert person is not None
        as_user(person).delete(url_of(original, "follow/"))
    run_tasks()
    Delivery.objects.all().delete()
    step(original, Status.IN_PROGRESS)
    assert not Delivery.objects.exists()


# --- One tap -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_email_ends_its_messages_with_one_tap(settings: Any) -> None:
    settings.NOTIFICATION_CHANNELS = {
        **settings.NOTIFICATION_CHANNELS,
        "email": "notifications.channels.email.send",
    }
    report = make_report()
    user = follower(report, wants_sms=False, email="a@example.org")
    User.objects.filter(pk=user.pk).update(email_verified_at=report.created_at)
    step(report, Status.IN_PROGRESS)
    [message] = mail.outbox
    address = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address in message.body
    path = address.removeprefix(settings.PUBLIC_URL)
    client = Client(enforce_csrf_checks=True)
    page = client.get(path)
    assert (page.status_code, b"<form" in page.content) == (200, True)
    assert Follow.objects.filter(ended_at=None).exists()
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not Follow.objects.filter(ended_at=None).exists()
    assert client.post(path).status_code == 200
    step(report, Status.RESOLVED)
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_a_reporter_who_stops_gets_no_messages_about_steps(as_user: SignIn) -> None:
    reporter = make_user()
    report = make_report(reporter=reporter)
    step(report, Status.IN_PROGRESS)
    path = Delivery.objects.get().context["unsubscribe_path"]
    assert Client().post(path).status_code == 200
    step(report, Status.RESOLVED)
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "x:y:z", "W10:1abc:AAAA"])
def test_a_link_that_was_not_made_here_is_unknown(token: str) -> None:
    assert Client().post(f"/unsubscribe/{token}").status_code == 404
    assert Client().get(f"/unsubscribe/{token}").status_code == 404


@pytest.mark.django_db
def test_a_broadcast_that_is_cut_off_leaves_nothing_and_then_reaches_everybody_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = make_report()
    people = {follower(report).pk for _ in range(3)}
    deliver = deliver_notification.send_many

    def cut_off(*_: Any, **__: Any) -> None:
        raise Interrupted

    monkeypatch.setattr(deliver_notification, "send_many", cut_off)
    transitions.change_status(report, to=Status.IN_PROGRESS, by=make_staff(make_department()))
    run_tasks(raise_errors=False)
    assert not Delivery.objects.exists()
    monkeypatch.setattr(deliver_notification, "send_many", deliver)
    run_tasks(until_delay=False)
    assert notified("followed_report_status_changed") == people
    assert Delivery.objects.count() == 3
