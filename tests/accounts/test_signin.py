"""Signing in over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.codes import derive_code
from accounts.models import AuditEvent, LoginStatistic, OtpChallenge, Session, User
from jobs.testing import run_tasks
from tests.accounts.clock import let_pass
from tests.accounts.conftest import Messages
from tests.accounts.factories import make_phone, make_user
from tests.accounts.racing import race

REQUEST = "/api/v1/auth/request-otp"
VERIFY = "/api/v1/auth/verify-otp"


def ask(client: APIClient, phone: str) -> tuple[str, str]:
    """The id and the code of a new challenge."""
    challenge_id = client.post(REQUEST, {"phone": phone}).json()["challenge_id"]
    challenge = OtpChallenge.objects.get(id=challenge_id)
    return challenge_id, derive_code(challenge.id, challenge.recipient)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_citizen_signs_in_with_the_code_from_the_sms(
    client: APIClient, received_code: Callable[[str], str], slash: str
) -> None:
    phone = make_phone()
    asked = client.post(REQUEST + slash, {"phone": phone})
    assert asked.status_code == 202
    assert set(asked.json()) == {"challenge_id", "expires_in", "retry_after"}
    assert (asked.json()["expires_in"], asked.json()["retry_after"]) == (300, 30)
    body = {
        "challenge_id": asked.json()["challenge_id"],
        "phone": phone,
        "code": received_code(phone),
    }
    answer = client.post(VERIFY + slash, body)
    assert answer.status_code == 200
    signed_in = answer.json()
    assert set(signed_in) == {
        "access",
        "refresh",
        "token_type",
        "expires_in",
        "device_token",
        "user",
    }
    assert (signed_in["token_type"], signed_in["expires_in"]) == ("Bearer", 900)
    assert signed_in["user"]["phone"] == phone
    me = client.get("/api/v1/users/me", headers={"authorization": f"Bearer {signed_in['access']}"})
    assert me.json() == signed_in["user"]


@pytest.mark.django_db
def test_guesses_that_a_limit_refuses_are_on_record_once_an_hour(
    client: APIClient, settings: Any
) -> None:
    settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY = 1
    user = make_user()
    challenge_id, code = ask(client, user.phone)
    body = {"challenge_id": challenge_id, "phone": user.phone, "code": wrong(code)}
    assert [client.post(VERIFY, body).status_code for _ in range(3)] == [400, 429, 429]
    limited = AuditEvent.objects.get(event="sign_in.limited")
    assert (limited.subject, limited.actor_id) == (f"user:{user.pk}", None)


@pytest.mark.django_db
def test_the_second_sign_in_finds_the_same_user(client: APIClient) -> None:
    phone, ids = make_phone(), set()
    for _ in range(2):
        _, code = ask(client, phone)
        ids.add(client.post(VERIFY, {"phone": phone, "code": code}).json()["user"]["id"])
    assert len(ids) == 1
    assert not User.objects.get().has_usable_password()


@pytest.mark.django_db
def test_known_unknown_and_disabled_numbers_are_answered_alike(
    client: APIClient, django_assert_max_num_queries: Any
) -> None:
    numbers = [make_phone(), make_user().phone, make_user(is_active=False).phone]
    answers = []
    for phone in numbers:
        with django_assert_max_num_queries(10):
            answers.append(client.post(REQUEST, {"phone": phone}))
    assert {answer.status_code for answer in answers} == {202}
    bodies = [answer.json() for answer in answers]
    for body in bodies:
        UUID(body.pop("challenge_id"))
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.django_db
def test_spellings_of_one_number_are_one_number(client: APIClient) -> None:
    phone = make_phone()
    spelled = f"{phone[:2]} ({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
    assert client.post(REQUEST, {"phone": spelled}).status_code == 202
    again = client.post(REQUEST, {"phone": phone})
    assert again.status_code == 429
    assert again["Retry-After"] == str(again.json()["retry_after"])
    assert again["Content-Type"] == "application/problem+json"
    assert again.json()["type"] == "/problems/too-many-requests"


@pytest.mark.django_db
def test_an_unserved_country_is_refused(client: APIClient, settings: Any) -> None:
    settings.OTP_COUNTRIES = ["US"]
    assert (
        client.post(REQUEST, {"phone": "+919876543210"}).json()["type"]
        == "/problems/country-not-served"
    )
    assert client.post(REQUEST, {"phone": make_phone()}).status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize(
    "phone",
    [
        "",
        "12",
        "+",
        "hello",
        "2025550123",
        "+1202555012345678",
        None,
        5,
        ["+12025550123"],
        {},
        12025550123,
        "+1" + "2" * 5000,
        "+1900 555 1234",
    ],
)
def test_what_is_no_phone_number_is_invalid_input(client: APIClient, phone: Any) -> None:
    answer = client.post(REQUEST, {"phone": phone})
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/validation-error"
    assert answer.json()["errors"][0]["field"] == "phone"
    assert not OtpChallenge.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"code": "12345"},
        {"code": "1234567"},
        {"code": "１２３４５６７"},
        {"code": "12345x"},
        {"code": None},
        {"code": 123},
        {"code": 123456},
        {"challenge_id": "nonsense"},
        {"challenge_id": []},
        {"phone": "nobody"},
    ],
)
def test_malformed_attempts_are_invalid_input(client: APIClient, change: dict[str, Any]) -> None:
    body = {"challenge_id": str(uuid4()), "phone": make_phone(), "code": "123456"} | change
    answer = client.post(VERIFY, body)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/validation-error"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spell",
    [
        lambda code: f" {code[:3]} {code[3:]}\n",
        lambda code: f"{code[:3]}-{code[3:]}",
        lambda code: f"\u200e{code[:3]}\u00a0{code[3:]}",
        lambda code: code.translate({ord("0") + digit: ord("０") + digit for digit in range(10)}),
        lambda code: code.translate({ord("0") + digit: ord("٠") + digit for digit in range(10)}),
    ],
)
def test_a_code_is_right_however_it_was_typed(
    client: APIClient, spell: Callable[[str], str]
) -> None:
    phone = make_phone()
    challenge_id, code = ask(client, phone)
    body = {"challenge_id": challenge_id, "phone": phone, "code": spell(code)}
    assert client.post(VERIFY, body).status_code == 200


@pytest.mark.django_db
def test_a_device_that_signed_in_before_asks_although_others_used_up_the_number(
    client: APIClient, settings: Any
) -> None:
    settings.OTP_REQUESTS_PER_RECIPIENT_DAY = 1
    phone = make_phone()
    body = {"phone": phone, "code": ask(client, phone)[1]}
    token = client.post(VERIFY, body).json()["device_token"]
    elsewhere = APIClient(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.post(REQUEST, {"phone": phone}).status_code == 429
    for stale in ("", "stale", token[:-1], None):
        assert elsewhere.post(REQUEST, {"phone": phone, "device_token": stale}).status_code != 202
    assert elsewhere.post(REQUEST, {"phone": phone, "device_token": token}).status_code == 202
    stranger = {"phone": make_phone(), "device_token": token}
    assert client.post(REQUEST, stranger).status_code == 202  # as without


@pytest.mark.django_db
def test_old_and_new_spellings_of_a_mobile_number_are_one_person(client: APIClient) -> None:
    ids = set()
    for old, new in [
        ("+54 11 4123-4567", "+54 9 11 4123-4567"),
        ("+521 5512345678", "+525512345678"),
    ]:
        _, code = ask(client, old)
        ids.add(client.post(VERIFY, {"phone": new, "code": code}).json()["user"]["phone"])
    assert ids == {"+5491141234567", "+525512345678"}


@pytest.mark.django_db
def test_wrong_expired_used_and_invented_codes_are_answered_alike(client: APIClient) -> None:
    phone = make_phone()
    challenge_id, code = ask(client, phone)
    body = {"challenge_id": challenge_id, "phone": phone, "code": code}
    answers = [client.post(VERIFY, body | {"code": wrong(code)})]
    answers.append(client.post(VERIFY, body | {"challenge_id": str(uuid4())}))
    answers.append(client.post(VERIFY, {"phone": make_phone(), "code": code}))
    let_pass(minutes=6)
    answers.append(client.post(VERIFY, body))
    let_pass(minutes=-6)
    assert client.post(VERIFY, body).status_code == 200
    answers.append(client.post(VERIFY, body))
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["type"] for answer in answers} == {"/problems/otp-invalid"}
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.django_db(transaction=True)
def test_a_wrong_guess_stays_spent_and_audited_although_the_answer_is_an_error(
    client: APIClient,
) -> None:
    user = make_user()
    challenge_id, code = ask(client, user.phone)
    client.post(VERIFY, {"challenge_id": challenge_id, "phone": user.phone, "code": wrong(code)})
    assert OtpChallenge.objects.get().attempts_left == 4
    event = AuditEvent.objects.get()
    assert (event.event, event.actor_id, event.subject) == (
        "sign_in.failed",
        None,
        f"user:{user.id}",
    )


@pytest.mark.django_db
def test_a_disabled_user_does_not_get_in_with_a_right_code(client: APIClient) -> None:
    user = make_user()
    _, code = ask(client, user.phone)
    User.objects.update(is_active=False)
    answer = client.post(VERIFY, {"phone": user.phone, "code": code})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/account-disabled")
    assert not Session.objects.exists()
    assert AuditEvent.objects.get().event == "sign_in.refused"


@pytest.mark.django_db(transaction=True)
def test_one_code_used_by_thirty_at_once_signs_in_once(client: APIClient, settings: Any) -> None:
    settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY = settings.OTP_GUESSES_PER_NUMBER_DAY = 30
    phone = make_phone()
    challenge_id, code = ask(client, phone)
    body = {"challenge_id": challenge_id, "phone": phone, "code": code}
    statuses = Counter(
        race(lambda: APIClient().post(VERIFY, body).status_code, times=30, threads=30)
    )
    assert statuses == {200: 1, 400: 29}
    assert User.objects.count() == Session.objects.count() == 1
    assert AuditEvent.objects.filter(event="sign_in.succeeded").count() == 1


@pytest.mark.django_db(transaction=True)
def test_first_sign_ins_of_one_phone_at_once_make_one_user(settings: Any) -> None:
    settings.OTP_RESEND_WAIT_SECONDS = 0
    phone = make_phone()
    bodies = []
    for _ in range(6):
        challenge_id, code = ask(APIClient(), phone)
        bodies.append({"challenge_id": challenge_id, "phone": phone, "code": code})
    waiting = iter(bodies)
    answers = race(lambda: APIClient().post(VERIFY, next(waiting)).json()["user"]["id"], times=6)
    assert len(set(answers)) == User.objects.count() == 1
    assert Session.objects.count() == 6


@pytest.mark.django_db
def test_a_login_is_audited_at_once_and_counted_by_a_task(client: APIClient) -> None:
    phone = make_phone()
    for _ in range(3):
        client.post(VERIFY, {"phone": phone, "code": ask(client, phone)[1]})
    assert (
        AuditEvent.objects.filter(event="sign_in.succeeded", actor_id=User.objects.get().id).count()
        == 3
    )
    assert not LoginStatistic.objects.exists()
    run_tasks()
    run_tasks()
    statistic = LoginStatistic.objects.get()
    assert (statistic.day, statistic.logins, statistic.first_logins) == (timezone.localdate(), 3, 1)


@pytest.mark.django_db
def test_signing_in_again_takes_few_statements(
    client: APIClient, django_assert_max_num_queries: Any
) -> None:
    user = make_user()
    challenge_id, code = ask(client, user.phone)
    with django_assert_max_num_queries(12):
        body = {"challenge_id": challenge_id, "phone": user.phone, "code": code}
        assert client.post(VERIFY, body).status_code == 200


@pytest.mark.django_db
def test_audit_rows_hold_no_personal_data(client: APIClient, sent_messages: Messages) -> None:
    phone = make_phone()
    _, code = ask(client, phone)
    client.post(VERIFY, {"phone": phone, "code": wrong(code)})
    client.post(VERIFY, {"phone": phone, "code": code})
    rows = str(list(AuditEvent.objects.values()))
    assert AuditEvent.objects.count() == 2
    assert phone not in rows
    assert code not in rows


@pytest.mark.django_db
def test_a_stale_token_in_the_header_does_not_hinder_signing_in(client: APIClient) -> None:
    answer = client.post(
        REQUEST, {"phone": make_phone()}, headers={"authorization": "Bearer stale"}
    )
    assert answer.status_code == 202
