"""One-time codes: derived from a secret when needed, sent by an actor, never stored."""

from __future__ import annotations

import hmac
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from accounts.models import OtpChallenge, User
from jobs.ledger import database
from notifications import channels, rendering

CODE_DIGITS = 6
#: Purpose of a code → template of its message; others use `one_time_code`.
TEMPLATES = {
    str(OtpChallenge.Purpose.NEW_PHONE): "new_phone_code",
    str(OtpChallenge.Purpose.CONFIRM): "confirm_code",
}


def derive_code(challenge_id: UUID, recipient: str) -> str:
    """Return the six digits of a challenge.

    They are an HMAC-SHA256 of its id and address under `OTP_KEY`, which is not in the database.
    """
    digest = hmac.digest(
        settings.OTP_KEY.encode(), f"{challenge_id}|{recipient}".encode(), "sha256"
    )
    return f"{int.from_bytes(digest[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def is_right(code: str, challenge_id: UUID, recipient: str) -> bool:
    """Return whether `code` is the challenge's code; the comparison takes constant time."""
    return hmac.compare_digest(code.encode(), derive_code(challenge_id, recipient).encode())


def send_code(challenge_id: str, *, idempotency_key: str) -> bool:
    """Send the code of a challenge to its address.

    Return False, without sending, when the challenge is over or its user is disabled.

    Raises:
        notifications.errors.ChannelError: the message could not be sent.
    """
    challenge = OtpChallenge.objects.open().filter(id=challenge_id).first()
    if challenge is None or _is_disabled(challenge):
        return False
    context = {
        "code": derive_code(challenge.id, challenge.recipient),
        "minutes": _minutes_left(challenge),
    }
    template = TEMPLATES.get(challenge.purpose, "one_time_code")
    message = rendering.render(template, challenge.channel, context, to=challenge.recipient)
    channels.send(challenge.channel, message, idempotency_key=idempotency_key, is_urgent=True)
    return True


def send_phone_changed(old_phone: str, new_phone: str, *, idempotency_key: str) -> None:
    """Inform the holder of an account's old number; `new_phone` is masked.

    Raises:
        notifications.errors.ChannelError: the message could not be sent.
    """
    message = rendering.render("phone_changed", "sms", {"phone": new_phone}, to=old_phone)
    channels.send("sms", message, idempotency_key=idempotency_key)


def send_email_changed(old_email: str, *, idempotency_key: str) -> None:
    """Inform the holder of an email address that an account uses no more.

    Raises:
        notifications.errors.ChannelError: the message could not be sent.
    """
    message = rendering.render("email_changed", "email", {}, to=old_email)
    channels.send("email", message, idempotency_key=idempotency_key)


def record_sent(challenge_id: str) -> None:
    """Store the time at which the provider accepted the message."""
    OtpChallenge.objects.filter(id=challenge_id).update(sent_at=Now())


def _is_disabled(challenge: OtpChallenge) -> bool:
    by_phone = challenge.channel == OtpChallenge.Channel.SMS
    return by_phone and User.objects.filter(phone=challenge.recipient, is_active=False).exists()


def _minutes_left(challenge: OtpChallenge) -> str:
    return str(max(1, round((challenge.expires_at - database.now()).total_seconds() / 60)))
