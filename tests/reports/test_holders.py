"""What the reporter of an anonymous report does with its tracking token: comment, and be told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from jobs.ledger import database
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.conversation import replying
from reports.models import (
    Comment,
    ModerationCase,
    Report,
    ReportContact,
    Status,
)
from reports.moderation import cases
from reports.workflow import transitions, undoing
from reports.workflow.roles import roles_in
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
CONTACT = {"email": "ann@example.org"}


class Holder:
    """Somebody who is not signed in, and has the tracking token of a report."""

    def __init__(self, api: APIClient, **fields: Any) -> None:
        made = api.post(URL, new_report(category="pothole", **fields)).json()
        self.api, self.report = api, Report.objects.get(pk=made["id"])
        self.headers = {"X-Tracking-Token": made["tracking_token"]}
        self.path = f"{URL}{self.report.pk}/"
        run_tasks()
        self.report.refresh_from_db()

    def call(self, method: str, path: str = "", body: Any = None) -> Any:
        send = getattr(self.api, method)
        return send(f"{self.path}{path}", body, headers=self.headers)

    def comment(self, text: str = "The hole is deeper now.") -> Any:
        return self.call("post", "comments/", {"text": text})

    def comments(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call("get", "comments/").json()["results"]
        return rows


@pytest.fixture
def holder(api: APIClient) -> Holder:
    make_category()
    return Holder(api, contact=CONTACT)


# --- Comments -------------------------------------------------------------------------------------


def test_a_comment_with_the_token_waits_for_moderation(holder: Holder, as_user: SignIn) -> None:
    Report.objects.update(published_at=database.now())
    answer = holder.comment()
    assert answer.status_code == 201, answer.content
    facts = {name: answer.json()[name] for name in ("is_public", "is_own", "is_by_reporter")}
    assert facts == {"is_public": False, "is_own": True, "is_by_reporter": True}
    case = ModerationCase.objects.get(kind="comment")
    assert [reason["code"] for reason in case.reasons] == ["anonymous"]
    neighbour = as_user(make_user())
    assert len(holder.comments()) == 1
    assert neighbour.get(f"{holder.path}comments/").json()["results"] == []
    cases.approve(case, by=make_staff(is_superuser=True))
    [shown] = neighbour.get(f"{holder.path}comments/").json()["results"]
    assert (shown["is_public"], shown["is_own"], shown["is_by_reporter"]) == (True, False, True)


def test_a_report_that_is_not_public_is_commented_with_its_token_alone(
    holder: Holder, api: APIClient, as_user: SignIn
) -> None:
    path = f"{holder.path}comments/"
    assert holder.comment().status_code == 201
    assert api.get(path).status_code == 404
    assert as_user(make_user()).post(path, {"text": "Me too."}).status_code == 404
    assert api.post(path, {"text": "x"}).status_code == 401
    wrong = {"X-Tracking-Token": "x" * 43}
    assert api.post(path, {"text": "x"}, headers=wrong).status_code == 404
    Report.objects.update(published_at=database.now())
    assert api.post(path, {"text": "x"}, headers=wrong).status_code == 401


def test_the_token_of_another_report_or_of_one_with_a_reporter_is_none(
    holder: Holder, api: APIClient
) -> None:
    other = make_report()
    path = f"{URL}{other.pk}/comments/"
    assert api.post(path, {"text": "x"}, headers=holder.headers).status_code == 401
    Report.objects.filter(pk=holder.report.pk).update(
        reporter=make_user(), published_at=database.now()
    )
    assert holder.comment().status_code == 401


def test_blocked_words_and_links_of_a_holder_are_named(holder: Holder) -> None:
    holder.comment("Look at www.example.com now")
    case = ModerationCase.objects.get(kind="comment")
    assert [reason["code"] for reason in case.reasons] == ["anonymous", "links"]


def test_a_holder_has_the_limits_of_a_citizen(holder: Holder, settings: Any) -> None:
    settings.COMMENTS_PER_CITIZEN_HOUR, settings.COMMENTS_EQUAL_TEXTS_PER_DAY = 3, 2
    assert [holder.comment("Same.").status_code for _ in range(3)] == [201, 201, 409]
    assert holder.comment("Other.").status_code == 201
    refused = holder.comment("Too many.")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("text", ["", " ", "x" * 4_001, None, 5, "a\0b"])
def test_a_text_that_is_none_is_refused(holder: Holder, text: Any) -> None:
    assert holder.comment(text).status_code == 400
    assert not Comment.objects.exists()


def test_a_holder_deletes_what_they_wrote_and_nothing_else(
    holder: Holder, api: APIClient, as_user: SignIn
) -> None:
    own = holder.comment().json()["id"]
    others = Comment.objects.create(
        report=holder.report, author=make_user(), text="x", published_at=database.now()
    )
    official = replying.reply(holder.report, "Soon.", by=make_staff(make_department()))
    path = f"{holder.path}comments/{own}/"
    assert api.delete(path).status_code == 401
    assert api.delete(path, headers={"X-Tracking-Token": "x"}).status_code == 404
    assert as_user(make_user()).delete(path).status_code == 404
    for other in (others, official):
        assert holder.call("delete", f"comments/{other.pk}/").status_code == 404
    assert holder.call("delete", f"comments/{own}/").status_code == 204
    assert holder.call("delete", f"comments/{own}/").status_code == 404
    assert Comment.objects.get(pk=own).text == ""
    assert not ModerationCase.objects.waiting().filter(kind="comment").exists()


def test_the_comments_of_a_holder_are_repeated_with_their_key_once(holder: Holder) -> None:
    holder.headers["Idempotency-Key"] = str(uuid4())
    first, second = holder.comment(), holder.comment()
    assert first.json()["id"] == second.json()["id"]
    assert Comment.objects.count() == 1


# --- Being told -----------------------------------------------------------------------------------


def start(report: Report) -> None:
    transitions.change_status(
        report, to=Status.IN_PROGRESS, by=make_staff(make_department()), is_publishing=True
    )
    run_tasks()


def messages() -> int:
    return Delivery.objects.filter(status="sent").count()


def test_a_holder_stops_the_messages_and_gets_them_again(holder: Holder) -> None:
    before = messages()
    answer = holder.call("delete", "follow/")
    assert (answer.status_code, answer.json()["is_followed"]) == (200, False)
    start(holder.report)
    assert messages() == before
    assert holder.call("post", "follow/").json()["is_followed"] is True
    replying.reply(holder.report, "We are at it.", by=make_staff(make_department()))
    run_tasks()
    assert messages() == before + 1


def test_without_an_address_nobody_is_told(api: APIClient) -> None:
    make_category()
    holder = Holder(api)
    for method in ("post", "delete"):
        answer = holder.call(method, "follow/")
        assert answer.status_code == 409
        assert "no address" in answer.json()["detail"]


def test_nobody_else_stops_the_messages(holder: Holder, api: APIClient, as_user: SignIn) -> None:
    Report.objects.update(published_at=database.now())
    path = f"{holder.path}follow/"
    assert api.delete(path).status_code == 401
    assert api.delete(path, headers={"X-Tracking-Token": "x"}).status_code == 401
    assert as_user(make_user()).delete(path).status_code == 200  # of their own following
    other = f"{URL}{make_report().pk}/follow/"
    assert api.delete(other, headers=holder.headers).status_code == 401
    assert ReportContact.objects.get().wants_updates


def test_a_step_of_which_a_holder_was_told_is_not_undone(holder: Holder, settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 0
    clerk = make_staff(make_department())
    transitions.change_status(holder.report, to=Status.IN_PROGRESS, by=clerk)
    roles = roles_in(holder.report, clerk)
    assert undoing.undoable(holder.report, by=clerk, roles=roles) is None
    ReportContact.objects.update(wants_updates=False)
    assert undoing.undoable(holder.report, by=clerk, roles=roles) is not None
