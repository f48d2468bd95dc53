"""Verification of an email address by a one-time code."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit, otp
from accounts.errors import EmailMissing, OtpInvalid
from accounts.models import OtpChallenge, User
from accounts.origins import Origin

EMAIL = OtpChallenge.Channel.EMAIL


def request_code(user: User, origin: Origin) -> otp.Issued:
    """Send a code to the user's unverified email address.

    Raises:
        EmailMissing: there is no address, or it is verified.
        TooManyCodes: too many codes were asked for.
    """
    if not user.email or user.email_verified:
        raise EmailMissing
    return otp.request_code(EMAIL, user.email, origin=origin, purpose=otp.Purpose.EMAIL)


def verify(user: User, *, code: str, challenge_id: UUID | None, origin: Origin) -> User:
    """Mark the user's email address as verified, if the code is right.

    The attempt is counted although an error is raised.

    Raises:
        TooManyGuesses: too many codes were tried.
        OtpInvalid: the code does not prove the address.
    """
    guess = otp.admit_of_user(
        user,
        EMAIL,
        user.email,
        challenge_id,
        origin=origin,
        purpose=otp.Purpose.EMAIL,
        by=user.pk,
    )
    with transaction.atomic():
        proved = otp.redeem(user.email, code, guess) is otp.Outcome.PROVED
        # The address may have been changed meanwhile.
        proved = proved and bool(
            User.objects.filter(id=user.id, email=user.email).update(email_verified_at=Now())
        )
        event = "email.verified" if proved else "email.verification_failed"
        audit.record(event, actor_id=user.id, subject=f"user:{user.id}")
    if not proved:
        raise OtpInvalid
    user.refresh_from_db(fields=["email", "email_verified_at"])
    return user
