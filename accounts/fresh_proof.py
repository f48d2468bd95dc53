"""The fresh proof that a change of phone number or email address requires.

A sign-in of a moment ago is one. So is a code that the account's present number or verified email
address received since. A stolen token or an unlocked phone left lying about is none.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import audit, otp, phones
from accounts.errors import EmailUnverified, FreshProofRequired, OtpInvalid
from accounts.models import DeskSession, OtpChallenge, Session, User
from accounts.origins import Origin
from jobs.ledger import database

SMS = OtpChallenge.Channel.SMS
CONFIRM = OtpChallenge.Purpose.CONFIRM


def require(session: Session | DeskSession | None) -> None:
    """Check that the session began, or was proved again, within FRESH_PROOF_LIFETIME.

    Raises:
        FreshProofRequired: it was not, or there is no session.
    """
    if session is None:
        raise FreshProofRequired
    times = [session.created_at, getattr(session, "proved_at", None)]
    newest = max(time for time in times if time is not None)
    if database.now() - newest >= settings.FRESH_PROOF_LIFETIME:
        raise FreshProofRequired


def request_code(user: User, channel: str, origin: Origin) -> otp.Issued:
    """Send a code to the account's present phone number or verified email address.

    Raises:
        EmailUnverified: the account has no verified email address.
        CountryNotServed: codes are not sent to the number's country.
        TooManyCodes: too many codes were asked for.
    """
    recipient = _address(user, channel)
    if channel == SMS:
        phones.require_served(recipient)
    return otp.request_code(channel, recipient, origin=origin, purpose=CONFIRM)


def prove(
    session: Session, *, channel: str, code: str, challenge_id: UUID, origin: Origin
) -> Session:
    """Store the proof in the session, if the code is right.

    The attempt is counted and audited although an error is raised.

    Raises:
        EmailUnverified: the account has no verified email address.
        TooManyGuesses: too many codes were tried.
        OtpInvalid: the code is wrong, or of another address or purpose.
    """
    user = session.user
    recipient = _address(user, channel)
    guess = otp.admit_of_user(
        user, channel, recipient, challenge_id, origin=origin, purpose=CONFIRM, by=user.pk
    )
    with transaction.atomic():
        is_proved = otp.redeem(recipient, code, guess) is otp.Outcome.PROVED
        if is_proved:
            session.proved_at = database.now()
            session.save(update_fields=["proved_at"])
        event = "session.proved" if is_proved else "session.proof_refused"
        subject, data = f"session:{session.pk}", {"channel": str(channel)}
        audit.record(event, actor_id=user.pk, subject=subject, data=data)
    if not is_proved:
        raise OtpInvalid
    return session


def _address(user: User, channel: str) -> str:
    if channel == SMS:
        return str(user.phone)
    if not user.email_verified:
        raise EmailUnverified
    return user.email
