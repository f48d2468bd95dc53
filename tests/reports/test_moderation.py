"""What is public at once, what waits for moderation, and what moderators decide."""

from __future__ import annotations

import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.models import BlockedWord, Flag, ModerationCase, Report, Status
from reports.models.phrases import phrases_in
from reports.moderation import cases, levels
from reports.moderation.judging import links_in
from reports.workflow import transitions
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)


class Interrupted(Exception):
    """The process ended here."""


REPORTS, QUEUE = "/api/v1/reports/", "/api/v1/moderation/"


@pytest.fixture(autouse=True)
def without_duplicate_check(settings: Any) -> None:
    settings.DUPLICATE_CHECK_ENABLED = False


def block(*words: str) -> None:
    for word in words:
        BlockedWord.objects.create(word=word)


def send(client: APIClient, **overrides: Any) -> Report:
    answer = client.post(REPORTS, new_report(**overrides))
    assert answer.status_code == 201, answer.content
    return Report.objects.get(pk=answer.data["id"])


def reasons_of(report: Report) -> list[str]:
    case = ModerationCase.objects.filter(subject_id=report.pk).first()
    return [reason["code"] for reason in case.reasons] if case else []


def flag(client: APIClient, report: Report, reason: str = "spam") -> int:
    return client.post(f"{REPORTS}{report.pk}/flag/", {"reason": reason}).status_code


# --- What waits --------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "you Blötwort!",
        "bl0twort",
        "BLOOOOTWORT",
        "b l o t w o r t",
        "ｂｌｏｔｗｏｒｔ",
        "blot\u200bwort",
        "bl'otwort",
    ],
)
def test_a_blocked_word_is_seen_through_its_disguise(as_user: SignIn, text: str) -> None:
    block("Blotwort")
    report = send(as_user(make_user()), description=text)
    assert report.published_at is None
    assert reasons_of(report) == ["blocked_words"]


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["blotworts", "a plotwort", "Pothole at 5 Main Street."])
def test_a_word_that_only_holds_a_blocked_one_is_public(as_user: SignIn, text: str) -> None:
    block("blotwort", "5")
    BlockedWord.objects.filter(word="5").update(is_active=False)
    assert send(as_user(make_user()), description=text).published_at is not None


@pytest.mark.django_db
def test_a_phrase_is_seen_across_punctuation(as_user: SignIn) -> None:
    block("lorem ipsum dolor")
    report = send(as_user(make_user()), description="So: LOREM, ipsum ... dólor!")
    assert reasons_of(report) == ["blocked_words"]


@pytest.mark.django_db
def test_words_are_kept_once_whatever_their_spelling() -> None:
    block("Blötwort")
    with pytest.raises(ValidationError, match="on the list already"):
        BlockedWord(word="bl0twort").full_clean()
    with pytest.raises(ValidationError, match="3 words at most"):
        BlockedWord(word="one two three four").full_clean()
    with pytest.raises(ValidationError, match="letters"):
        BlockedWord(word="?!").full_clean()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("see https://spam.example/x", 1),
        ("www.spam.example and shop.top/now", 2),
        ("cheap-pills.com", 1),
        ("at 10.30 by no.5, approx. 3.5 m.Then", 0),
        ("write to me@mail.com", 0),
        ("https://maps.city.example/1", 0),
        ("http://[broken", 1),
    ],
)
def test_links_are_seen(settings: Any, text: str, count: int) -> None:
    settings.MODERATION_LINK_HOSTS = ["maps.city.example"]
    assert len(links_in(text)) == count


@pytest.mark.django_db
def test_links_wait_unless_their_author_is_trusted(as_user: SignIn) -> None:
    text = "Look at https://spam.example"
    assert reasons_of(send(as_user(make_user()), description=text)) == ["links"]
    trusted = make_user(reputation=100)
    assert send(as_user(trusted), description=text).published_at is not None


@pytest.mark.django_db
def test_repeated_words_wait_the_second_time(as_user: SignIn) -> None:
    client = as_user(make_user())
    first, second = send(client, latitude=40), send(client, title="DEEP hole", latitude=41)
    assert (reasons_of(first), reasons_of(second)) == ([], ["repeated"])
    assert reasons_of(send(as_user(make_user()), latitude=42)) == []


@pytest.mark.django_db
def test_an_anonymous_report_waits(api: APIClient) -> None:
    assert reasons_of(send(api)) == ["anonymous"]


@pytest.mark.django_db
def test_reputation_decides_how_much_and_what_is_public(as_user: SignIn, settings: Any) -> None:
    settings.REPORTS_PER_CITIZEN_DAY = 4
    settings.MODERATION_LEVELS = ["0:25:held", "1:50:public", "3:100:public"]

    def day_of(reputation: int) -> list[bool]:
        client, public = as_user(make_user(reputation=reputation)), []
        for number in range(5):
            body = new_report(title=f"Hole {number} {reputation}", latitude=30 + number)
            answer = client.post(REPORTS, body)
            if answer.status_code == 201:
                public.append(Report.objects.get(pk=answer.data["id"]).published_at is not None)
        return public

    assert day_of(-1) == [False]
    assert day_of(0) == day_of(30) == [True, True]
    assert day_of(100) == [True] * 4


@pytest.mark.parametrize(
    "entries", [["1:100:public"], ["0:10"], ["0:x:held"], ["0:10:maybe"], ["0:-1:held"], []]
)
def test_levels_that_cannot_be_read_are_refused(entries: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured):
        levels.parse(entries)


@pytest.mark.django_db
def test_staff_are_not_moderated(as_user: SignIn) -> None:
    block("blotwort")
    staff = make_staff(make_department())
    assert send(as_user(staff), description="blotwort www.x.com").published_at is not None


def test_a_long_text_has_not_many_more_phrases_than_words() -> None:
    assert len(phrases_in("a1 b2 c3 " * 2000)) < 100


# --- The queue ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_queue_shows_text_reasons_and_flags(as_user: SignIn) -> None:
    department = make_department()
    report = make_report(department=department)
    assert flag(as_user(make_user()), report, "insult") == 204
    [case] = as_user(make_staff(department)).get(QUEUE).data["results"]
    assert (case["kind"], case["subject_id"]) == ("report", str(report.pk))
    assert case["text"].startswith("Deep hole\n")
    assert case["reasons"] == [{"code": "flagged", "detail": "Somebody flagged it."}]
    assert (case["flags"], case["is_withheld"], case["state"]) == ({"insult": 1}, False, "waiting")


@pytest.mark.django_db
def test_the_queue_is_read_with_few_statements(
    as_user: SignIn, django_assert_max_num_queries: Any
) -> None:
    department = make_department()
    for _ in range(8):
        flag(as_user(make_user()), make_report(department=department))
    client = as_user(make_staff(department))
    with django_assert_max_num_queries(6):
        assert len(client.get(QUEUE).data["results"]) == 8


@pytest.mark.django_db
def test_only_the_department_or_a_moderator_decides(as_user: SignIn) -> None:
    report = make_report(department=make_department("streets"))
    flag(as_user(make_user()), report)
    case = ModerationCase.objects.get()
    other, moderator = make_staff(make_department("parks")), make_staff()
    moderator.user_permissions.add(Permission.objects.get(codename="moderate"))
    url = f"{QUEUE}{case.pk}/approve/"
    assert as_user(make_user()).post(url, {}).status_code == 403
    assert as_user(other).post(url, {}).status_code == 404
    assert as_user(other).get(QUEUE).data["results"] == []
    assert as_user(User.objects.get(pk=moderator.pk)).post(url, {}).status_code == 200


@pytest.mark.django_db
def test_an_approved_report_is_public_and_its_author_notified(as_user: SignIn) -> None:
    block("blotwort")
    author, department = make_user(), make_department()
    report = send(as_user(author), description="a blotwort")
    Report.objects.filter(pk=report.pk).update(department=department)
    staff = make_staff(department)
    case = ModerationCase.objects.get()
    answer = as_user(staff).post(f"{QUEUE}{case.pk}/approve/", {"note": "Fine."})
    assert (answer.status_code, answer.data["state"]) == (200, "approved")
    assert as_user(make_user()).get(f"{REPORTS}{report.pk}/").status_code == 200
    run_tasks()
    told = Delivery.objects.get(template="moderation_decided")
    assert (told.user, told.context["outcome"], told.context["note"]) == (
        author,
        "approved",
        "Fine.",
    )
    event = AuditEvent.objects.get(event="moderation.approved")
    assert (event.actor_id, event.subject) == (staff.pk, f"report:{report.pk}")


@pytest.mark.django_db
def test_a_rejected_report_is_rejected_and_costs_reputation(as_user: SignIn) -> None:
    author, department = make_user(), make_department()
    report = make_report(reporter=author, department=department)
    flag(as_user(make_user()), report)
    case = ModerationCase.objects.get()
    url, staff = f"{QUEUE}{case.pk}/reject/", as_user(make_staff(department))
    assert staff.post(url, {"reason": "other"}).status_code == 400
    assert staff.post(url, {"reason": "spam"}).data["state"] == "rejected"
    report.refresh_from_db()
    assert (report.status, report.published_at) == (Status.REJECTED, None)
    run_tasks()
    told = Delivery.objects.get(user=author)
    assert (told.template, told.context["note"]) == (
        "report_status_changed",
        "Advertising or spam.",
    )
    author.refresh_from_db()
    assert author.reputation == -10


@pytest.mark.django_db
def test_what_moderation_rejected_is_published_only_by_moderation(as_user: SignIn) -> None:
    department = make_department()
    report, staff = make_report(department=department), make_staff(department)
    flag(as_user(make_user()), report)
    case, client = ModerationCase.objects.get(), as_user(staff)
    client.post(f"{QUEUE}{case.pk}/reject/", {"reason": "spam"})
    report.refresh_from_db()
    transitions.change_status(report, to=Status.TRIAGED, by=staff, is_publishing=True)
    assert report.published_at is None
    url = f"{QUEUE}{case.pk}/approve/"
    assert client.post(url, {}).status_code == 409
    assert client.post(url, {"reconsiders": True}).status_code == 200
    report.refresh_from_db()
    assert report.published_at is not None


@pytest.mark.django_db
def test_a_step_that_publishes_settles_the_case(api: APIClient, as_user: SignIn) -> None:
    report, staff = send(api), make_staff(make_department())
    transitions.change_status(report, to=Status.TRIAGED, by=staff, is_publishing=True)
    case = ModerationCase.objects.get()
    assert (case.state, case.is_withheld, case.decided_by) == ("approved", False, staff)


@pytest.mark.django_db(transaction=True)
def test_of_two_moderators_at_once_one_decides(as_user: SignIn) -> None:
    department = make_department()
    flag(as_user(make_user()), make_report(department=department))
    case, staff = ModerationCase.objects.get(), make_staff(department)
    words = iter(["approve", "reject"] * 4)

    def decide() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=staff.pk))
        body = json.dumps({"reason": "spam"} if (word := next(words)) == "reject" else {})
        url = f"{QUEUE}{case.pk}/{word}/"
        return client.post(url, body, content_type="application/json").status_code

    assert Counter(race(decide, times=8, threads=4)) == {200: 1, 409: 7}


@pytest.mark.django_db(transaction=True)
def test_a_step_and_a_decision_at_once_do_not_deadlock(as_user: SignIn, api: APIClient) -> None:
    department = make_department()
    report = send(api)
    Report.objects.filter(pk=report.pk).update(department=department)
    case, staff = ModerationCase.objects.get(), make_staff(department)
    words = iter(["moderation", "step"] * 4)

    def act() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=staff.pk))
        if next(words) == "step":
            url, body = f"{REPORTS}{report.pk}/status/", {"status": "triaged"}
        else:
            url, body = f"{QUEUE}{case.pk}/approve/", {}
        return client.post(url, json.dumps(body), content_type="application/json").status_code

    assert set(race(act, times=8, threads=4)) == {200, 409}
    report.refresh_from_db()
    case.refresh_from_db()
    assert (case.state, report.published_at is not None) == ("approved", True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_decision_that_is_cut_off_changes_nothing(
    as_user: SignIn, api: APIClient, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    department = make_department()
    report = send(as_user(make_user(reputation=-5)))
    Report.objects.filter(pk=report.pk).update(department=department)
    case = ModerationCase.objects.get()
    tasks = Task.objects.count()

    def cut_off(*_: Any) -> None:
        raise Interrupted

    monkeypatch.setattr(cases, "_explanation", cut_off)
    client = as_user(make_staff(department))
    client.raise_request_exception = False
    body = {"reason": "spam"} if word == "reject" else {}
    monkeypatch.setattr(cases, "_notify_author", cut_off)
    assert client.post(f"{QUEUE}{case.pk}/{word}/", body).status_code == 500
    case.refresh_from_db()
    report.refresh_from_db()
    assert (case.state, report.status, report.published_at) == ("waiting", "new", None)
    assert Task.objects.count() == tasks


# --- Flags -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_person_flags_once(as_user: SignIn, api: APIClient) -> None:
    report, client = make_report(), as_user(make_user())
    for _ in range(3):
        assert flag(client, report) == 204
        assert flag(api, report) == 204
    assert Flag.objects.count() == 2
    assert ModerationCase.objects.get().reasons == [
        {"code": "flagged", "detail": "Somebody flagged it."}
    ]


@pytest.mark.django_db(transaction=True)
def test_flags_of_one_person_at_once_are_one(as_user: SignIn) -> None:
    report, user = make_report(), make_user()

    def act() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=user.pk))
        body, kind = json.dumps({"reason": "spam"}), "application/json"
        return client.post(f"{REPORTS}{report.pk}/flag/", body, content_type=kind).status_code

    assert set(race(act, times=8, threads=4)) == {204}
    assert Flag.objects.count() == 1


@pytest.mark.django_db
def test_enough_trusted_citizens_hide_a_report_until_staff_look(as_user: SignIn) -> None:
    department = make_department()
    report = make_report(department=department)
    since = report.published_at
    for _ in range(5):
        flag(as_user(make_user()), report)
    report.refresh_from_db()
    assert report.published_at is not None
    for _ in range(3):
        report.refresh_from_db()
        assert report.published_at is not None
        flag(as_user(make_user(reputation=100)), report)
    case = ModerationCase.objects.get()
    assert Report.objects.get(published_at=None) == report
    assert case.is_withheld
    as_user(make_staff(department)).post(f"{QUEUE}{case.pk}/approve/", {})
    report.refresh_from_db()
    assert report.published_at == since


@pytest.mark.django_db
def test_what_staff_approved_is_not_hidden_again_by_flags(as_user: SignIn) -> None:
    department = make_department()
    report = make_report(department=department)
    flag(as_user(make_user()), report)
    case = ModerationCase.objects.get()
    as_user(make_staff(department)).post(f"{QUEUE}{case.pk}/approve/", {})
    for _ in range(4):
        flag(as_user(make_user(reputation=100)), report)
    report.refresh_from_db()
    case.refresh_from_db()
    assert (report.published_at is not None, case.state) == (True, "waiting")


@pytest.mark.django_db
def test_flags_have_a_limit_and_need_something_public(
    as_user: SignIn, api: APIClient, settings: Any
) -> None:
    settings.FLAGS_PER_PERSON_HOUR = 2
    hidden = make_report(published_at=None)
    assert flag(as_user(make_user()), hidden) == 404
    assert [flag(api, make_report()) for _ in range(3)] == [204, 204, 429]
    missing = UUID("01890000-0000-7000-8000-000000000000")
    url = f"{REPORTS}{missing}/flag/"
    assert as_user(make_user()).post(url, {"reason": "spam"}).status_code == 404
    url = f"{REPORTS}{hidden.pk}/flag/"
    assert as_user(make_user()).post(url, {"reason": "dull"}).status_code in {400, 404}


# --- Lists of words ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_shipped_list_is_loaded_once_and_what_staff_changed_stays() -> None:
    call_command("load_blocked_words", stdout=StringIO())
    BlockedWord.objects.filter(word="bastard").update(is_active=False)
    output = StringIO()
    call_command("load_blocked_words", stdout=output)
    assert output.getvalue() == "0 new words.\n"
    assert not BlockedWord.objects.get(word="bastard").is_active


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content", [b"word\nx\n", b"", b"language,word\nen,one two three four\n", b"\xff\xfe\0"]
)
def test_a_list_that_cannot_be_used_adds_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "words.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError):
        call_command("load_blocked_words", str(file))
    assert not BlockedWord.objects.exists()
