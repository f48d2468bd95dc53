"""Challenges: what is stored, what is limited, and who wins a race."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core import serializers as dumpers
from django.db import transaction
from django.utils import timezone

from accounts import devices, otp, sessions
from accounts.actors import send_otp
from accounts.codes import derive_code
from accounts.errors import TooManyCodes, TooManyGuesses
from accounts.models import OtpChallenge, Session
from accounts.origins import Origin
from jobs.models import Task
from jobs.testing import assert_sent, run_tasks
from tests.accounts.clock import let_pass
from tests.accounts.conftest import Messages
from tests.accounts.factories import ORIGIN, make_phone, make_user
from tests.accounts.racing import race

SMS = OtpChallenge.Channel.SMS


def ask(phone: str, origin: Origin = ORIGIN) -> OtpChallenge:
    return OtpChallenge.objects.get(id=otp.request_code(SMS, phone, origin=origin).challenge_id)


def redeem(
    phone: str, code: str, challenge: OtpChallenge | None, origin: Origin = ORIGIN
) -> otp.Outcome:
    guess = otp.admit(SMS, phone, challenge.id if challenge else None, origin=origin)
    with transaction.atomic():
        return otp.redeem(phone, code, guess)


def right(challenge: OtpChallenge) -> str:
    return derive_code(challenge.id, challenge.recipient)


def wrong(challenge: OtpChallenge) -> str:
    return f"{(int(right(challenge)) + 1) % 1_000_000:06d}"


def lift_limits_of_guesses(settings: Any) -> None:
    for name in ("NUMBER_NETWORK_DAY", "NUMBER_DAY", "NUMBER_MONTH"):
        setattr(settings, f"OTP_GUESSES_PER_{name}", 1000)


@pytest.mark.django_db
def test_the_code_is_in_no_row_and_in_no_task() -> None:
    challenge = ask(make_phone())
    rows = dumpers.serialize("json", [challenge, *Task.objects.all()])
    assert right(challenge) not in rows
    assert challenge.recipient not in json.dumps(assert_sent(send_otp, str(challenge.id)).args)


@pytest.mark.django_db
def test_the_code_depends_on_the_challenge_the_address_and_the_key(settings: Any) -> None:
    challenge_id = uuid4()
    codes = {derive_code(challenge_id, "+12025550100"), derive_code(challenge_id, "+12025550101")}
    codes.add(derive_code(uuid4(), "+12025550100"))
    settings.OTP_KEY = "another key"
    codes.add(derive_code(challenge_id, "+12025550100"))
    assert len(codes) == 4
    assert all(len(code) == 6 and code.isdigit() for code in codes)


@pytest.mark.django_db
def test_the_code_reaches_the_phone_once(sent_messages: Messages) -> None:
    challenge = ask(make_phone())
    run_tasks()
    (message,) = sent_messages()
    assert message["channel"] == "sms"
    assert message["to"] == challenge.recipient
    assert right(challenge) in message["body"]
    challenge.refresh_from_db()
    assert challenge.sent_at is not None
    task = assert_sent(send_otp, str(challenge.id))
    assert (task.queue, task.state, task.max_attempts) == ("critical", "succeeded", 1)


@pytest.mark.django_db
def test_a_disabled_user_is_asked_alike_but_gets_no_message(sent_messages: Messages) -> None:
    user = make_user(is_active=False)
    assert otp.request_code(SMS, user.phone, origin=ORIGIN).retry_after == 30
    run_tasks()
    assert sent_messages() == []


@pytest.mark.django_db
def test_a_late_task_sends_no_expired_code(sent_messages: Messages) -> None:
    challenge = ask(make_phone())
    OtpChallenge.objects.filter(id=challenge.id).update(expires_at=timezone.now())
    run_tasks()
    assert sent_messages() == []


@pytest.mark.django_db
def test_a_code_is_good_once() -> None:
    challenge = ask(make_phone())
    outcomes = [redeem(challenge.recipient, right(challenge), challenge) for _ in range(2)]
    assert outcomes == [otp.Outcome.PROVED, otp.Outcome.IGNORED]


@pytest.mark.django_db
@pytest.mark.parametrize("knows_id", [True, False])
def test_after_five_wrong_guesses_the_right_code_is_refused(knows_id: bool) -> None:
    challenge = ask(make_phone())
    named = challenge if knows_id else None
    guesses = [redeem(challenge.recipient, wrong(challenge), named) for _ in range(7)]
    assert guesses == [otp.Outcome.WRONG] * 5 + [otp.Outcome.IGNORED] * 2
    assert redeem(challenge.recipient, right(challenge), named) is otp.Outcome.IGNORED


STRANGER = Origin("198.51.100.1")


def guess_until_refused(phone: str, challenge: OtpChallenge | None, origin: Origin) -> int:
    """How many wrong guesses were judged before the first that was refused."""
    for count in range(100):
        try:
            if redeem(phone, "not the code", challenge, origin) is otp.Outcome.IGNORED:
                return count
        except TooManyGuesses:
            return count
    raise AssertionError("a hundred guesses were judged")


@pytest.mark.django_db
@pytest.mark.parametrize("knows_id", [True, False])
def test_strangers_without_the_challenge_id_do_not_burn_the_owners_attempts(knows_id: bool) -> None:
    challenge = ask(make_phone())
    assert guess_until_refused(challenge.recipient, None, STRANGER) == 5
    named = challenge if knows_id else None
    assert redeem(challenge.recipient, right(challenge), named) is otp.Outcome.PROVED


@pytest.mark.django_db
def test_a_stranger_who_asks_first_and_burns_the_code_does_not_kill_it_for_the_owner() -> None:
    strangers = ask(make_phone(), STRANGER)
    phone = strangers.recipient
    for challenge in (None, strangers):
        assert guess_until_refused(phone, challenge, STRANGER) == 5
    assert redeem(phone, right(strangers), None) is otp.Outcome.PROVED
    owners = ask(phone)  # at once, whatever the stranger asked for
    assert redeem(phone, right(owners), owners) is otp.Outcome.PROVED


@pytest.mark.django_db
def test_without_an_id_the_challenge_of_ones_own_network_counts() -> None:
    owners = ask(make_phone())
    ask(owners.recipient, STRANGER)
    assert redeem(owners.recipient, right(owners), None) is otp.Outcome.PROVED


@pytest.mark.django_db
def test_twenty_requests_of_a_stranger_leave_the_owner_a_way_in(settings: Any) -> None:
    phone = make_phone()
    for _ in range(20):
        with suppress(TooManyCodes):
            ask(phone, STRANGER)
        let_pass(seconds=901)
    assert OtpChallenge.objects.count() == settings.OTP_REQUESTS_PER_RECIPIENT_NETWORK_DAY
    assert redeem(phone, right(owners := ask(phone)), owners) is otp.Outcome.PROVED


@pytest.mark.django_db
def test_a_device_known_from_before_gets_a_code_and_guesses_that_strangers_used_up(
    settings: Any,
) -> None:
    settings.OTP_REQUESTS_PER_RECIPIENT_DAY = settings.OTP_GUESSES_PER_NUMBER_DAY = 2
    settings.OTP_REQUESTS_PER_DAY = 2
    phone = make_phone()
    for number in range(2):
        strangers = ask(phone, Origin(f"198.51.{number}.1"))
        redeem(phone, wrong(strangers), strangers, Origin(f"198.51.{number}.1"))
    with pytest.raises(TooManyCodes):
        ask(phone)
    device = devices.known_device(devices.issue_token(phone), phone)
    own = OtpChallenge.objects.get(
        id=otp.request_code(SMS, phone, origin=ORIGIN, device=device).challenge_id
    )
    assert redeem(phone, wrong(own), own) is otp.Outcome.WRONG
    assert redeem(phone, right(own), own) is otp.Outcome.PROVED


def test_a_device_is_known_for_its_own_phone_and_for_as_long_as_a_sign_in(settings: Any) -> None:
    token = devices.issue_token("+12025550123")
    assert devices.known_device(token, "+12025550123")
    other = "x" + token
    assert devices.known_device(token, "+12025550124") == devices.known_device(other, "+1") == ""
    with time_machine.travel(timezone.now() + settings.SIGN_IN_LIFETIME + timedelta(seconds=1)):
        assert devices.known_device(token, "+12025550123") == ""


@pytest.mark.django_db
@pytest.mark.parametrize("knows_id", [True, False])
@pytest.mark.parametrize("period", ["DAY", "MONTH"])
def test_guesses_at_one_number_are_bounded_whatever_the_network(
    settings: Any, knows_id: bool, period: str
) -> None:
    setattr(settings, f"OTP_GUESSES_PER_NUMBER_{period}", 7)
    settings.OTP_RESEND_WAIT_SECONDS, phone, judged = 0, make_phone(), 0
    for number in range(4):
        origin = Origin(f"2001:db8:{number}::1")
        challenge = ask(phone, origin)
        judged += guess_until_refused(phone, challenge if knows_id else None, origin)
    assert judged == 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "addresses"),
    [
        ("OTP_GUESSES_PER_HOST_HOUR", ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:1::3"]),
        ("OTP_GUESSES_PER_NETWORK_HOUR", ["2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:3::1"]),
        ("OTP_GUESSES_PER_NETWORK_HOUR", ["203.0.113.1", "203.0.113.2", "203.0.113.3"]),
    ],
)
def test_guesses_at_many_numbers_are_counted_by_host_and_network(
    settings: Any, setting: str, addresses: list[str]
) -> None:
    setattr(settings, setting, 2)
    for address in addresses[:2]:
        redeem(make_phone(), "123456", None, Origin(address))
    with pytest.raises(TooManyGuesses):
        redeem(make_phone(), "123456", None, Origin(addresses[2]))


@pytest.mark.django_db
def test_a_code_for_another_purpose_opens_nothing() -> None:
    phone = make_phone()
    issued = otp.request_code(SMS, phone, origin=ORIGIN, purpose=otp.Purpose.NEW_PHONE)
    challenge = OtpChallenge.objects.get(id=issued.challenge_id)
    for named in (challenge, None):
        assert redeem(phone, right(challenge), named) is otp.Outcome.IGNORED


@pytest.mark.django_db
def test_an_expired_code_is_refused() -> None:
    challenge = ask(make_phone())
    let_pass(seconds=301)
    assert redeem(challenge.recipient, right(challenge), challenge) is otp.Outcome.IGNORED
    assert redeem(challenge.recipient, right(challenge), None) is otp.Outcome.IGNORED


@pytest.mark.django_db
def test_a_code_proves_only_its_own_phone_and_challenge() -> None:
    mine, other = ask(make_phone()), ask(make_phone())
    assert redeem(other.recipient, right(mine), mine) is not otp.Outcome.PROVED
    assert redeem(mine.recipient, right(mine), other) is not otp.Outcome.PROVED
    assert redeem(mine.recipient, right(mine), mine) is otp.Outcome.PROVED


@pytest.mark.django_db
def test_without_an_id_the_newest_challenge_counts() -> None:
    phone = make_phone()
    older = ask(phone)
    let_pass(seconds=31)
    newer = ask(phone)
    assert redeem(phone, right(older), None) is otp.Outcome.WRONG
    assert redeem(phone, right(newer), None) is otp.Outcome.PROVED
    assert redeem(phone, right(older), older) is otp.Outcome.PROVED


@pytest.mark.django_db
def test_the_wait_doubles_with_each_unused_code_and_ends_with_a_used_one() -> None:
    phone, waits = make_phone(), []
    for _ in range(4):
        issued = otp.request_code(SMS, phone, origin=ORIGIN)
        waits.append(issued.retry_after)
        with pytest.raises(TooManyCodes) as refused:
            otp.request_code(SMS, phone, origin=ORIGIN)
        assert 0 < refused.value.retry_after <= issued.retry_after
        let_pass(seconds=issued.retry_after)
    last = OtpChallenge.objects.get(id=otp.request_code(SMS, phone, origin=ORIGIN).challenge_id)
    OtpChallenge.objects.filter(recipient=phone).update(used_at=timezone.now())
    assert otp.request_code(SMS, phone, origin=ORIGIN).retry_after == 30
    assert waits == [30, 60, 120, 240]
    assert last.recipient == phone


@pytest.mark.django_db
def test_requests_that_come_too_soon_use_up_nothing_of_the_address(settings: Any) -> None:
    settings.OTP_REQUESTS_PER_RECIPIENT_DAY = 3
    phone = make_phone()
    ask(phone)
    for _ in range(5):
        with pytest.raises(TooManyCodes):
            ask(phone)
    let_pass(seconds=30)
    ask(phone)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "phones", "origins"),
    [
        ("OTP_REQUESTS_PER_HOST_HOUR", [make_phone() for _ in range(3)], ["198.51.100.1"] * 3),
        (
            "OTP_REQUESTS_PER_NETWORK_HOUR",
            [make_phone() for _ in range(3)],
            [f"198.51.100.{n}" for n in range(3)],
        ),
        (
            "OTP_REQUESTS_PER_PREFIX_HOUR",
            [f"+1303555010{n}" for n in range(3)],
            [f"198.51.{n}.1" for n in range(3)],
        ),
        (
            "OTP_REQUESTS_PER_RECIPIENT_DAY",
            ["+13035550109"] * 3,
            [f"198.51.{n}.1" for n in range(3)],
        ),
        (
            "OTP_REQUESTS_PER_DAY",
            [f"+1{n}035550109" for n in (3, 4, 5)],
            [f"198.51.{n}.1" for n in range(3)],
        ),
    ],
)
def test_each_limit_refuses_the_request_after_it(
    settings: Any, setting: str, phones: list[str], origins: list[str]
) -> None:
    settings.OTP_RESEND_WAIT_SECONDS = 0
    setattr(settings, setting, 2)
    for phone, address in list(zip(phones, origins, strict=True))[:2]:
        ask(phone, Origin(address))
    with pytest.raises(TooManyCodes) as refused:
        ask(phones[2], Origin(origins[2]))
    assert refused.value.retry_after > 60
    assert OtpChallenge.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_for_one_phone_at_once_one_leaves_a_challenge() -> None:
    phone = make_phone()
    outcomes = race(lambda: otp.request_code(SMS, phone, origin=ORIGIN), times=12)
    assert Counter(type(outcome) for outcome in outcomes) == {otp.Issued: 1, TooManyCodes: 11}
    assert OtpChallenge.objects.count() == Task.objects.filter(actor="send_otp").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_hundred_wrong_guesses_at_once_take_exactly_five_attempts(settings: Any) -> None:
    lift_limits_of_guesses(settings)
    challenge = ask(make_phone())
    guess = wrong(challenge)
    outcomes = race(lambda: redeem(challenge.recipient, guess, challenge), times=100, threads=20)
    assert Counter(outcomes) == {otp.Outcome.WRONG: 5, otp.Outcome.IGNORED: 95}
    challenge.refresh_from_db()
    assert challenge.attempts_left == 0


@pytest.mark.django_db(transaction=True)
def test_one_code_used_by_thirty_at_once_proves_once(settings: Any) -> None:
    lift_limits_of_guesses(settings)
    challenge = ask(make_phone())
    outcomes = race(
        lambda: redeem(challenge.recipient, right(challenge), challenge), times=30, threads=30
    )
    assert Counter(outcomes) == {otp.Outcome.PROVED: 1, otp.Outcome.IGNORED: 29}


@pytest.mark.django_db
def test_a_flood_from_one_host_does_not_use_up_what_others_may_ask_for(settings: Any) -> None:
    settings.OTP_REQUESTS_PER_HOST_HOUR, settings.OTP_REQUESTS_PER_DAY = 1, 2
    ask(make_phone())
    for _ in range(5):
        with pytest.raises(TooManyCodes):
            ask(make_phone())
    ask(make_phone(), Origin("198.51.100.1"))
    assert OtpChallenge.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_requests_at_once_the_limit_lets_exactly_five_through(settings: Any) -> None:
    settings.OTP_REQUESTS_PER_HOST_HOUR = 5
    phones = iter([make_phone() for _ in range(100)])
    outcomes = race(
        lambda: otp.request_code(SMS, next(phones), origin=ORIGIN), times=100, threads=20
    )
    assert Counter(type(outcome) for outcome in outcomes) == {otp.Issued: 5, TooManyCodes: 95}


@pytest.mark.django_db
def test_other_networks_use_up_nothing_of_a_network_in_which_the_number_is_signed_in(
    settings: Any,
) -> None:
    """A botnet needs five networks to use up a day of a number; the owner's own stays open."""
    user = make_user()
    home = sessions.begin(user, ORIGIN)[0]
    settings.OTP_RESEND_WAIT_SECONDS = 0
    settings.OTP_REQUESTS_PER_RECIPIENT_DAY = settings.OTP_GUESSES_PER_NUMBER_DAY = 4
    for number in range(5):
        stranger = Origin(f"198.51.{number}.1")
        with suppress(TooManyCodes, TooManyGuesses):
            challenge = ask(user.phone, stranger)
            redeem(user.phone, wrong(challenge), challenge, stranger)
    with pytest.raises(TooManyCodes):
        ask(user.phone, Origin("192.0.2.1"))
    challenge = ask(user.phone)
    assert redeem(user.phone, wrong(challenge), challenge) is otp.Outcome.WRONG
    assert redeem(user.phone, right(challenge), challenge) is otp.Outcome.PROVED
    challenge = ask(user.phone)
    settings.OTP_GUESSES_PER_NUMBER_MONTH = 2  # both are spent
    with pytest.raises(TooManyGuesses):
        redeem(user.phone, right(challenge), challenge)
    settings.OTP_GUESSES_PER_NUMBER_MONTH = 100
    Session.objects.filter(pk=home.pk).update(revoked_at=timezone.now())
    with pytest.raises(TooManyGuesses):
        redeem(user.phone, right(challenge), challenge)
