"""A reporter's own report: corrected or withdrawn while nobody works on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.models import (
    BlockedWord,
    Correction,
    ModerationCase,
    Report,
    Status,
    hash_tracking_token,
)
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
)


def url_of(report: Report, rest: str = "") -> str:
    return f"/api/v1/reports/{report.pk}/{rest}"


def withdraw(client: APIClient, report: Report, **headers: Any) -> int:
    body = json.dumps({"step": "withdraw"})
    url = url_of(report, "steps/")
    return client.post(url, body, content_type="application/json", headers=headers).status_code


@pytest.mark.django_db
def test_a_correction_is_stored_with_its_history(as_user: SignIn) -> None:
    author = make_user()
    report = make_report(reporter=author)
    body = {"title": "Deep hole, two of them", "latitude": 41.4, "longitude": -72.8}
    answer = as_user(author).patch(url_of(report), body)
    assert answer.status_code == 200, answer.content
    assert {name: answer.data[name] for name in body} == body
    assert answer.data["history"][-1]["note"] == "Corrected by its reporter: place, title."
    correction = Correction.objects.get()
    assert correction.before == {"title": "Deep hole", "latitude": 41.3, "longitude": -72.9}
    assert (correction.after, correction.by) == (body, author)
    report.refresh_from_db()
    assert report.cell is not None
    run_tasks()
    assert AuditEvent.objects.filter(event="report.corrected").exists()


@pytest.mark.django_db
def test_another_category_leads_to_another_department(as_user: SignIn) -> None:
    make_category("tree", department=make_department("parks"), sla_hours=10)
    author = make_user()
    report = make_report(
        reporter=author, category=make_category("pothole"), category_source="staff"
    )
    as_user(author).patch(url_of(report), {"category": "tree"})
    run_tasks()
    report.refresh_from_db()
    assert report.department is not None
    assert (report.department.slug, report.sla_hours) == ("parks", 10)
    assert report.category_source == "reporter"
    assert Correction.objects.get().before == {"category": "pothole"}


@pytest.mark.django_db
def test_corrected_words_are_judged_again(api: APIClient, as_user: SignIn) -> None:
    BlockedWord.objects.create(word="blotwort")
    author = make_user()
    report = make_report(reporter=author)
    answer = as_user(author).patch(url_of(report), {"description": "A blotwort."})
    assert (answer.data["is_public"], answer.data["waits_for"]) == (False, ["blocked_words"])
    assert api.get(url_of(report)).status_code == 404
    as_user(author).patch(url_of(report), {"description": "Another blotwort."})
    assert ModerationCase.objects.count() == 1


@pytest.mark.django_db
def test_values_as_before_change_nothing(as_user: SignIn) -> None:
    author = make_user()
    report = make_report(reporter=author)
    assert as_user(author).patch(url_of(report), {"title": "Deep  hole"}).status_code == 200
    assert not Correction.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [{}, {"latitude": 1}, {"title": ""}, {"latitude": 91, "longitude": 0}, {"category": "none"}],
    ids=str,
)
def test_a_correction_that_makes_no_sense_is_refused(as_user: SignIn, body: dict[str, Any]) -> None:
    author = make_user()
    report = make_report(reporter=author)
    assert as_user(author).patch(url_of(report), body).status_code == 400
    assert not Correction.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("status", set(Status.values) - {Status.NEW, Status.TRIAGED})
def test_once_somebody_works_on_it_neither_is_possible(as_user: SignIn, status: str) -> None:
    author = make_user()
    report = make_report(reporter=author, status=status)
    client = as_user(author)
    answer = client.patch(url_of(report), {"title": "Other"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert "Somebody works on this report already" in answer.json()["detail"]
    assert withdraw(client, report) == 409


@pytest.mark.django_db
def test_a_withdrawn_report_is_closed_and_not_public(api: APIClient, as_user: SignIn) -> None:
    author = make_user()
    report = make_report(reporter=author)
    assert withdraw(as_user(make_user()), report) == 403
    assert [withdraw(as_user(author), report) for _ in range(2)] == [200, 409]
    assert api.get(url_of(report)).status_code == 404
    assert as_user(author).get(url_of(report)).data["status"] == "closed"
    run_tasks()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_nobody_has_to_moderate_what_is_withdrawn(as_user: SignIn) -> None:
    BlockedWord.objects.create(word="blotwort")
    author = make_user()
    report = make_report(reporter=author)
    as_user(author).patch(url_of(report), {"description": "A blotwort."})
    assert withdraw(as_user(author), report) == 200
    assert not ModerationCase.objects.waiting().exists()


@pytest.mark.django_db
def test_the_holder_of_the_token_may_too(api: APIClient) -> None:
    report = make_report(tracking_token_hash=hash_tracking_token("secret"), published_at=None)
    token = {"X-Tracking-Token": "secret"}
    assert api.patch(url_of(report), {"title": "Other"}).status_code == 404
    assert api.patch(url_of(report), {"title": "Other"}, headers=token).status_code == 200
    assert withdraw(api, report, **token) == 200
    report.refresh_from_db()
    assert (report.title, report.status, report.published_at) == ("Other", "closed", None)


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_and_the_start_of_work_at_once_leave_one_of_them() -> None:
    author, staff = make_user(), make_staff(make_department())
    report = make_report(reporter=author)
    turns = iter([author, staff] * 4)

    def act() -> int:
        client, person = APIClient(), next(turns)
        client.force_authenticate(User.objects.get(pk=person.pk))
        if person == author:
            return withdraw(client, report)
        body, url = json.dumps({"status": "in_progress"}), url_of(report, "status/")
        return client.post(url, body, content_type="application/json").status_code

    outcomes = race(act, times=8, threads=4)
    assert set(outcomes) <= {200, 403, 409}
    report.refresh_from_db()
    steps = list(report.history.exclude(step="").values_list("step", flat=True))
    assert steps in (["withdraw"], ["start"], ["withdraw", "start"])


@pytest.mark.django_db
def test_a_correction_of_what_changed_meanwhile_is_refused(as_user: SignIn) -> None:
    author = make_user()
    report, client = make_report(reporter=author), as_user(author)
    tag = client.get(url_of(report))["ETag"]
    assert (
        client.patch(url_of(report), {"title": "A"}, headers={"If-Match": tag}).status_code == 200
    )
    assert (
        client.patch(url_of(report), {"title": "B"}, headers={"If-Match": tag}).status_code == 412
    )


@pytest.mark.django_db
def test_the_desk_shows_what_was_corrected(as_user: SignIn) -> None:
    author, department = make_user(), make_department()
    report = make_report(reporter=author, department=department)
    as_user(author).patch(url_of(report), {"title": "<b>Two holes</b>"})
    desk = Client()
    desk.force_login(make_staff(department), backend="accounts.backends.StaffBackend")
    page = desk.get(f"/admin/reports/report/{report.pk}/change/").content.decode()
    assert "<strong>title</strong>: Deep hole → &lt;b&gt;Two holes&lt;/b&gt;" in page
