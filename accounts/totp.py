"""The second factor of staff: time-based codes (RFC 6238) from an app on their phone."""

from __future__ import annotations

from math import ceil
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.errors import AccountsError, AuthenticatorMissing, OtpInvalid, TooManyGuesses
from accounts.models import Session, StaffAuthenticator, User
from jobs.ledger import database


def is_satisfied(user: Any) -> bool:
    """Return whether the user's session began with a code, or no code is required.

    `user` is the request's user after OTPMiddleware.
    """
    return not settings.STAFF_TOTP_REQUIRED or bool(user.is_verified())


def limit_rights(user: Any, *, has_second_factor: bool) -> Any:
    """Return the user, who keeps only a citizen's rights where the second factor is missing."""
    if settings.STAFF_TOTP_REQUIRED and not has_second_factor and isinstance(user, User):
        user.withhold_staff_rights()
    return user


@transaction.atomic
def enrol(user: User) -> str:
    """Create an authenticator for the user; return its otpauth:// URL, which holds the secret.

    It replaces every earlier one, and sessions lose the staff rights that earlier ones gave.
    """
    User.objects.select_for_update().get(pk=user.pk)  # two calls at once leave one authenticator
    StaffAuthenticator.objects.filter(user=user).delete()
    authenticator = StaffAuthenticator.objects.create(user=user, name="authenticator")
    Session.objects.filter(user=user).update(second_factor_at=None)
    audit.record("staff.totp_enrolled", actor_id=None, subject=f"user:{user.id}")
    return str(authenticator.config_url)


def step_up(session: Session, code: str) -> Session:
    """Give an API session staff rights for STAFF_SECOND_FACTOR_LIFETIME.

    The attempt is counted and audited although an error is raised.

    Raises:
        AuthenticatorMissing: the user has no authenticator.
        TooManyGuesses: too many codes were tried.
        OtpInvalid: the code is wrong.
    """
    with transaction.atomic():
        error = _step_up(session, code)
    if isinstance(error, TooManyGuesses):
        subject = f"session:{session.id}"
        audit.record_hourly(
            "session.code_limited", key=subject, actor_id=session.user_id, subject=subject
        )
    if error is not None:
        raise error
    return session


def _step_up(session: Session, code: str) -> AccountsError | None:
    authenticators = StaffAuthenticator.objects.select_for_update()
    authenticator = authenticators.filter(user_id=session.user_id).first()
    if authenticator is None:
        _record_refusal(session, "no authenticator")
        return AuthenticatorMissing()
    allowed, reason = authenticator.verify_is_allowed()
    if not allowed:
        wait = (reason["locked_until"] - timezone.now()).total_seconds()
        return TooManyGuesses(ceil(wait))
    if not authenticator.verify_token(code):
        _record_refusal(session, "wrong code")
        return OtpInvalid()
    session.second_factor_at = database.now()
    session.save(update_fields=["second_factor_at"])
    subject = f"session:{session.id}"
    audit.record("session.stepped_up", actor_id=session.user_id, subject=subject)
    return None


def _record_refusal(session: Session, reason: str) -> None:
    audit.record(
        "session.code_refused",
        actor_id=session.user_id,
        subject=f"session:{session.id}",
        data={"reason": reason},
    )


def reseal() -> int:
    """Encrypt every seed anew with the first of JOBS_SEAL_KEYS; return how many there were.

    Raises:
        jobs.errors.SealBroken: none of the keys decrypts one of the seeds.
    """
    authenticators = list(StaffAuthenticator.objects.select_for_update())
    for authenticator in authenticators:
        authenticator.seed = authenticator.seed
        authenticator.save(update_fields=["sealed_seed"])
    return len(authenticators)
