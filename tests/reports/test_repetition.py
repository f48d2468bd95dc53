"""The same words from several people: they wait for moderation, unless they are short or near."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from accounts.models import User
from jobs.testing import run_tasks
from reports.conversation import commenting
from reports.intake import correcting
from reports.models import Comment, ModerationCase, Report, Status
from reports.moderation import cases
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

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"
ADVERT = (
    "Best roofs in town, call Roofs and Sons today, we repair every roof within one single day!"
)
SHORT = "The street light here is broken."


@pytest.fixture(autouse=True)
def without_duplicate_check(settings: Any) -> None:
    settings.DUPLICATE_CHECK_ENABLED = False
    make_category()


def far(number: int) -> dict[str, Any]:
    """A place half a kilometre from the one before."""
    return {"latitude": 41.3 + number * 0.005, "longitude": -72.9}


def send(as_user: SignIn, author: User | None = None, **fields: Any) -> Report:
    client = as_user(author or make_user())
    body = new_report(title="Offer", description=ADVERT, category="pothole") | fields
    answer = client.post(URL, body)
    assert answer.status_code == 201, answer.content
    return Report.objects.get(pk=answer.json()["id"])


def codes(subject: Report | Comment) -> list[str]:
    case = ModerationCase.objects.filter(subject_id=subject.pk, state="waiting").first()
    return [reason["code"] for reason in case.reasons] if case else []


def is_public(subject: Report | Comment) -> bool:
    subject.refresh_from_db()
    return subject.published_at is not None


def test_the_third_author_of_the_same_words_waits_and_the_others_are_looked_at(
    as_user: SignIn,
) -> None:
    first, second = (send(as_user, **far(number)) for number in range(2))
    assert (codes(first), codes(second)) == ([], [])
    spelled: dict[str, Any] = {"title": "OFFER!!", "description": ADVERT.upper().replace(",", " –")}
    third, fourth = send(as_user, **far(2), **spelled), send(as_user, **far(3))
    assert [is_public(one) for one in (first, second, third, fourth)] == [True, True, False, False]
    for report in (first, second, third, fourth):
        assert codes(report) == ["repeated_by_others"]
    case = ModerationCase.objects.get(subject_id=fourth.pk)
    assert case.reasons[0]["detail"] == "3 others sent the same words within 24 hours."
    staff = as_user(make_staff(is_superuser=True))
    listed = staff.get("/api/v1/moderation/").json()["results"]
    assert {one["reasons"][0]["code"] for one in listed} == {"repeated_by_others"}


def test_what_staff_have_approved_is_not_queued_again(as_user: SignIn) -> None:
    reports = [send(as_user, **far(number)) for number in range(3)]
    boss = make_staff(is_superuser=True)
    for case in ModerationCase.objects.all():
        cases.approve(case, by=boss)
    send(as_user, **far(4))
    assert [codes(one) for one in reports] == [[], [], []]


def test_short_texts_are_exempt(as_user: SignIn) -> None:
    for number in range(5):
        report = send(as_user, **far(number), title="Light", description=SHORT)
        assert is_public(report)
        assert report.text_digest is None


def test_neighbours_who_copy_each_other_are_exempt(as_user: SignIn) -> None:
    for number in range(5):
        near: dict[str, Any] = {"latitude": 41.3 + number * 0.0001, "longitude": -72.9}
        assert is_public(send(as_user, **near))


def test_one_author_is_one_however_often_they_send(as_user: SignIn) -> None:
    author = make_user()
    for number in range(3):
        assert "repeated_by_others" not in codes(send(as_user, author, **far(number)))
    assert is_public(send(as_user, **far(4)))


def test_all_who_do_not_sign_in_are_one_author(api: APIClient, as_user: SignIn) -> None:
    for number in range(3):
        body = new_report(title="Offer", description=ADVERT, category="pothole", **far(number))
        report = Report.objects.get(pk=api.post(URL, body).json()["id"])
        assert "repeated_by_others" not in codes(report)
    assert is_public(send(as_user, **far(4)))
    assert codes(send(as_user, **far(5))) == ["repeated_by_others"]


def test_words_of_staff_do_not_count(as_user: SignIn) -> None:
    for number in range(3):
        assert is_public(send(as_user, make_staff(), **far(number)))
    assert is_public(send(as_user, **far(4)))


def test_words_of_long_ago_do_not_count(as_user: SignIn) -> None:
    for number in range(2):
        send(as_user, **far(number))
    Report.objects.update(created_at=F("created_at") - timedelta(hours=25))
    assert is_public(send(as_user, **far(3)))


def test_it_can_be_switched_off(as_user: SignIn, settings: Any) -> None:
    settings.MODERATION_REPEATED_AUTHORS = 0
    assert all(is_public(send(as_user, **far(number))) for number in range(4))


def test_nothing_gets_public_by_a_correction(as_user: SignIn) -> None:
    for number in range(2):
        send(as_user, **far(number))
    author = make_user()
    report = make_report(reporter=author, **far(3))
    correcting.correct(report, {"title": "Offer", "description": ADVERT}, by=author)
    assert (codes(report), is_public(report)) == (["repeated_by_others"], False)
    correcting.correct(report, {"title": "Hole", "description": "Deep."}, by=author)
    assert Report.objects.get(pk=report.pk).text_digest is None


def comment(author: User, report: Report, text: str = ADVERT) -> Comment:
    return commenting.comment(report, text, author=author)


def test_the_same_comment_by_several_people_waits() -> None:
    reports = [make_report(**far(number)) for number in range(2)]
    written = [comment(make_user(), reports[number % 2]) for number in range(3)]
    assert [is_public(one) for one in written] == [True, True, False]
    assert [codes(one) for one in written] == [["repeated_by_others"]] * 3
    assert all(is_public(comment(make_user(), reports[0], "Same here!")) for _ in range(4))


def test_a_comment_that_was_deleted_does_not_count() -> None:
    report = make_report()
    for _ in range(2):
        author = make_user()
        commenting.delete(comment(author, report), by=author)
    assert is_public(comment(make_user(), report))


def test_nothing_is_kept_of_the_words_of_an_erased_author() -> None:
    author = make_user()
    written = comment(author, make_report())
    author.delete()
    assert Comment.objects.get(pk=written.pk).text_digest is None


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_are_public(as_user: SignIn) -> None:
    turns = iter([(make_user(), far(number)) for number in range(6)])

    def go() -> Report:
        author, place = next(turns)
        return send(as_user, author, **place)

    reports = [report for report in race(go, times=6) if isinstance(report, Report)]
    assert len(reports) == 6
    assert sum(is_public(report) for report in reports) == 2
    assert ModerationCase.objects.filter(state="waiting").count() == 6


def test_a_rejected_advert_stays_rejected(as_user: SignIn) -> None:
    first = send(as_user, **far(0))
    cases.reject(
        cases.case_of(first, "report", first.pk),
        by=make_staff(make_department(), is_superuser=True),
        reason="spam",
        reconsiders=True,
    )
    run_tasks()
    for number in (1, 2):
        send(as_user, **far(number))
    first.refresh_from_db()
    assert (first.status, is_public(first), codes(first)) == (Status.REJECTED, False, [])
