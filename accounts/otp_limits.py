"""Limits on how often one-time codes are sent and tried.

Requests and guesses are counted by device where it is known from an earlier sign-in, else by
network, so that strangers use up their own share and not the owner's. All guesses at one number
together are limited over a day and over thirty days; guesses that name the challenge are counted
apart from those that do not, which anybody can make.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from accounts import phones
from accounts.errors import TooManyCodes, TooManyGuesses
from accounts.models import OtpChallenge
from accounts.origins import Origin
from jobs.http import limits
from jobs.http.limits import Rule

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)


def spend_request(channel: str, recipient: str, origin: Origin, device: str) -> None:
    """Count one request for a code.

    Raises:
        TooManyCodes: a limit is reached.
    """
    _spend_request(_rules_of_request(channel, recipient, origin, device))


def spend_early_request(origin: Origin, device: str) -> None:
    """Count a request that came too soon, against its origin only and not against the address.

    Raises:
        TooManyCodes: a limit is reached.
    """
    if not device:
        _spend_request(_rules_of_origin(origin))


def spend_guess(
    recipient: str, origin: Origin, challenge: OtpChallenge | None, *, named: bool
) -> None:
    """Count one guess before its code is compared; without a challenge, against its origin only.

    Raises:
        TooManyGuesses: a limit is reached.
    """
    rules = [
        Rule(f"otp:guess:{origin.host}", settings.OTP_GUESSES_PER_HOST_HOUR, HOUR),
        Rule(f"otp:guess:{origin.network}", settings.OTP_GUESSES_PER_NETWORK_HOUR, HOUR),
    ]
    if challenge is not None and named and challenge.device:
        rules = _rules_of_guesser(f"device:{challenge.device}")
    elif challenge is not None:
        party = f"{'named' if named else 'blind'}:{recipient}"
        share = settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY
        rules += [Rule(f"otp:guess:{party}:{origin.network}", share, DAY)]
        rules += _rules_of_guesser(party)
    limit = limits.hit_in_turn(rules)
    if not limit.allowed:
        raise TooManyGuesses(limit.retry_after)


def may_guess_blindly(challenge: OtpChallenge, origin: Origin) -> bool:
    """Count a guess that names no challenge; return False past OTP_ATTEMPTS from one network."""
    key = f"otp:blind:{challenge.id}:{origin.network}"
    life = timedelta(seconds=settings.OTP_LIFETIME_SECONDS)
    return limits.hit(key, settings.OTP_ATTEMPTS, life).allowed


def _spend_request(rules: list[Rule]) -> None:
    limit = limits.hit_in_turn(rules)
    if not limit.allowed:
        raise TooManyCodes(limit.retry_after)


def _rules_of_request(channel: str, recipient: str, origin: Origin, device: str) -> list[Rule]:
    if device:
        return [Rule(f"otp:device:{device}", settings.OTP_REQUESTS_PER_DEVICE_DAY, DAY)]
    return [
        *_rules_of_origin(origin),
        Rule(
            f"otp:recipient:{recipient}:{origin.network}",
            settings.OTP_REQUESTS_PER_RECIPIENT_NETWORK_DAY,
            DAY,
        ),
        Rule(f"otp:recipient:{recipient}", settings.OTP_REQUESTS_PER_RECIPIENT_DAY, DAY),
        *(_rules_of_sms(recipient) if channel == OtpChallenge.Channel.SMS else []),
    ]


def _rules_of_origin(origin: Origin) -> list[Rule]:
    return [
        Rule(f"otp:host:{origin.host}", settings.OTP_REQUESTS_PER_HOST_HOUR, HOUR),
        Rule(f"otp:network:{origin.network}", settings.OTP_REQUESTS_PER_NETWORK_HOUR, HOUR),
    ]


def _rules_of_sms(phone: str) -> list[Rule]:
    """Return the limits on the cost of SMS; SMS pumping uses blocks of adjacent numbers."""
    block = f"otp:prefix:{phones.prefix(phone)}"
    return [
        Rule(block, settings.OTP_REQUESTS_PER_PREFIX_HOUR, HOUR),
        Rule("otp:sms", settings.OTP_REQUESTS_PER_DAY, DAY),
    ]


def _rules_of_guesser(party: str) -> list[Rule]:
    return [
        Rule(f"otp:guess:{party}", settings.OTP_GUESSES_PER_NUMBER_DAY, DAY),
        Rule(f"otp:guess:month:{party}", settings.OTP_GUESSES_PER_NUMBER_MONTH, MONTH),
    ]
