"""Sign-in by phone: send a code, and exchange it for a session."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import audit, devices, otp, phones, sessions
from accounts.actors import count_login
from accounts.errors import AccountDisabled, AccountsError, OtpInvalid, TooManyGuesses
from accounts.models import OtpChallenge, User
from accounts.origins import Origin
from accounts.sessions import TokenPair

SMS = OtpChallenge.Channel.SMS


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user who signed in, the tokens of the new session, and the token of the device."""

    user: User
    tokens: TokenPair
    device_token: str


def request_code(phone: str, origin: Origin, device_token: str = "") -> otp.Issued:
    """Send a code to a normalised number; the result does not reveal whether an account has it.

    `device_token` is that of a device which signed in with the number before; such a device has
    its own limits.

    Raises:
        CountryNotServed: codes are not sent to the number's country.
        TooManyCodes: too many codes were asked for.
    """
    phones.require_served(phone)
    device = devices.known_device(device_token, phone)
    return otp.request_code(SMS, phone, origin=origin, device=device)


def sign_in(*, phone: str, code: str, challenge_id: UUID | None, origin: Origin) -> SignedIn:
    """Exchange a right code for a session; the first sign-in of a number creates its user.

    The attempt is counted and audited although an error is raised.

    Raises:
        TooManyGuesses: too many codes were tried.
        OtpInvalid: the code does not prove the number.
        AccountDisabled: the user is disabled.
    """
    guess = _admit(phone, challenge_id, origin)
    with transaction.atomic():
        outcome = _try(phone, code, guess, origin)
    if isinstance(outcome, AccountsError):
        raise outcome
    return outcome


def _admit(phone: str, challenge_id: UUID | None, origin: Origin) -> otp.Guess:
    """Count the guess; record refused guesses in the audit log once an hour, not each of them."""
    try:
        return otp.admit(SMS, phone, challenge_id, origin=origin)
    except TooManyGuesses:
        key = f"{phone}:{origin.network}"
        audit.record_hourly("sign_in.limited", key=key, actor_id=None, subject=_subject(phone))
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
    """Begin a session of a user who proved their number. Call it inside a transaction."""
    session, pair = sessions.begin(user, origin)
    audit.record("sign_in.succeeded", actor_id=user.id, subject=f"session:{session.id}")
    count_login.send(str(session.id))
    return SignedIn(user, pair, devices.issue_token(user.phone))
