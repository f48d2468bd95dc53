"""Limits on how often one-time codes are sent and tried.

Requests and guesses are counted by device where it is known from an earlier sign-in, else by
network, so that strangers use up their own share and not the owner's. All guesses at one number
together are limited over a day and over thirty days; guesses that name the challenge are counted
apart from those that do not, which anybody can make. What all others use up of a number, by however
many networks, does not bind a network in which the number is signed in.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from accounts import devices, phones
from accounts.errors import TooManyCodes, TooManyGuesses
from accounts.models import OtpChallenge
from accounts.origins import Origin
from jobs.http import limits
from jobs.http.limits import Limit, Rule

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)


def spend_request(channel: str, recipient: str, origin: Origin, device: str) -> None:
    """Count one request for a code.

    Raises:
        TooManyCodes: a limit is reached.
    """
    if device:
        return _spend_request(
            [Rule(f"otp:device:{device}", settings.OTP_REQUESTS_PER_DEVICE_DAY, DAY)]
        )
    own = [*_rules_of_origin(origin), _rule_of_recipient(recipient, origin)]
    shared = _rules_of_all(channel, recipient)
    limit = limits.hit_in_turn([*own, *shared])
    is_shared = not limit.allowed and limit.rule in shared
    if is_shared and devices.is_known_network(recipient, origin):
        return None
    return _refuse(limit, TooManyCodes)


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
    own = [
        Rule(f"otp:guess:{origin.host}", settings.OTP_GUESSES_PER_HOST_HOUR, HOUR),
        Rule(f"otp:guess:{origin.network}", settings.OTP_GUESSES_PER_NETWORK_HOUR, HOUR),
    ]
    if challenge is None:
        return _refuse(limits.hit_in_turn(own), TooManyGuesses)
    if named and challenge.device:
        rules = _rules_of_guesser(f"device:{challenge.device}")
        return _refuse(limits.hit_in_turn(rules), TooManyGuesses)
    party = f"{'named' if named else 'blind'}:{recipient}"
    share = settings.OTP_GUESSES_PER_NUMBER_NETWORK_DAY
    own.append(Rule(f"otp:guess:{party}:{origin.network}", share, DAY))
    shared = _rules_of_guesser(party)
    limit = limits.hit_in_turn([*own, *shared])
    if not limit.allowed and limit.rule in shared and named:
        limit = _limit_of_known_network(recipient, origin) or limit
    return _refuse(limit, TooManyGuesses)


def may_guess_blindly(challenge: OtpChallenge, origin: Origin) -> bool:
    """Count a guess that names no challenge; return False past OTP_ATTEMPTS from one network."""
    key = f"otp:blind:{challenge.id}:{origin.network}"
    life = timedelta(seconds=settings.OTP_LIFETIME_SECONDS)
    return limits.hit(key, settings.OTP_ATTEMPTS, life).allowed


def _spend_request(rules: list[Rule]) -> None:
    _refuse(limits.hit_in_turn(rules), TooManyCodes)


def _refuse(limit: Limit, error: type[TooManyCodes]) -> None:
    if not limit.allowed:
        raise error(limit.retry_after)


def _limit_of_known_network(recipient: str, origin: Origin) -> Limit | None:
    """Count a guess from a network in which the number is signed in; None from any other."""
    if not devices.is_known_network(recipient, origin):
        return None
    key = f"otp:guess:month:known:{recipient}:{origin.network}"
    return limits.hit(key, settings.OTP_GUESSES_PER_NUMBER_MONTH, MONTH)


def _rule_of_recipient(recipient: str, origin: Origin) -> Rule:
    key = f"otp:recipient:{recipient}:{origin.network}"
    return Rule(key, settings.OTP_REQUESTS_PER_RECIPIENT_NETWORK_DAY, DAY)


def _rules_of_all(channel: str, recipient: str) -> list[Rule]:
    """Return the limits on codes to one address that requests from all networks share."""
    return [
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
