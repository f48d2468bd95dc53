"""Changing the phone number or the email address requires a fresh proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.codes import derive_code
from accounts.models import AuditEvent, OtpChallenge, Session, User
from jobs.models import Task
from jobs.testing import run_tasks
from tests.accounts.conftest import Messages
from tests.accounts.factories import bearer, make_phone, make_user

ASK, PROVE = "/api/v1/auth/fresh-proof/request-code", "/api/v1/auth/fresh-proof"
ASK_NEW, CHANGE = "/api/v1/users/me/phone/request-code", "/api/v1/users/me/phone/verify"
ME = "/api/v1/users/me"

pytestmark = pytest.mark.django_db


@pytest.fixture
def citizen() -> User:
    return make_user(email="ada@example.org", email_verified_at=timezone.now())


@pytest.fixture
def client(citizen: User) -> APIClient:
    """A client whose sign-in was longer ago than a fresh proof lasts."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=bearer(citizen)["authorization"])
    Session.objects.update(created_at=F("created_at") - timedelta(minutes=16))
    return client


def proof(client: APIClient, **body: str) -> dict[str, str]:
    """Ask for a confirming code; return the body that proves it was received."""
    answer = client.post(ASK, body)
    assert answer.status_code == 202
    challenge = OtpChallenge.objects.get(id=answer.json()["challenge_id"])
    return {
        **body,
        "challenge_id": str(challenge.id),
        "code": derive_code(challenge.id, challenge.recipient),
    }


def new_number(client: APIClient) -> Any:
    """Ask for a code to a new number and change it; return the last answer."""
    phone = make_phone()
    asked = client.post(ASK_NEW, {"phone": phone})
    if asked.status_code != 202:
        return asked
    challenge_id = asked.json()["challenge_id"]
    code = derive_code(OtpChallenge.objects.get(id=challenge_id).id, phone)
    return client.post(CHANGE, {"phone": phone, "challenge_id": challenge_id, "code": code})


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_an_old_sign_in_alone_changes_no_number(client: APIClient, citizen: User) -> None:
    assert kind(new_number(client)) == (403, "fresh-proof-required")
    assert not Task.objects.filter(actor="send_otp").exists()
    assert User.objects.get().phone == citizen.phone


def test_the_proof_is_asked_for_again_at_the_second_step(client: APIClient) -> None:
    Session.objects.update(created_at=timezone.now())
    phone = make_phone()
    challenge_id = client.post(ASK_NEW, {"phone": phone}).json()["challenge_id"]
    code = derive_code(OtpChallenge.objects.get(id=challenge_id).id, phone)
    Session.objects.update(created_at=F("created_at") - timedelta(minutes=16))
    answer = client.post(CHANGE, {"phone": phone, "challenge_id": challenge_id, "code": code})
    assert kind(answer) == (403, "fresh-proof-required")


@pytest.mark.parametrize("body", [{}, {"channel": "sms"}, {"channel": "email"}])
def test_a_code_to_the_old_number_or_the_verified_email_is_a_proof(
    client: APIClient, citizen: User, sent_messages: Messages, body: dict[str, str]
) -> None:
    received = proof(client, **body)
    run_tasks()
    (message,) = sent_messages()
    assert message["to"] == (citizen.email if "email" in body.values() else citizen.phone)
    assert received["code"] in message["body"]
    assert "change" in message["body"]
    answer = client.post(PROVE, received)
    assert answer.status_code == 200
    assert answer.json()["proved_at"]
    changed = new_number(client)
    assert changed.status_code == 200
    assert client.get(ME).status_code == 401
    run_tasks()
    assert sent_messages()[-1]["to"] == citizen.phone
    event = AuditEvent.objects.get(event="session.proved")
    assert (event.actor_id, event.ip_address) == (citizen.pk, "127.0.0.1")


def test_the_proof_lasts_so_many_minutes(client: APIClient) -> None:
    assert client.post(PROVE, proof(client)).status_code == 200
    Session.objects.update(proved_at=F("proved_at") - timedelta(minutes=16))
    assert kind(new_number(client)) == (403, "fresh-proof-required")


def test_a_proof_is_of_its_session_and_account(client: APIClient) -> None:
    other = APIClient()
    other.credentials(HTTP_AUTHORIZATION=bearer(make_user())["authorization"])
    assert kind(client.post(PROVE, proof(other))) == (400, "otp-invalid")
    assert Session.objects.filter(proved_at=None).count() == 2


def test_a_code_to_sign_in_or_of_a_new_number_is_no_proof(client: APIClient, citizen: User) -> None:
    asked = client.post("/api/v1/auth/request-otp", {"phone": citizen.phone}).json()
    code = derive_code(OtpChallenge.objects.get().id, citizen.phone)
    body = {"challenge_id": asked["challenge_id"], "code": code}
    assert kind(client.post(PROVE, body)) == (400, "otp-invalid")


def test_wrong_codes_are_on_record_and_limited(
    client: APIClient, citizen: User, settings: Any
) -> None:
    settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY = 2
    body = proof(client)
    wrong = body | {"code": f"{(int(body['code']) + 1) % 1_000_000:06}"}
    statuses = [client.post(PROVE, wrong).status_code for _ in range(4)]
    assert statuses == [400, 400, 429, 429]
    refused = AuditEvent.objects.filter(event="session.proof_refused")
    limited = AuditEvent.objects.get(event="confirm_code.limited")
    assert refused.count() == 2
    assert (limited.subject, limited.ip_address) == (f"user:{citizen.pk}", "127.0.0.1")


def test_an_unverified_email_receives_no_proof(client: APIClient) -> None:
    User.objects.update(email_verified_at=None)
    assert kind(client.post(ASK, {"channel": "email"})) == (400, "email-missing")
    assert client.post(ASK, {"channel": "pigeon"}).status_code == 400


def test_the_email_address_changes_with_a_proof_and_the_old_one_hears_of_it(
    client: APIClient, citizen: User, sent_messages: Messages
) -> None:
    change = {"email": "eve@example.org", "name": "Eve"}
    assert kind(client.patch(ME, change)) == (403, "fresh-proof-required")
    assert client.patch(ME, {"name": "Ada", "email": citizen.email}).status_code == 200
    client.post(PROVE, proof(client))
    answer = client.patch(ME, change)
    assert (answer.status_code, answer.json()["email"]) == (200, "eve@example.org")
    run_tasks()
    assert sent_messages()[-1]["to"] == "ada@example.org"
    assert "eve" not in sent_messages()[-1]["body"]
    event = AuditEvent.objects.get(event="user.email_changed")
    assert (event.actor_id, event.subject) == (citizen.pk, f"user:{citizen.pk}")
    assert "example.org" not in str(event.data)
    assert "example.org" not in str(list(Task.objects.values()))


def test_an_address_that_staff_replaced_is_informed_too(
    citizen: User, sent_messages: Messages
) -> None:
    desk = Client()
    desk.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    form = {"locale": "en", "email": "new@example.org"}
    assert desk.post(f"/admin/accounts/user/{citizen.pk}/change/", form).status_code == 302
    run_tasks()
    assert [message["to"] for message in sent_messages()] == ["ada@example.org"]


def test_a_session_of_the_desk_is_fresh_after_its_sign_in() -> None:
    staff, desk = make_user(is_staff=True), APIClient()
    desk.force_login(staff, backend="accounts.backends.StaffBackend")
    desk.credentials()
    answer = desk.patch(ME, {"email": "desk@example.org"})
    assert answer.status_code == 200
    staff.desk_sessions.update(created_at=F("created_at") - timedelta(minutes=16))
    assert kind(desk.patch(ME, {"email": "b@example.org"})) == (403, "fresh-proof-required")
    assert kind(desk.post(PROVE, {"challenge_id": str(staff.pk), "code": "123456"})) == (
        403,
        "permission-denied",
    )
