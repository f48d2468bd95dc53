"""Signing in at the public pages, and what is theirs alone who did."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts import sessions
from accounts.codes import derive_code
from accounts.models import OtpChallenge, Session, User
from reports.following import follows
from reports.models import PhotoKind, Report
from tests.accounts.clock import let_pass
from tests.accounts.factories import make_phone, make_user
from tests.reports.factories import make_report
from tests.reports.photos import make_photo

pytestmark = pytest.mark.django_db

HTML = {"Accept": "text/html"}
FORM = {
    "title": "Broken lamp",
    "description": "It is dark.",
    "latitude": "41.3",
    "longitude": "-72.9",
}


def hidden(answer: Any) -> dict[str, str]:
    """The hidden fields of the page's form that follows a code."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text_of(answer)))


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def code_of(challenge_id: str) -> str:
    challenge = OtpChallenge.objects.get(pk=challenge_id)
    return derive_code(challenge.id, challenge.recipient)


def signed_in(phone: str = "", destination: str = "", **headers: str) -> Client:
    """A browser in which somebody signed in by a code."""
    client = Client(enforce_csrf_checks=True, headers=headers)
    fields = hidden(client.get("/sign-in/", {"next": destination}))
    asked = client.post("/sign-in/", fields | {"phone": phone or make_phone()})
    fields = hidden(asked)
    answer = client.post("/sign-in/code/", fields | {"code": code_of(fields["challenge_id"])})
    assert answer.status_code == 303, text_of(answer)
    assert answer["Location"] == (destination or "/me/")
    return client


def user_of(client: Client) -> User:
    session = sessions.resume(client.cookies["citizen"].value)
    assert session is not None
    return session.user


def post(client: Client, path: str, **fields: Any) -> Any:
    return client.post(path, hidden(client.get("/report/")) | fields)


def test_a_citizen_signs_in_by_a_code_reports_and_finds_the_report_again() -> None:
    client = signed_in()
    cookie = client.cookies["citizen"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert post(client, "/report/", **FORM).status_code == 303
    report = Report.objects.get()
    assert report.reporter == user_of(client)
    Report.objects.update(published_at=None)  # such as one that moderation holds back
    mine = client.get("/me/")
    assert str(report.pk) in text_of(mine)
    assert mine["Cache-Control"] == "private, no-store"
    assert client.get(f"/reports/{report.pk}", headers=HTML).status_code == 200
    assert signed_in().get(f"/reports/{report.pk}", headers=HTML).status_code == 404
    assert Client().get(f"/reports/{report.pk}", headers=HTML).status_code == 404


def test_my_page_has_my_reports_and_those_i_follow_alone() -> None:
    client = signed_in()
    own = make_report(reporter=user_of(client), published_at=None)
    followed, other = make_report(), make_report()
    follows.follow(followed, user_of(client))
    shown = text_of(client.get("/me/"))
    assert [str(one.pk) in shown for one in (own, followed, other)] == [True, True, False]
    follows.unfollow(followed.pk, user_of(client).pk)
    assert str(followed.pk) not in text_of(client.get("/me/"))
    assert re.findall(r"<h([1-6])", shown)[:3] == ["1", "2", "3"]
    assert client.get("/me/?cursor=x").status_code == 400


def test_pictures_that_the_api_gives_to_nobody_here_are_no_broken_images() -> None:
    client = signed_in()
    held = make_report(reporter=user_of(client), published_at=None)
    public = make_report(reporter=user_of(client))
    shots = [make_photo(held), make_photo(public, kind=PhotoKind.UNREPAIRED), make_photo(public)]
    pages = [client.get(f"/reports/{one.pk}", headers=HTML) for one in (held, public)]
    shown = "".join(map(text_of, [client.get("/me/"), *pages]))
    assert [f"/photos/{shot.pk}/" in shown for shot in shots] == [False, False, True]


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back() -> None:
    answer = Client().get("/me/?cursor=x")
    assert answer["Location"] == "/sign-in/?next=%2Fme%2F%3Fcursor%3Dx"
    signed_in(destination="/me/?cursor=x")


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "javascript:x", "\\\\x"]
)
def test_a_sign_in_leads_to_no_other_site(address: str) -> None:
    answer = Client().get("/sign-in/", {"next": address})
    assert hidden(answer)["next"] == "/me/"


@pytest.mark.parametrize(
    ("phone", "status"),
    [("", 400), ("12", 400), ("x" * 5000, 400), ("\0", 400), ("+1 \u0661", 400)],
)
def test_a_number_that_is_none_is_said_at_its_field(phone: str, status: int) -> None:
    answer = Client().post("/sign-in/", {"phone": phone})
    assert answer.status_code == status
    assert 'id="phone-fault"' in text_of(answer)


def test_a_wrong_code_signs_nobody_in_and_can_be_typed_again() -> None:
    client = Client()
    fields = hidden(client.post("/sign-in/", {"phone": make_phone()}))
    right = code_of(fields["challenge_id"])
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    answer = client.post("/sign-in/code/", fields | {"code": wrong})
    assert (answer.status_code, 'id="code-fault"' in text_of(answer)) == (400, True)
    assert "citizen" not in client.cookies
    assert hidden(answer)["challenge_id"] == fields["challenge_id"]
    assert client.post("/sign-in/code/", fields | {"code": right}).status_code == 303
    assert client.post("/sign-in/code/", {"code": "1"}).status_code == 400


def test_a_code_with_a_digit_too_few_is_said_in_plain_words() -> None:
    client = Client()
    fields = hidden(client.post("/sign-in/", {"phone": make_phone()}))
    answer = client.post("/sign-in/code/", fields | {"code": "12345"})
    assert (answer.status_code, "has six digits" in text_of(answer)) == (400, True)


def test_too_many_codes_and_a_disabled_account_are_refused(settings: LazySettings) -> None:
    phone, client = make_phone(), Client()
    assert client.post("/sign-in/", {"phone": phone}).status_code == 200
    again = client.post("/sign-in/", {"phone": phone})
    assert (again.status_code, int(again["Retry-After"]) > 0) == (429, True)
    make_user(phone=phone, is_active=False)
    fields = {"phone": phone, "challenge_id": str(OtpChallenge.objects.get().pk)}
    answer = client.post("/sign-in/code/", fields | {"code": code_of(fields["challenge_id"])})
    assert answer.status_code == 403


def test_signing_out_ends_the_session_and_other_browsers_stay_signed_in() -> None:
    phone = make_phone()
    client = signed_in(phone)
    let_pass(minutes=5)
    elsewhere = signed_in(phone)
    cookie = client.cookies["citizen"].value
    assert Client().post("/sign-out/").status_code == 303
    assert post(client, "/sign-out/")["Location"] == "/"
    assert sessions.resume(cookie) is None
    assert client.get("/me/").status_code == 303
    assert elsewhere.get("/me/").status_code == 200


def test_a_form_of_another_site_neither_signs_in_nor_out() -> None:
    client = Client(enforce_csrf_checks=True)
    for path in ("/sign-in/", "/sign-in/code/", "/sign-out/"):
        assert client.post(path, {"phone": make_phone()}).status_code == 403


def test_staff_have_no_rights_of_staff_here_nor_at_the_desk() -> None:
    phone = make_phone()
    clerk = make_user(phone=phone, is_staff=True, is_superuser=True)
    report = make_report(published_at=None)
    client = signed_in(phone)
    assert user_of(client) == clerk
    assert client.get(f"/reports/{report.pk}", headers=HTML).status_code == 404
    assert client.get("/admin/").status_code == 302
    assert client.get("/api/v1/users/me/").status_code == 401
    assert Session.objects.get().second_factor_at is None


def test_the_cookie_is_bound_to_this_host_in_production(settings: LazySettings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    fields = hidden(client.post("/sign-in/", {"phone": make_phone()}))
    client.post("/sign-in/code/", fields | {"code": code_of(fields["challenge_id"])})
    assert client.cookies["__Host-citizen"]["secure"] is True
    assert client.get("/me/", secure=True).status_code == 200


def test_whoever_signs_in_again_leaves_no_other_session_behind() -> None:
    phone = make_phone()
    client = signed_in(phone)
    first = client.cookies["citizen"].value
    let_pass(minutes=10)
    asked = client.post("/sign-in/", hidden(client.get("/sign-in/")) | {"phone": phone})
    fields = hidden(asked)
    client.post("/sign-in/code/", fields | {"code": code_of(fields["challenge_id"])})
    assert client.cookies["citizen"].value != first
    assert sessions.resume(first) is None
    assert user_of(client).phone == phone


def test_a_form_opened_before_the_sign_in_can_still_be_sent() -> None:
    client = Client(enforce_csrf_checks=True)
    opened = hidden(client.get("/report/"))
    fields = hidden(client.post("/sign-in/", opened | {"phone": make_phone()}))
    code = code_of(fields["challenge_id"])
    assert client.post("/sign-in/code/", fields | {"code": code}).status_code == 303
    assert client.post("/report/", FORM | opened).status_code == 303
    assert Report.objects.get().reporter == user_of(client)


def test_whoever_was_signed_out_meanwhile_is_asked_to_sign_in_again() -> None:
    report, client = make_report(), signed_in()
    path, opened = f"/reports/{report.pk}/comments", hidden(client.get("/report/"))
    client.post("/sign-out/", opened)
    answer = client.post(path, opened | {"text": "It is worse now."})
    assert answer.status_code == 403
    assert "You are not signed in" in text_of(answer)


def test_the_pages_of_the_sign_in_take_a_double_click_once() -> None:
    assert "portal/form.js" in text_of(Client().get("/sign-in/"))
