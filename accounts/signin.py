"""Signing in by phone: from a number to a session."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import audit, otp, phones, sessions
from accounts.actors import count_login
from accounts.errors import AccountDisabled, AccountsError, OtpInvalid
from accounts.models import OtpChallenge, User
from accounts.origins import Origin
from accounts.sessions import TokenPair

SMS = OtpChallenge.Channel.SMS


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user behind the phone, and the tokens of the new session."""

    user: User
    tokens: TokenPair


def request_code(phone: str, origin: Origin) -> otp.Issued:
    """Send a code to a normalised number; the answer does not tell whether anybody has it.

    Raises CountryNotServed, TooManyCodes.
    """
    phones.require_served(phone)
    return otp.request_code(SMS, phone, origin=origin)


def sign_in(*, phone: str, code: str, challenge_id: UUID | None, origin: Origin) -> SignedIn:
    """Exchange a right code for a session; the first one makes the user.

    The attempt is spent and audited although an error is raised: TooManyGuesses, OtpInvalid,
    AccountDisabled.
    """
    otp.spend_guess(origin)
    with transaction.atomic():
        outcome = _try(phone, code, challenge_id, origin)
    if isinstance(outcome, AccountsError):
        raise outcome
    return outcome


def _try(
    phone: str, code: str, challenge_id: UUID | None, origin: Origin
) -> SignedIn | AccountsError:
    match otp.redeem(SMS, phone, code, challenge_id):
        case otp.Outcome.IGNORED:
            return OtpInvalid()
        case otp.Outcome.WRONG:
            user_id = User.objects.filter(phone=phone).values_list("id", flat=True).first()
            audit.record("sign_in.failed", actor_id=None, subject=f"user:{user_id or 'unknown'}")
            return OtpInvalid()
    user, _ = User.objects.get_or_create(phone=phone, defaults={"password": make_password(None)})
    if not user.is_active:
        audit.record("sign_in.refused", actor_id=user.id, subject=f"user:{user.id}")
        return AccountDisabled()
    return SignedIn(user, _begin_session(user, origin))


def _begin_session(user: User, origin: Origin) -> TokenPair:
    session, pair = sessions.begin(user, origin)
    audit.record("sign_in.succeeded", actor_id=user.id, subject=f"session:{session.id}")
    count_login.send(str(session.id))
    return pair
