"""What becomes of a person's words in reports when their account is deleted."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from reports.models import Comment, Confirmation, ConfirmedBy, StaffNote
from reports.models.erasure import COMMENT_REMOVED
from tests.reports.factories import (
    make_comment,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


def texts(api: APIClient, report_id: object) -> list[str]:
    answer = api.get(f"/api/v1/reports/{report_id}/comments/").json()
    return [one["text"] for one in answer["results"]]


def test_the_thread_stays_whole_without_the_words(api: APIClient) -> None:
    author, other, report = make_user(), make_user(), make_report()
    make_comment(report, author, text="I am Ann from number 12.")
    make_comment(report, other, text="Me too.")
    hidden = make_comment(report, author, text="Ann again.", published_at=None)
    author.delete()
    assert texts(api, report.pk) == [COMMENT_REMOVED, "Me too."]
    hidden.refresh_from_db()
    assert (hidden.text, hidden.author) == (COMMENT_REMOVED, None)
    assert api.get(f"/api/v1/reports/{report.pk}/").json()["comment_count"] == 2


def test_many_at_once_are_erased_alike(api: APIClient) -> None:
    report = make_report()
    authors = [make_user() for _ in range(3)]
    for author in authors:
        make_comment(report, author)
    User.objects.filter(pk__in=[author.pk for author in authors]).delete()
    assert texts(api, report.pk) == [COMMENT_REMOVED] * 3


def test_what_staff_wrote_for_the_department_stays(api: APIClient) -> None:
    staff, report = make_staff(make_department()), make_report()
    make_comment(report, staff, text="It is on the list.", is_official=True)
    note = StaffNote.objects.create(report=report, author=staff, text="Ask the crew.")
    staff.delete()
    assert texts(api, report.pk) == ["It is on the list."]
    note.refresh_from_db()
    assert (note.text, note.author) == ("Ask the crew.", None)


def test_an_answer_about_the_repair_counts_on_without_its_note() -> None:
    user, report = make_user(), make_report()
    answer = Confirmation.objects.create(
        report=report,
        resolution=1,
        source=ConfirmedBy.REPORTER,
        is_fixed=False,
        note="Ask Ann at number 12.",
        user=user,
    )
    user.delete()
    answer.refresh_from_db()
    assert (answer.note, answer.user, answer.is_fixed) == ("", None, False)


def test_others_are_left_alone() -> None:
    author, report = make_user(), make_report()
    make_comment(report, author, text="Mine.")
    make_user().delete()
    assert Comment.objects.get().text == "Mine."
