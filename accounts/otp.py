"""Proving that a phone or an email address is one's own: ask for a code, hand it back once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import phones
from accounts.actors import send_otp
from accounts.codes import is_right
from accounts.errors import TooManyCodes, TooManyGuesses
from accounts.models import OtpChallenge
from accounts.origins import Origin
from jobs.http import limits
from jobs.http.limits import Rule
from jobs.ledger.database import lock

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Outcome(Enum):
    """What became of a code that somebody handed in."""

    PROVED = auto()
    WRONG = auto()
    #: No attempt was taken: there is no such challenge, or it is over.
    IGNORED = auto()


@dataclass(frozen=True, slots=True)
class Issued:
    """What the asker is told: the challenge, its life, and the seconds until a new one may be asked
    for.
    """

    challenge_id: UUID
    expires_in: int
    retry_after: int


def request_code(channel: str, recipient: str, *, origin: Origin) -> Issued:
    """Leave a challenge and the task that sends its code; the same for every address, known or not.

    `recipient` is already normalised. Raises TooManyCodes.
    """
    try:
        _next_wait(channel, recipient)
    except TooManyCodes:  # who asks too soon uses up nothing of what the address may get
        _spend(_rules_of_origin(origin))
        raise
    _spend([*_rules_of_origin(origin), *_rules_of_recipient(channel, recipient)])
    with transaction.atomic():
        lock(f"otp:{recipient}")
        retry_after = _next_wait(channel, recipient)
        challenge = _create(channel, recipient)
        send_otp.send(str(challenge.id))
    return Issued(challenge.id, settings.OTP_LIFETIME_SECONDS, retry_after)


def redeem(channel: str, recipient: str, code: str, challenge_id: UUID | None) -> Outcome:
    """Try a code; call it inside a transaction that commits whatever the outcome, so that attempts
    stay spent.

    Without an id the newest challenge of the address counts, and a wrong guess is taken from
    attempts of its own, so that strangers cannot spend those of the owner, who knows the id.
    """
    counter = "attempts_left" if challenge_id else "blind_attempts_left"
    challenge_id = challenge_id or OtpChallenge.objects.latest_open_id(channel, recipient)
    if challenge_id is None:
        return Outcome.IGNORED
    if is_right(code, challenge_id, recipient):
        used = OtpChallenge.objects.use(challenge_id, channel, recipient, counter=counter)
        return Outcome.PROVED if used else Outcome.IGNORED
    burnt = OtpChallenge.objects.burn_attempt(challenge_id, channel, recipient, counter=counter)
    return Outcome.WRONG if burnt else Outcome.IGNORED


def spend_guess(origin: Origin) -> None:
    """Count one guess against the client's network. Raises TooManyGuesses."""
    limit = limits.hit(f"otp:guess:{origin.host}", settings.OTP_GUESSES_PER_HOST_HOUR, HOUR)
    if not limit.allowed:
        raise TooManyGuesses(limit.retry_after)


def _rules_of_origin(origin: Origin) -> list[Rule]:
    return [
        Rule(f"otp:host:{origin.host}", settings.OTP_REQUESTS_PER_HOST_HOUR, HOUR),
        Rule(f"otp:network:{origin.network}", settings.OTP_REQUESTS_PER_NETWORK_HOUR, HOUR),
    ]


def _rules_of_recipient(channel: str, recipient: str) -> list[Rule]:
    rules = [Rule(f"otp:recipient:{recipient}", settings.OTP_REQUESTS_PER_RECIPIENT_DAY, DAY)]
    if channel == OtpChallenge.Channel.SMS:
        rules += [
            # SMS pumping walks through a block of adjacent numbers.
            Rule(
                f"otp:prefix:{phones.prefix(recipient)}",
                settings.OTP_REQUESTS_PER_PREFIX_HOUR,
                HOUR,
            ),
            Rule("otp:sms", settings.OTP_REQUESTS_PER_DAY, DAY),
        ]
    return rules


def _spend(rules: list[Rule]) -> None:
    """Count the request by each rule until one refuses it. Raises TooManyCodes."""
    limit = limits.hit_in_turn(rules)
    if not limit.allowed:
        raise TooManyCodes(limit.retry_after)


def _next_wait(channel: str, recipient: str) -> int:
    """Seconds to wait after the present request; doubles with each code never used.

    Raises TooManyCodes.
    """
    unanswered, last = OtpChallenge.objects.unanswered(channel, recipient, HOUR)
    if last is not None:
        remaining = _wait_seconds(unanswered) - (timezone.now() - last).total_seconds()
        if remaining > 0:
            raise TooManyCodes(ceil(remaining))
    return _wait_seconds(unanswered + 1)


def _wait_seconds(unanswered: int) -> int:
    doubled = settings.OTP_RESEND_WAIT_SECONDS * 2 ** min(unanswered - 1, 16)
    return int(min(doubled, settings.OTP_RESEND_WAIT_MAX_SECONDS))


def _create(channel: str, recipient: str) -> OtpChallenge:
    now: datetime = timezone.now()
    return OtpChallenge.objects.create(
        channel=channel,
        recipient=recipient,
        attempts_left=settings.OTP_ATTEMPTS,
        blind_attempts_left=settings.OTP_ATTEMPTS,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.OTP_LIFETIME_SECONDS),
    )
