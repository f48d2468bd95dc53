"""A new phone number: proved by its holder, and the old one is informed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import audit, person_keys, sessions
from accounts.codes import derive_code
from accounts.models import AuditEvent, OtpChallenge, User
from jobs.models import Task
from jobs.testing import run_tasks
from tests.accounts.conftest import Messages
from tests.accounts.factories import ORIGIN, bearer, make_phone, make_user
from tests.accounts.racing import race

ASK = "/api/v1/users/me/phone/request-code"
CHANGE = "/api/v1/users/me/phone/verify"
Code = Callable[[str], str]


def make_staff(**overrides: Any) -> User:
    return make_user(**{"is_staff": True, "is_superuser": True, **overrides})


def ask(client: APIClient, phone: str) -> dict[str, str]:
    """What proves the number: the body of the second request."""
    challenge_id = client.post(ASK, {"phone": phone}).json()["challenge_id"]
    challenge = OtpChallenge.objects.get(id=challenge_id)
    code = derive_code(challenge.id, challenge.recipient)
    return {"phone": phone, "challenge_id": challenge_id, "code": code}


@pytest.fixture
def citizen() -> User:
    return make_user()


@pytest.fixture
def client(citizen: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=bearer(citizen)["authorization"])
    return client


@pytest.mark.django_db
def test_a_citizen_changes_their_number_and_the_old_one_hears_of_it(
    client: APIClient, citizen: User, received_code: Code, sent_messages: Messages
) -> None:
    old, new = citizen.phone, make_phone()
    challenge_id = client.post(ASK, {"phone": f"{new[:5]} {new[5:]}"}).json()["challenge_id"]
    body = {"phone": new, "challenge_id": challenge_id, "code": received_code(new)}
    answer = client.post(CHANGE, body)
    assert answer.status_code == 200
    assert answer.json()["user"]["phone"] == new
    run_tasks()
    message = sent_messages()[-1]
    assert message["to"] == old
    assert new[-3:] in message["body"]
    assert new not in message["body"]
    assert client.get("/api/v1/users/me").status_code == 401
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert client.get("/api/v1/users/me").json()["phone"] == new
    tasks = str(list(Task.objects.values()))
    assert old not in tasks
    assert new not in tasks


@pytest.mark.django_db
def test_who_changed_which_number_is_on_record_until_the_persons_key_is_destroyed(
    client: APIClient, citizen: User
) -> None:
    old, new = citizen.phone, make_phone()
    client.post(CHANGE, ask(client, new))
    event = AuditEvent.objects.get(event="user.phone_changed")
    assert (event.actor_id, event.ip_address) == (citizen.pk, "127.0.0.1")
    assert old not in str(event.data)
    assert new not in str(event.data)
    assert audit.opened_changes(event) == {"phone": [old, new]}
    person_keys.destroy(citizen.pk)
    assert audit.opened_changes(event) == {"phone": "sealed"}


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["code", "phone", "challenge_id"])
def test_without_the_holders_proof_nothing_changes(
    client: APIClient, citizen: User, fault: str
) -> None:
    proof, other = ask(client, make_phone()), ask(client, make_phone())
    old = citizen.phone
    answer = client.post(CHANGE, proof | {fault: other[fault]})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/otp-invalid")
    citizen.refresh_from_db()
    assert citizen.phone == old
    assert AuditEvent.objects.filter(event="user.phone_refused", actor_id=citizen.pk).exists()
    assert client.get("/api/v1/users/me").status_code == 200


@pytest.mark.django_db
def test_guesses_that_a_limit_refuses_are_on_record(
    client: APIClient, citizen: User, settings: Any
) -> None:
    settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY = 1
    proof = ask(client, make_phone())
    wrong = proof | {"code": f"{(int(proof['code']) + 1) % 10**6:06d}"}
    assert [client.post(CHANGE, wrong).status_code for _ in range(3)] == [400, 429, 429]
    limited = AuditEvent.objects.get(event="new_phone_code.limited")  # once an hour
    assert (limited.actor_id, limited.subject) == (citizen.pk, f"user:{citizen.pk}")
    assert limited.ip_address == "127.0.0.1"


@pytest.mark.django_db
def test_the_number_of_another_account_is_not_taken(client: APIClient) -> None:
    other = make_user()
    answer = client.post(CHANGE, ask(client, other.phone))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")


@pytest.mark.django_db
def test_a_sign_in_code_proves_no_new_number_and_the_other_way_round(client: APIClient) -> None:
    new = make_phone()
    proof = ask(client, new)
    answer = APIClient().post("/api/v1/auth/verify-otp", proof)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/otp-invalid")
    assert not User.objects.filter(phone=new).exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_prove_one_number_at_once_leave_one_with_it() -> None:
    new, bodies, clients = "+12025559999", [], []
    for octet in (1, 2):
        own = APIClient(REMOTE_ADDR=f"198.51.{octet}.1")
        own.credentials(HTTP_AUTHORIZATION=bearer(make_user())["authorization"])
        clients.append(own)
        bodies.append(ask(own, new))
    pairs = iter(zip(clients, bodies, strict=True))
    outcomes = race(lambda: (pair := next(pairs))[0].post(CHANGE, pair[1]).status_code, times=2)
    assert sorted(str(outcome) for outcome in outcomes) == ["200", "409"]
    assert User.objects.filter(phone=new).count() == 1


@pytest.mark.django_db
def test_the_desk_changes_a_number_only_with_its_holders_code(
    received_code: Code, sent_messages: Messages
) -> None:
    clerk, citizen, new = make_staff(), make_user(), make_phone()
    old = citizen.phone
    session, _ = sessions.begin(citizen, ORIGIN)
    desk = Client()
    desk.force_login(clerk, backend="accounts.backends.StaffBackend")
    edit = {"phone": new, "locale": "en"}
    desk.post(f"/admin/accounts/user/{citizen.pk}/change/", edit)
    citizen.refresh_from_db()
    assert citizen.phone == old
    page = f"/admin/accounts/user/{citizen.pk}/phone/"
    assert page in desk.get(f"/admin/accounts/user/{citizen.pk}/change/").content.decode()
    assert desk.get(page).status_code == 200
    for bad in ("12", "+1 000 000 0000", ""):
        assert desk.post(page, {"phone": bad}).status_code == 200
    assert not OtpChallenge.objects.exists()
    form = desk.post(page, {"phone": new}).context["form"]
    proof = {name: str(value) for name, value in form.initial.items()}
    assert desk.post(page, proof | {"code": "12"}).status_code == 200
    citizen.refresh_from_db()
    assert citizen.phone == old
    code = received_code(new)
    answer = desk.post(page, proof | {"code": f"{code[:3]} {code[3:]}"})
    assert answer.status_code == 302
    citizen.refresh_from_db()
    session.refresh_from_db()
    assert citizen.phone == new
    assert session.revoked_at is not None
    run_tasks()
    assert sent_messages()[-1]["to"] == old
    event = AuditEvent.objects.get(event="user.phone_changed")
    assert (event.actor_id, event.subject) == (clerk.pk, f"user:{citizen.pk}")


@pytest.mark.django_db
def test_a_clerk_does_not_change_the_number_of_staff() -> None:
    desk, colleague = Client(), make_staff()
    desk.force_login(make_staff(is_superuser=False), backend="accounts.backends.StaffBackend")
    page = f"/admin/accounts/user/{colleague.pk}/phone/"
    assert desk.post(page, {"phone": make_phone()}).status_code == 403
