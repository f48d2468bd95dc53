"""Changes of an account by its user."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts import audit, fresh_proof
from accounts.actors import send_email_changed
from accounts.models import DeskSession, Session, User


def edit_own(user: User, fields: dict[str, Any], *, session: Session | DeskSession | None) -> None:
    """Save those of the fields that differ; another email address needs a fresh proof.

    Its change is recorded, and a verified address that is replaced is informed, since the new one
    could be a thief's.

    Raises:
        FreshProofRequired: the email address changes, and `session` has no fresh proof.
        django.core.exceptions.ValidationError: a constraint forbids the change.
    """
    changes = {name: value for name, value in fields.items() if getattr(user, name) != value}
    if "email" not in changes:
        return user.edit_profile(changes) if changes else None
    fresh_proof.require(session)
    old, was_verified = user.email, user.email_verified
    with transaction.atomic():
        user.edit_profile(changes)
        audit.record_changes(
            "user.email_changed",
            actor_id=user.pk,
            subject=f"user:{user.pk}",
            changes={"email": (old, user.email)},
            person_id=user.pk,
        )
        if was_verified:
            send_email_changed.send(old)
    return None
