"""Whether a problem is repaired: the link, the page, the API, and what each answer does."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs.ledger import database
from jobs.testing import run_tasks
from reports.confirmation import answering, tokens
from reports.confirmation.answering import Answer
from reports.confirmation.tokens import Resolution
from reports.duplicates import merging
from reports.errors import LinkInvalid
from reports.models import Confirmation, ConfirmedBy, Follow, Report, Role, Status
from reports.workflow import transitions
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_report, make_staff, make_user

pytestmark = pytest.mark.django_db
YES, NO = {"answer": "yes"}, {"answer": "no", "note": "Still deep."}


@pytest.fixture(autouse=True)
def outbox(settings: Any) -> None:
    """Let emails go through the real channel to `mail.outbox`."""
    channels = {"email": "notifications.channels.email.send"}
    settings.NOTIFICATION_CHANNELS = settings.NOTIFICATION_CHANNELS | channels


@pytest.fixture
def reporter() -> User:
    return make_user(email="ada@example.org", email_verified_at=database.now())


@pytest.fixture
def report(reporter: User) -> Report:
    """Just resolved by staff; its reporter has the message."""
    report = make_report(reporter=reporter, status=Status.IN_PROGRESS)
    resolve(report)
    return report


def resolve(report: Report) -> None:
    transitions.change_status(
        report, to=Status.RESOLVED, by=make_staff(make_department()), note="Filled."
    )
    run_tasks()


def link() -> str:
    """The path of the link in the last message."""
    found = re.search(r"https?://[^/]+(/confirm\?token=\S+)", str(mail.outbox[-1].body))
    assert found is not None, mail.outbox[-1].body
    return found.group(1)


def status_of(report: Report) -> str:
    report.refresh_from_db()
    return report.status


def test_the_message_has_a_link_that_asks_and_changes_nothing(
    report: Report, client: Client
) -> None:
    version = Report.objects.get().version
    for _ in range(2):  # a mail scanner first
        page = client.get(link())
        assert page.status_code == 200
        assert "Is the problem fixed?" in page.content.decode()
        assert "Deep hole" in page.content.decode()
    assert client.head(link()).status_code == 200
    assert (status_of(report), report.version) == (Status.RESOLVED, version)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page.headers["Cache-Control"]
    assert not page.cookies


def test_yes_counts_as_a_confirmed_repair(report: Report) -> None:
    page = Client(enforce_csrf_checks=True).post(link(), YES)
    assert "The repair is confirmed" in page.content.decode()
    assert status_of(report) == Status.CLOSED
    assert report.confirmed_at is not None
    confirmation = report.confirmations.get()
    assert (confirmation.source, confirmation.is_fixed) == (ConfirmedBy.REPORTER, True)
    line = report.history.last()
    assert line is not None
    assert (line.role, line.is_internal) == (Role.REPORTER, True)


def test_no_opens_the_report_again_with_what_is_wrong(report: Report, client: Client) -> None:
    page = client.post(link(), NO)
    assert "The report is open again" in page.content.decode()
    assert (status_of(report), report.confirmed_at) == (Status.REOPENED, None)
    assert report.confirmations.get().note == "Still deep."
    line = report.history.last()
    assert line is not None
    assert line.note == "Answer of its reporter: not repaired. Still deep."


def test_no_can_follow_yes(report: Report, client: Client) -> None:
    path = link()
    client.post(path, YES)
    assert "It is not fixed after all" in client.get(path).content.decode()
    client.post(path, NO)
    assert (status_of(report), report.confirmed_at) == (Status.REOPENED, None)
    assert [one.is_fixed for one in report.confirmations.all()] == [True, False]
    page = client.post(path, YES)
    assert page.status_code == 409
    assert "The report is open again" in page.content.decode()
    assert status_of(report) == Status.REOPENED


@pytest.mark.parametrize("answer", [YES, NO])
def test_a_second_tap_changes_nothing(report: Report, client: Client, answer: Any) -> None:
    path = link()
    first = client.post(path, answer).content.decode()
    lines = report.history.count()
    assert client.post(path, answer).content.decode() == first
    assert (report.history.count(), report.confirmations.count()) == (lines, 1)


def test_a_later_resolution_voids_the_earlier_link(report: Report, client: Client) -> None:
    old = link()
    transitions.take(
        report,
        "reopen",
        by=make_staff(),
        roles=frozenset({Role.SUPERUSER}),
        inputs=transitions.Inputs(note="Not quite."),
    )
    assert "no longer valid" in client.get(old).content.decode()
    assert client.post(old, YES).status_code == 409
    resolve(report)
    assert link() != old
    assert "no longer valid" in client.get(old).content.decode()
    assert client.post(old, YES).status_code == 409
    assert status_of(report) == Status.RESOLVED
    assert client.post(link(), YES).status_code == 200


def test_after_the_window_nobody_can_answer(report: Report, client: Client, settings: Any) -> None:
    past = database.now() - timedelta(days=settings.CONFIRMATION_WINDOW_DAYS, minutes=1)
    Report.objects.update(closed_at=past)
    assert "This question is closed" in client.get(link()).content.decode()
    for answer in (YES, NO):
        assert client.post(link(), answer).status_code == 409
    assert status_of(report) == Status.RESOLVED


def test_yes_counts_although_staff_closed_the_report_meanwhile(
    report: Report, client: Client
) -> None:
    transitions.change_status(report, to=Status.CLOSED, by=make_staff())
    assert client.post(link(), YES).status_code == 200
    assert (status_of(report), report.confirmed_at is None) == (Status.CLOSED, False)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-1],
        lambda t: t[:20] + ("B" if t[20] == "A" else "A") + t[21:],
        lambda _: "é" * 54,
    ],
)
def test_a_link_that_is_not_ours_is_refused(report: Report, client: Client, change: Any) -> None:
    path, _, token = link().partition("=")
    changed = f"{path}={change(token)}"
    for answer in (client.get(changed), client.post(changed, YES)):
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()
    assert status_of(report) == Status.RESOLVED


def test_a_token_of_another_purpose_or_key_is_refused(report: Report, settings: Any) -> None:
    resolution = answering.resolution_of(report)
    assert resolution is not None
    token = tokens.make(resolution)
    assert tokens.read(token) == resolution
    settings.CONFIRMATION_KEY = "another"
    with pytest.raises(LinkInvalid):
        tokens.read(token)


def test_neither_answer_nor_nonsense_changes_anything(report: Report, client: Client) -> None:
    assert client.post(link(), {}).status_code == 400
    assert client.post(link(), {"answer": "perhaps"}).status_code == 400
    page = client.post(link(), {"answer": "no", "note": "x" * 2_001})
    assert (page.status_code, "Your text is too long" in page.content.decode()) == (400, True)
    assert client.put(link()).status_code == 405
    assert status_of(report) == Status.RESOLVED


def test_the_reporter_of_a_merged_report_gets_a_link_too(client: Client) -> None:
    report, other = (make_report(status=Status.IN_PROGRESS) for _ in range(2))
    other.reporter = make_user(email="bea@example.org", email_verified_at=database.now())
    other.save()
    merging.merge(other, into=report, by=make_staff(make_department()))
    run_tasks()
    resolve(report)
    assert mail.outbox[-1].to == ["bea@example.org"]
    assert client.post(link(), YES).status_code == 200
    assert status_of(report) == Status.CLOSED


# --- The API -------------------------------------------------------------------------------------


def address(report: Report) -> str:
    return f"/api/v1/reports/{report.pk}/confirmation/"


def test_the_reporter_answers_signed_in(report: Report, reporter: User, as_user: SignIn) -> None:
    answer = as_user(reporter).post(address(report), {"is_fixed": True})
    assert answer.status_code == 200, answer.data
    assert {key: answer.json()[key] for key in ("is_fixed", "source", "status")} == {
        "is_fixed": True,
        "source": "reporter",
        "status": "closed",
    }
    assert report.confirmations.get().user == reporter


def test_a_link_answers_through_the_api(report: Report, api: APIClient) -> None:
    token = link().partition("=")[2]
    other = make_report()
    body = {"is_fixed": False, "token": token, "note": "Deep."}
    assert api.post(address(other), body).status_code == 404
    assert api.post(address(report), body | {"token": "x"}).status_code == 404
    assert api.post(address(report), body).json()["status"] == "reopened"


def test_an_anonymous_reporter_answers_with_the_tracking_token(api: APIClient) -> None:
    made = api.post(
        "/api/v1/reports/",
        {"title": "Hole", "description": "Deep.", "latitude": 41.3, "longitude": -72.9},
    ).json()
    report = Report.objects.get(pk=made["id"])
    report.department = make_department()
    report.save()
    transitions.change_status(report, to=Status.RESOLVED, by=make_staff())
    assert api.post(address(report), {"is_fixed": True}).status_code == 404  # not public
    headers = {"X-Tracking-Token": made["tracking_token"]}
    answer = api.post(address(report), {"is_fixed": True}, headers=headers)
    assert answer.json()["status"] == "closed"


def test_a_stranger_who_is_not_signed_in_is_refused(report: Report, api: APIClient) -> None:
    assert api.post(address(report), {"is_fixed": True}).status_code == 401


def test_a_neighbour_can_confirm_and_not_deny(report: Report, as_user: SignIn) -> None:
    neighbour = as_user(make_user())
    near = {"latitude": report.latitude + 0.001, "longitude": report.longitude}
    far = near | {"latitude": report.latitude + 0.01}
    assert neighbour.post(address(report), {"is_fixed": True}).status_code == 403
    assert neighbour.post(address(report), {"is_fixed": True, **far}).status_code == 403
    assert neighbour.post(address(report), {"is_fixed": False, **near}).status_code == 403
    half = {"is_fixed": True, "latitude": 41.3}
    assert neighbour.post(address(report), half).status_code == 400
    assert as_user(make_staff()).post(address(report), near | {"is_fixed": True}).status_code == 403
    answer = neighbour.post(address(report), {"is_fixed": True, **near})
    assert answer.json()["source"] == "neighbour"
    assert status_of(report) == Status.CLOSED


def test_a_confirmed_repair_earns_reputation_once(
    report: Report, reporter: User, as_user: SignIn
) -> None:
    neighbour = make_user()
    body = {"is_fixed": True, "latitude": report.latitude, "longitude": report.longitude}

    def reputations() -> list[int]:
        run_tasks()
        return [User.objects.get(pk=one.pk).reputation for one in (reporter, neighbour)]

    before = reputations()
    as_user(reporter).post(address(report), {"is_fixed": False})
    assert reputations() == before, "nothing is repaired"
    for _ in range(2):
        resolve(Report.objects.get(pk=report.pk))
        as_user(neighbour).post(address(report), body)
        assert status_of(report) == Status.CLOSED
        assert reputations() == [before[0] + 10, before[1] + 2]
        as_user(reporter).post(address(report), {"is_fixed": False})
        assert status_of(report) == Status.REOPENED


def test_who_said_me_too_can_confirm_from_anywhere(report: Report, as_user: SignIn) -> None:
    neighbour = as_user(make_user())
    assert neighbour.post(f"/api/v1/reports/{report.pk}/me-too/").status_code < 300
    answer = neighbour.post(address(report), {"is_fixed": True})
    assert answer.json()["source"] == "neighbour"


def test_followers_get_no_link(report: Report) -> None:
    """A link counts as the reporter's answer."""
    follower = make_user(email="eve@example.org", email_verified_at=database.now())
    Follow.objects.create(report=report, user=follower)
    transitions.take(
        report,
        "reopen",
        by=make_staff(),
        roles=frozenset({Role.SUPERUSER}),
        inputs=transitions.Inputs(note="Not quite."),
    )
    mail.outbox.clear()
    resolve(report)
    texts = {message.to[0]: message.body for message in mail.outbox}
    assert "/confirm?token=" in texts["ada@example.org"]
    assert "/confirm?token=" not in texts["eve@example.org"]


@pytest.mark.parametrize("status", [Status.NEW, Status.IN_PROGRESS, Status.REJECTED])
def test_a_report_that_is_not_resolved_asks_nothing(
    reporter: User, as_user: SignIn, status: Status
) -> None:
    report = make_report(reporter=reporter, status=status)
    assert as_user(reporter).post(address(report), {"is_fixed": True}).status_code == 409


def test_an_answer_as_a_step_is_stored_like_any_other(
    report: Report, reporter: User, as_user: SignIn
) -> None:
    steps = f"/api/v1/reports/{report.pk}/steps/"
    answer = as_user(reporter).post(steps, {"step": "deny", "note": "Still deep."})
    assert answer.status_code == 200, answer.data
    stored = report.confirmations.get()
    assert (stored.is_fixed, stored.source, stored.note, stored.user) == (
        False,
        "reporter",
        "Still deep.",
        reporter,
    )


def test_a_report_that_its_reporter_withdrew_asks_nothing(reporter: User, as_user: SignIn) -> None:
    report = make_report(reporter=reporter, status=Status.TRIAGED)
    me = as_user(reporter)
    me.post(f"/api/v1/reports/{report.pk}/steps/", {"step": "withdraw"})
    assert status_of(report) == Status.CLOSED
    assert me.post(address(report), {"is_fixed": True}).status_code == 409


# --- At once, and killed between -----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_answers_at_once_are_taken_once(report: Report) -> None:
    resolution = answering.resolution_of(report)
    assert resolution is not None
    given = Answer(is_fixed=True, source=ConfirmedBy.REPORTER)

    def tap(_: int) -> int:
        try:
            return answering.answer(resolution, given).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(tap, range(8)))
    assert len(answers) == Confirmation.objects.count() == 1
    assert report.history.filter(to_status=Status.CLOSED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_killed_between_is_none(report: Report, monkeypatch: Any) -> None:
    resolution = answering.resolution_of(report)
    assert resolution is not None

    def killed(*_arguments: Any, **_options: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Confirmation.objects, "create", killed)
        with pytest.raises(SystemExit):
            answering.answer(resolution, Answer(is_fixed=False, source=ConfirmedBy.REPORTER))
    assert status_of(report) == Status.RESOLVED
    answering.answer(resolution, Answer(is_fixed=False, source=ConfirmedBy.REPORTER))
    assert status_of(report) == Status.REOPENED


def test_an_unknown_resolution_is_refused(client: Client, report: Report) -> None:
    token = tokens.make(Resolution(report.pk, 2**40))
    assert "no longer valid" in client.get(f"/confirm?token={token}").content.decode()
    gone = tokens.make(Resolution(make_user().pk, 1))
    assert client.get(f"/confirm?token={gone}").status_code == 404
    assert client.post(f"/confirm?token={gone}", YES).status_code == 404
