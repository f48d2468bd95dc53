"""One's own profile, and the proof of an email address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent, OtpChallenge, User
from tests.accounts.factories import bearer, make_user

ME = "/api/v1/users/me"


@pytest.mark.django_db
def test_the_profile_shows_standing_and_no_secrets(client: APIClient) -> None:
    user = make_user(email="ada@example.org", name="Ada", reputation=30)
    shown = client.get(ME, headers=bearer(user)).json()
    assert shown == {
        "id": str(user.id),
        "phone": user.phone,
        "email": "ada@example.org",
        "email_verified": False,
        "name": "Ada",
        "locale": "en",
        "wants_sms": False,
        "is_on_leaderboard": True,
        "wants_report_sms": True,
        "reputation": 30,
        "level": 2,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reputation", "level"), [(-5, 1), (0, 1), (24, 1), (25, 2), (100, 3), (99_999, 6)]
)
def test_levels_begin_at_their_thresholds(reputation: int, level: int) -> None:
    assert make_user(reputation=reputation).level == level


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "patch"])
def test_nobody_has_no_profile(client: APIClient, method: str) -> None:
    answer = getattr(client, method)(ME)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated")


@pytest.mark.django_db
def test_a_profile_can_be_changed_but_not_its_standing(client: APIClient) -> None:
    user = make_user()
    wish = {"name": "Grace", "locale": "pt-BR", "wants_sms": True}
    forbidden = {
        "phone": "+12025550199",
        "reputation": 999,
        "level": 9,
        "is_staff": True,
        "email_verified": True,
    }
    answer = client.patch(ME, wish | forbidden, headers=bearer(user))
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in wish} == wish
    changed = User.objects.get()
    assert (changed.phone, changed.reputation, changed.is_staff) == (user.phone, 0, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"email": "nonsense"},
        {"locale": "../etc"},
        {"locale": ""},
        {"name": "x" * 121},
        {"wants_sms": "perhaps"},
        {"wants_sms": "yes"},
        {"wants_sms": 1},
        {"name": 5},
        {"name": True},
        {"locale": 5},
        {"email": 5},
        {"name": None},
    ],
)
def test_invalid_changes_are_refused(client: APIClient, change: dict[str, Any]) -> None:
    answer = client.patch(ME, change, headers=bearer(make_user()))
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/validation-error")


@pytest.mark.django_db
def test_staff_cannot_take_the_email_address_of_a_colleague(client: APIClient) -> None:
    make_user(is_staff=True, email="desk@example.org")
    other = make_user(is_staff=True, email="mine@example.org")
    answer = client.patch(ME, {"email": "Desk@example.org"}, headers=bearer(other))
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/validation-error")
    (error,) = answer.json()["errors"]
    assert (error["field"], error["detail"]) == (
        "",
        "Another member of staff has this email address.",
    )
    other.refresh_from_db()
    assert other.email == "mine@example.org"


@pytest.mark.django_db
def test_another_email_address_is_unverified_and_the_same_one_stays_verified(
    client: APIClient,
) -> None:
    user = make_user(email="ada@example.org", email_verified_at=timezone.now())
    headers = bearer(user)
    assert (
        client.patch(ME, {"email": "ada@EXAMPLE.org"}, headers=headers).json()["email_verified"]
        is True
    )
    assert (
        client.patch(ME, {"email": "eve@example.org"}, headers=headers).json()["email_verified"]
        is False
    )


@pytest.mark.django_db
def test_an_email_address_is_verified_by_the_code_sent_to_it(
    client: APIClient, received_code: Callable[[str], str]
) -> None:
    headers = bearer(make_user(email="ada@example.org"))
    asked = client.post(f"{ME}/email/request-code", headers=headers)
    assert asked.status_code == 202
    code = received_code("ada@example.org")
    wrong = client.post(
        f"{ME}/email/verify", {"code": f"{(int(code) + 1) % 10**6:06d}"}, headers=headers
    )
    assert (wrong.status_code, wrong.json()["type"]) == (400, "/problems/otp-invalid")
    answer = client.post(f"{ME}/email/verify", {"code": code}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["email_verified"] is True
    told = AuditEvent.objects.order_by("id").values_list("event", flat=True)
    assert list(told) == ["email.verification_failed", "email.verified"]
    again = client.post(f"{ME}/email/request-code", headers=headers)
    assert (again.status_code, again.json()["type"]) == (400, "/problems/email-missing")


@pytest.mark.django_db
def test_guesses_at_an_email_code_that_a_limit_refuses_are_on_record(
    client: APIClient, received_code: Callable[[str], str], settings: Any
) -> None:
    settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY = 1
    user = make_user(email="ada@example.org")
    headers = {**bearer(user), "user-agent": "App 7"}
    asked = client.post(f"{ME}/email/request-code", headers=headers).json()
    code = received_code("ada@example.org")
    body = {"challenge_id": asked["challenge_id"], "code": f"{(int(code) + 1) % 10**6:06d}"}
    answers = [client.post(f"{ME}/email/verify", body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 429, 429]
    limited = AuditEvent.objects.get(event="email_code.limited")  # once an hour
    assert (limited.actor_id, limited.subject) == (user.pk, f"user:{user.pk}")
    assert (limited.ip_address, limited.user_agent) == ("127.0.0.1", "App 7")


@pytest.mark.django_db
def test_a_code_for_the_former_address_does_not_verify_the_new_one(
    client: APIClient, received_code: Callable[[str], str]
) -> None:
    headers = bearer(make_user(email="ada@example.org"))
    challenge_id = client.post(f"{ME}/email/request-code", headers=headers).json()["challenge_id"]
    code = received_code("ada@example.org")
    client.patch(ME, {"email": "eve@example.org"}, headers=headers)
    answer = client.post(
        f"{ME}/email/verify", {"code": code, "challenge_id": challenge_id}, headers=headers
    )
    assert answer.status_code == 400
    assert not User.objects.get().email_verified


@pytest.mark.django_db
def test_there_is_no_code_without_an_email_address(client: APIClient) -> None:
    assert client.post(f"{ME}/email/request-code", headers=bearer(make_user())).status_code == 400
    assert not OtpChallenge.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", ["null", "[]", '"text"', "7", "{", "", '{"name": {"a": 1}}', '{"email": []}', "\x00"]
)
@pytest.mark.parametrize(
    "path",
    [
        "auth/request-otp",
        "auth/verify-otp",
        "auth/refresh",
        "auth/logout",
        "users/me",
        "users/me/email/verify",
    ],
)
def test_no_body_breaks_the_server(client: APIClient, path: str, body: str) -> None:
    send = client.patch if path == "users/me" else client.post
    answer = send(
        f"/api/v1/{path}",
        body.encode(),
        content_type="application/json",
        headers=bearer(make_user()),
    )
    is_empty_change = path == "users/me" and body == ""
    assert answer.status_code == (200 if is_empty_change else 400)
