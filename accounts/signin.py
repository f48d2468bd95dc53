"""Signing in by phone: from a number to a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import audit, devices, otp, phones, sessions
from accounts.actors import count_login
from accounts.errors import AccountDisabled, AccountsError, OtpInvalid, TooManyGuesses
from accounts.models import OtpChallenge, User
from accounts.origins import Origin
from accounts.sessions import TokenPair
from jobs.http import limits

SMS = OtpChallenge.Channel.SMS


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user behind the phone, the tokens of the new session, and that of the device."""

    user: User
    tokens: TokenPair
    device_token: str


def request_code(phone: str, origin: Origin, device_token: str = "") -> otp.Issued:
    """Send a code to a normalised number; the answer does not tell whether anybody has it.

    A device that signed in with the number before shows its token, and has limits of its own.

    Raises CountryNotServed, TooManyCodes.
    """
    phones.require_served(phone)
    device = devices.known_device(device_token, phone)
    return otp.request_code(SMS, phone, origin=origin, device=device)


def sign_in(*, phone: str, code: str, challenge_id: UUID | None, origin: Origin) -> SignedIn:
    """Exchange a right code for a session; the first one makes the user.

    The attempt is spent and audited although an error is raised: TooManyGuesses, OtpInvalid,
    AccountDisabled.
    """
    guess = _admit(phone, challenge_id, origin)
    with transaction.atomic():
        outcome = _try(phone, code, guess, origin)
    if isinstance(outcome, AccountsError):
        raise outcome
    return outcome


def _admit(phone: str, challenge_id: UUID | None, origin: Origin) -> otp.Guess:
    """Count the guess; that guesses were refused is on record once an hour, not once a guess."""
    try:
        return otp.admit(SMS, phone, challenge_id, origin=origin)
    except TooManyGuesses:
        key = f"audit:sign_in.limited:{phone}:{origin.network}"
        if limits.hit(key, 1, timedelta(hours=1)).allowed:
            audit.record("sign_in.limited", actor_id=None, subject=_subject(phone))
        raise


def _try(phone: str, code: str, guess: otp.Guess, origin: Origin) -> SignedIn | AccountsError:
    outcome = otp.redeem(phone, code, guess)
    if outcome is not otp.Outcome.PROVED:
        reason = "wrong code" if outcome is otp.Outcome.WRONG else "no code to try"
        data = {"reason": reason}
        audit.record("sign_in.failed", actor_id=None, subject=_subject(phone), data=data)
        return OtpInvalid()
    user, _ = User.objects.get_or_create(phone=phone, defaults={"password": make_password(None)})
    if not user.is_active:
        audit.record("sign_in.refused", actor_id=user.id, subject=f"user:{user.id}")
        return AccountDisabled()
    return begin_session(user, origin)


def _subject(phone: str) -> str:
    user_id = User.objects.filter(phone=phone).values_list("id", flat=True).first()
    return f"user:{user_id or 'unknown'}"


def begin_session(user: User, origin: Origin) -> SignedIn:
    """Begin a session of a user who proved their number; inside the caller's transaction."""
    session, pair = sessions.begin(user, origin)
    audit.record("sign_in.succeeded", actor_id=user.id, subject=f"session:{session.id}")
    count_login.send(str(session.id))
    return SignedIn(user, pair, devices.issue_token(user.phone))
