"""The desk's queue of moderation."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from reports.models import BlockedWord, Comment, ModerationCase, Report, SubjectKind
from reports.moderation import flags
from tests.reports.factories import (
    make_comment,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db
QUEUE = "admin:reports_moderationcase_changelist"


def desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


@pytest.fixture
def desk() -> Client:
    return desk_of(make_staff(make_department()))


def flagged_report(title: str = "Deep hole") -> ModerationCase:
    report = make_report(title=title, reporter=make_user())
    return flag(report, SubjectKind.REPORT, report)


def flag(report: Report, kind: str, subject: Report | Comment) -> ModerationCase:
    flags.flag(report, kind, subject.pk, by=make_user(), host="h", reason="spam", note="See!")
    return ModerationCase.objects.get(subject_id=subject.pk)


def act(desk: Client, action: str, *chosen: ModerationCase, **fields: str) -> str:
    body = {"action": action, "_selected_action": [str(case.pk) for case in chosen], **fields}
    return desk.post(reverse(QUEUE), body, follow=True).content.decode()


def test_the_queue_shows_what_waits_with_its_reasons(desk: Client) -> None:
    report = make_report(title="<b>Hole</b>")
    flag(report, SubjectKind.COMMENT, make_comment(report, text="<script>bad</script>"))
    page = desk.get(reverse(QUEUE)).content.decode()
    assert "&lt;b&gt;Hole" in page
    assert "&lt;script&gt;bad" in page
    assert "<script>bad" not in page
    assert "Somebody flagged it." in page
    assert "See!" in page


def test_several_are_approved_at_once(desk: Client) -> None:
    chosen = [flagged_report(), flagged_report()]
    assert "Decided about 2." in act(desk, "approve", *chosen)
    assert set(ModerationCase.objects.values_list("state", flat=True)) == {"approved"}
    assert "Deep hole" not in desk.get(reverse(QUEUE)).content.decode()
    assert "Deep hole" in desk.get(reverse(QUEUE) + "?state=approved").content.decode()


def test_a_rejection_needs_its_reason_and_its_note(desk: Client) -> None:
    case = flagged_report()
    assert "Choose the reason" in act(desk, "reject", case)
    assert "Say in the note" in act(desk, "reject", case, reason="other")
    assert "Decided about 1." in act(desk, "reject", case, reason="spam", note="Pills.")
    case.refresh_from_db()
    assert (case.state, case.rejection, case.note) == ("rejected", "spam", "Pills.")
    assert (
        "already" in act(desk, "approve", case) or ModerationCase.objects.get().state == "rejected"
    )


def test_other_departments_neither_see_nor_decide() -> None:
    case = flagged_report()
    other = desk_of(make_staff(make_department("parks")))
    assert "Deep hole" not in other.get(reverse(QUEUE)).content.decode()
    act(other, "approve", case)
    case.refresh_from_db()
    assert case.state == "waiting"


def test_staff_with_the_right_edit_blocked_words() -> None:
    boss = desk_of(make_user(is_staff=True, is_superuser=True))
    url = reverse("admin:reports_blockedword_add")
    assert boss.post(url, {"word": "Blöt", "is_active": "on"}).status_code == 302
    assert "on the list already" in boss.post(url, {"word": "blot"}).content.decode()
    assert BlockedWord.objects.get().phrase == "blot"
