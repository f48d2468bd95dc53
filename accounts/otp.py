"""Proof of a phone number or an email address by a one-time code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import audit, otp_limits
from accounts.actors import send_otp
from accounts.codes import is_right
from accounts.errors import TooManyCodes, TooManyGuesses
from accounts.models import Asker, OtpChallenge, User
from accounts.origins import Origin
from jobs.ledger.database import lock

HOUR = timedelta(hours=1)
Purpose = OtpChallenge.Purpose


class Outcome(Enum):
    """The result of trying a code."""

    PROVED = auto()
    WRONG = auto()
    #: No attempt was counted: there is no such challenge, or it is over.
    IGNORED = auto()


@dataclass(frozen=True, slots=True)
class Issued:
    """A challenge that was created: its id, its lifetime and the wait for the next, in seconds."""

    challenge_id: UUID
    expires_in: int
    retry_after: int


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess at a code that `admit` has counted, and that `redeem` has yet to compare."""

    #: None where there is no such challenge, or it is over.
    challenge_id: UUID | None
    #: Whether the caller gave the id of the challenge, which strangers do not know.
    is_named: bool


def request_code(
    channel: str,
    recipient: str,
    *,
    origin: Origin,
    device: str = "",
    purpose: str = Purpose.SIGN_IN,
) -> Issued:
    """Create a challenge and send its code in the background, whoever has the address."""
    asker = Asker(channel, recipient, "" if device else origin.network, device)
    try:
        _next_wait(asker)
    except TooManyCodes:
        otp_limits.spend_early_request(origin, device)
        raise
    otp_limits.spend_request(channel, recipient, origin, device)
    with transaction.atomic():
        lock(f"otp:{recipient}")
        retry_after = _next_wait(asker)
        challenge = _create(asker, purpose)
        send_otp.send(str(challenge.id))
    return Issued(challenge.id, settings.OTP_LIFETIME_SECONDS, retry_after)


def admit(
    channel: str,
    recipient: str,
    challenge_id: UUID | None,
    *,
    origin: Origin,
    purpose: str = Purpose.SIGN_IN,
) -> Guess:
    """Count a guess and find the challenge with which it is compared.

    Call it outside any transaction. Without `challenge_id` the challenge is the newest one asked
    for from the guesser's network, else the newest of the address; such guesses are counted by
    network, so that strangers use up only their own.

    Raises:
        TooManyGuesses: too many codes were tried.
    """
    challenges = OtpChallenge.objects.open_for(channel, recipient, purpose)
    if challenge_id is not None:
        challenge = challenges.redeemable(challenge_id, is_named=True).first()
    else:
        challenge = challenges.nearest_first(origin.network).first()
        if challenge is not None and not otp_limits.may_guess_blindly(challenge, origin):
            challenge = None
    is_named = challenge_id is not None
    otp_limits.spend_guess(recipient, origin, challenge, named=is_named)
    return Guess(challenge.id if challenge else None, is_named)


def admit_of_user(
    user: User,
    channel: str,
    recipient: str,
    challenge_id: UUID | None,
    *,
    origin: Origin,
    purpose: str,
    by: UUID,
) -> Guess:
    """Count a guess as `admit` does; record a refused one in the audit log as the user's.

    Raises:
        TooManyGuesses: too many codes were tried.
    """
    try:
        return admit(channel, recipient, challenge_id, origin=origin, purpose=purpose)
    except TooManyGuesses:
        event, key = f"{purpose}_code.limited", f"{user.pk}:{origin.network}"
        audit.record_hourly(event, key=key, actor_id=by, subject=f"user:{user.pk}")
        raise


def redeem(recipient: str, code: str, guess: Guess) -> Outcome:
    """Compare a code with its challenge, and use the challenge up if the code is right.

    Call it inside a transaction that commits whatever the outcome, so that attempts stay counted.
    """
    if guess.challenge_id is None:
        return Outcome.IGNORED
    challenges = OtpChallenge.objects.redeemable(guess.challenge_id, is_named=guess.is_named)
    if is_right(code, guess.challenge_id, recipient):
        return Outcome.PROVED if challenges.use() else Outcome.IGNORED
    if guess.is_named:
        return Outcome.WRONG if challenges.burn_attempt() else Outcome.IGNORED
    return Outcome.WRONG


def _next_wait(asker: Asker) -> int:
    """Return the seconds to wait after the present request.

    They double with each code that the same asker did not use.

    Raises:
        TooManyCodes: the wait after the last request is not over.
    """
    unanswered, age = OtpChallenge.objects.unanswered(asker, HOUR)
    if age is not None:
        remaining = _wait_seconds(unanswered) - age.total_seconds()
        if remaining > 0:
            raise TooManyCodes(ceil(remaining))
    return _wait_seconds(unanswered + 1)


def _wait_seconds(unanswered: int) -> int:
    doubled = settings.OTP_RESEND_WAIT_SECONDS * 2 ** min(unanswered - 1, 16)
    return int(min(doubled, settings.OTP_RESEND_WAIT_MAX_SECONDS))


def _create(asker: Asker, purpose: str) -> OtpChallenge:
    return OtpChallenge.objects.create(
        channel=asker.channel,
        recipient=asker.recipient,
        network=asker.network,
        device=asker.device,
        purpose=purpose,
        attempts_left=settings.OTP_ATTEMPTS,
        expires_at=Now() + timedelta(seconds=settings.OTP_LIFETIME_SECONDS),
    )
