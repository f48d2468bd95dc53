"""Comments, official replies, and notes that stay among staff."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.models import (
    BlockedWord,
    Comment,
    ModerationCase,
    ReplyTemplate,
    Report,
    StaffNote,
    Status,
)
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_comment,
    make_department,
    make_report,
    make_staff,
    make_user,
)

SECRET = "the-neighbour-is-difficult"


def url_of(report: Report, rest: str = "comments/") -> str:
    return f"/api/v1/reports/{report.pk}/{rest}"


def texts(client: APIClient, report: Report) -> list[str]:
    return [one["text"] for one in client.get(url_of(report)).data["results"]]


# --- Comments ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_comment_is_public_at_once_and_names_nobody(api: APIClient, as_user: SignIn) -> None:
    author = make_user(name="Ada Quill")
    report = make_report(reporter=author)
    answer = as_user(author).post(url_of(report), {"text": "Still there.\n\n\nToday too."})
    assert answer.status_code == 201
    assert (answer.data["is_own"], answer.data["is_by_reporter"]) == (True, True)
    [read] = api.get(url_of(report)).data["results"]
    assert (read["text"], read["is_own"], read["is_public"]) == (
        "Still there.\n\nToday too.",
        False,
        True,
    )
    assert "Ada" not in json.dumps(read)
    assert str(author.pk) not in json.dumps(read)


@pytest.mark.django_db
def test_a_comment_that_waits_is_read_by_its_author_and_staff_alone(
    api: APIClient, as_user: SignIn
) -> None:
    BlockedWord.objects.create(word="blotwort")
    department, author = make_department(), make_user()
    report, staff = make_report(department=department), make_staff(department)
    answer = as_user(author).post(url_of(report), {"text": "blotwort"})
    assert (answer.status_code, answer.data["is_public"]) == (201, False)
    assert texts(api, report) == texts(as_user(make_user()), report) == []
    assert texts(as_user(make_staff(make_department("parks"))), report) == []
    assert texts(as_user(author), report) == texts(as_user(staff), report) == ["blotwort"]
    case = ModerationCase.objects.get()
    as_user(staff).post(f"/api/v1/moderation/{case.pk}/approve/", {})
    assert texts(api, report) == ["blotwort"]


@pytest.mark.django_db
def test_a_hidden_comment_is_gone_and_its_author_told(api: APIClient, as_user: SignIn) -> None:
    department, author = make_department(), make_user()
    report, staff = make_report(department=department), as_user(make_staff(department))
    comment = as_user(author).post(url_of(report), {"text": "Buy pills"}).data["id"]
    hide = url_of(report, f"comments/{comment}/hide/")
    assert as_user(author).post(hide, {"reason": "spam"}).status_code == 403
    assert staff.post(hide, {"reason": "spam"}).status_code == 204
    assert texts(api, report) == []
    run_tasks()
    told = Delivery.objects.get(user=author)
    assert (told.template, told.context["note"]) == ("moderation_decided", "Advertising or spam.")


@pytest.mark.django_db
def test_only_the_author_deletes_a_comment_and_its_text_is_gone(as_user: SignIn) -> None:
    author, report = make_user(), make_report()
    comment = as_user(author).post(url_of(report), {"text": "Oops"}).data["id"]
    url = url_of(report, f"comments/{comment}/")
    assert as_user(make_user()).delete(url).status_code == 404
    assert as_user(make_user(is_staff=True, is_superuser=True)).delete(url).status_code == 404
    assert as_user(author).delete(url).status_code == 204
    assert as_user(author).delete(url).status_code == 404
    assert Comment.objects.get().text == ""
    assert texts(as_user(author), report) == []


@pytest.mark.django_db
def test_nobody_comments_on_what_they_cannot_read(api: APIClient, as_user: SignIn) -> None:
    owner = make_user()
    hidden = make_report(reporter=owner, published_at=None)
    assert api.post(url_of(make_report()), {"text": "Hi"}).status_code == 401
    assert as_user(make_user()).post(url_of(hidden), {"text": "Hi"}).status_code == 404
    assert api.get(url_of(hidden)).status_code == 404
    assert as_user(owner).post(url_of(hidden), {"text": "Hi"}).status_code == 201


@pytest.mark.django_db
def test_pages_follow_each_other_and_a_key_repeats_the_answer(
    api: APIClient, as_user: SignIn
) -> None:
    report, client = make_report(), as_user(make_user())
    for number in range(5):
        client.post(url_of(report), {"text": f"Comment {number}"})
    key = {"Idempotency-Key": "once"}
    first = client.post(url_of(report), {"text": "Last"}, headers=key)
    again = client.post(url_of(report), {"text": "Last"}, headers=key)
    assert first.json() == again.json()
    seen, address = [], url_of(report) + "?page_size=4"
    while address:
        page = api.get(address).data
        seen += [one["text"] for one in page["results"]]
        address = page["next"]
    assert seen == [*(f"Comment {number}" for number in range(5)), "Last"]


@pytest.mark.django_db
def test_a_long_conversation_costs_no_more_statements(
    as_user: SignIn, django_assert_max_num_queries: Any
) -> None:
    report, user = make_report(), make_user()
    for number in range(10):
        Comment.objects.create(
            report=report, author=user, text=f"{number}", published_at=report.created_at
        )
    with django_assert_max_num_queries(4):
        assert len(texts(as_user(make_user()), report)) == 10


@pytest.mark.django_db
def test_comments_have_limits_and_equal_words_wait(as_user: SignIn, settings: Any) -> None:
    settings.COMMENTS_PER_CITIZEN_HOUR, settings.COMMENTS_EQUAL_TEXTS_PER_DAY = 4, 2
    client, report = as_user(make_user()), make_report()

    def write(text: str) -> Any:
        return client.post(url_of(report), {"text": text})

    first, second, third = write("Yes, me too."), write("yes me TOO"), write("yes, me too")
    assert (first.data["is_public"], second.data["is_public"]) == (True, False)
    assert (third.status_code, third.json()["type"]) == (409, "/problems/report-repeated")
    assert [write(f"Other {number}").status_code for number in range(3)] == [201, 201, 429]
    assert write("x").headers["Retry-After"]


@pytest.mark.django_db(transaction=True)
def test_of_comments_at_once_exactly_the_limit_is_stored(settings: Any) -> None:
    settings.COMMENTS_PER_CITIZEN_HOUR, settings.COMMENTS_EQUAL_TEXTS_PER_DAY = 3, 50
    user, report, numbers = make_user(), make_report(), iter(range(20))

    def act() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=user.pk))
        body = json.dumps({"text": f"Comment {next(numbers)}"})
        return client.post(url_of(report), body, content_type="application/json").status_code

    assert Counter(race(act, times=20, threads=4)) == {201: 3, 429: 17}
    assert Comment.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "   ", "\u200b", None, 5, ["x"], "x" * 4001], ids=range(7))
def test_a_comment_without_a_proper_text_is_refused(as_user: SignIn, text: Any) -> None:
    answer = as_user(make_user()).post(url_of(make_report()), {"text": text})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "text"


@pytest.mark.django_db
def test_hostile_text_is_kept_as_text(api: APIClient, as_user: SignIn) -> None:
    report = make_report()
    text = "<script>alert(1)</script> ' OR 1=1 -- \x1b[31mred\u202e {number}"
    as_user(make_user()).post(url_of(report), {"text": text})
    assert texts(api, report) == ["<script>alert(1)</script> ' OR 1=1 -- red {number}"]


@pytest.mark.django_db
def test_a_flagged_comment_waits_and_an_official_reply_is_never_hidden_by_flags(
    api: APIClient, as_user: SignIn
) -> None:
    department = make_department()
    report = make_report(department=department)
    comment = as_user(make_user()).post(url_of(report), {"text": "Rude"}).data["id"]
    reply = as_user(make_staff(department)).post(url_of(report, "replies/"), {"text": "No."})
    for one in (comment, reply.data["id"]):
        for _ in range(3):
            client = as_user(make_user(reputation=100))
            client.post(url_of(report, f"comments/{one}/flag/"), {"reason": "insult"})
    assert texts(api, report) == ["No."]
    assert set(ModerationCase.objects.values_list("kind", "state")) == {("comment", "waiting")}


# --- Official replies --------------------------------------------------------------------------


@pytest.fixture
def template() -> ReplyTemplate:
    return ReplyTemplate.objects.create(
        name="Planned",
        body="{department}: report {number} ({category}) is planned. {title}",
        translations={"es": {"body": "{department}: {category} {number}"}},
    )


@pytest.mark.django_db
def test_a_reply_from_a_template_is_public_official_and_told(
    api: APIClient, as_user: SignIn, template: ReplyTemplate
) -> None:
    category = make_category("pothole", translations={"es": {"name": "Bache"}})
    reporter = make_user(locale="es")
    report = make_report(reporter=reporter, category=category)
    staff = as_user(make_staff(make_department()))
    [preview] = staff.get(url_of(report, "reply-templates/")).data
    expected = f"Streets: Bache {report.pk}"
    assert (preview["language"], preview["text"]) == ("es", expected)
    answer = staff.post(url_of(report, "replies/"), {"template": template.pk})
    assert answer.status_code == 201
    [read] = api.get(url_of(report)).data["results"]
    assert (read["text"], read["is_official"], read["department"]) == (expected, True, "Streets")
    run_tasks()
    told = Delivery.objects.get(user=reporter)
    assert (told.template, told.context["text"]) == ("report_reply", expected)


@pytest.mark.django_db
def test_a_template_is_chosen_by_language_department_and_category(
    as_user: SignIn, template: ReplyTemplate
) -> None:
    other = ReplyTemplate.objects.create(
        name="Parks", body="x", department=make_department("parks")
    )
    ReplyTemplate.objects.create(name="Trees", body="x", category=make_category("tree"))
    ReplyTemplate.objects.create(name="Old", body="x", is_active=False)
    report = make_report(category=make_category("pothole"))
    staff = as_user(make_staff(make_department()))
    listed = staff.get(url_of(report, "reply-templates/") + "?language=fr-CA").data
    assert [(one["name"], one["language"]) for one in listed] == [("Planned", "en")]
    answer = staff.post(url_of(report, "replies/"), {"template": other.pk})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "template")


@pytest.mark.django_db
def test_placeholders_are_taken_from_the_template_alone(
    as_user: SignIn, template: ReplyTemplate
) -> None:
    report = make_report(title="{department} {number.__class__} {}")
    staff = as_user(make_staff(make_department()))
    [preview] = staff.get(url_of(report, "reply-templates/")).data
    assert preview["text"].endswith("is planned. {department} {number.__class__} {}")
    for body in ("{reporter}", "{number.__class__}", "{}"):
        with pytest.raises(ValidationError, match="Unknown placeholder"):
            ReplyTemplate(name="Bad", body=body).full_clean()
    with pytest.raises(ValidationError, match="Unknown placeholder"):
        ReplyTemplate(name="Bad", body="x", translations={"es": {"body": "{x}"}}).full_clean()


@pytest.mark.django_db
def test_a_place_without_an_address_is_named_by_its_coordinates(as_user: SignIn) -> None:
    ReplyTemplate.objects.create(name="Where", body="At {address}.")
    staff = as_user(make_staff(make_department()))
    report = make_report(latitude=41.3, longitude=-72.9)
    assert (
        staff.get(url_of(report, "reply-templates/")).data[0]["text"] == "At 41.30000, -72.90000."
    )


@pytest.mark.django_db
def test_a_reply_is_a_text_or_a_template(as_user: SignIn, template: ReplyTemplate) -> None:
    report, staff = make_report(), as_user(make_staff(make_department()))
    for body in ({}, {"text": "x", "template": template.pk}, {"text": ""}, {"template": True}):
        assert staff.post(url_of(report, "replies/"), body).status_code == 400
    assert as_user(make_user()).post(url_of(report, "replies/"), {"text": "x"}).status_code == 403


# --- Notes among staff -------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_note_is_read_by_the_department_alone(as_user: SignIn) -> None:
    department, reporter = make_department(), make_user()
    report = make_report(department=department, reporter=reporter)
    writer = make_staff(department, name="Desk")
    answer = as_user(writer).post(url_of(report, "notes/"), {"text": SECRET})
    assert (answer.status_code, answer.data["author"]) == (201, "Desk")
    url = url_of(report, "notes/")
    assert as_user(make_staff(department)).get(url).data["results"][0]["text"] == SECRET
    for user in (reporter, make_user(), make_staff(make_department("parks"))):
        assert as_user(user).get(url).status_code == 403
        assert as_user(user).post(url, {"text": "x"}).status_code == 403
    assert APIClient().get(url).status_code == 401


@pytest.mark.django_db
def test_a_note_shows_in_no_answer_and_no_message(api: APIClient, as_user: SignIn) -> None:
    """Every route that a citizen may read, and every message that is sent."""
    department, reporter = make_department(), make_user()
    report = make_report(department=department, reporter=reporter)
    staff = as_user(make_staff(department))
    staff.post(url_of(report, "notes/"), {"text": SECRET})
    staff.post(url_of(report, "replies/"), {"text": "We come."})
    staff.post(url_of(report, "status/"), {"status": Status.IN_PROGRESS, "note": "A crew comes."})
    as_user(reporter).post(url_of(report), {"text": "Thanks."})
    run_tasks()
    addresses = (
        "/api/v1/reports/",
        "/api/v1/reports/?mine=true",
        url_of(report, ""),
        url_of(report),
        "/api/v1/me/",
        "/api/v1/jobs/",
    )
    for client in (api, as_user(reporter), as_user(make_user())):
        for address in addresses:
            assert SECRET not in client.get(address).content.decode()
    assert Delivery.objects.exists()
    assert SECRET not in str(list(Delivery.objects.values_list("context", flat=True)))
    assert StaffNote.objects.filter(text=SECRET).exists()


# --- The desk ----------------------------------------------------------------------------------


def desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


@pytest.mark.django_db
def test_the_reports_page_keeps_the_public_and_the_internal_apart(
    api: APIClient, template: ReplyTemplate
) -> None:
    department = make_department()
    report = make_report(department=department)
    make_comment(report, make_user(), text="<script>evil</script>")
    desk, page = desk_of(make_staff(department)), f"/admin/reports/report/{report.pk}/"
    desk.post(f"{page}note/", {"text": SECRET})
    desk.post(f"{page}reply/", {"text": "We come."})
    assert (
        "This field is required"
        in desk.post(f"{page}reply/", {"text": " "}, follow=True).content.decode()
    )
    shown = desk.get(f"{page}change/").content.decode()
    public, internal = shown.split('class="said internal"')
    assert "&lt;script&gt;evil" in public
    assert "We come." in public
    assert f"Streets: report {report.pk}" in public
    assert SECRET in internal
    assert SECRET not in public
    assert texts(api, report) == ["<script>evil</script>", "We come."]


@pytest.mark.django_db
def test_the_desk_hides_a_comment_of_its_own_reports_alone(api: APIClient) -> None:
    report = make_report()
    comment = make_comment(report, make_user())
    other = desk_of(make_staff(make_department("parks")))
    url = f"/admin/reports/report/{report.pk}/hide/"
    body = {"comment": str(comment.pk), "reason": "spam"}
    for name in ("hide", "note", "reply"):
        address = url.replace("/hide/", f"/{name}/")
        assert other.post(address, {**body, "text": "x"}).status_code in {302, 403, 404}
    assert texts(api, report) == ["It is still there."]
    assert not StaffNote.objects.exists()
    desk_of(make_staff(make_department())).post(url, body)
    assert texts(api, report) == []
