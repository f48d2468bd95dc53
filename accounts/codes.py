"""One-time codes: derived when needed, sent by an actor, stored nowhere."""

from __future__ import annotations

import hmac
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.models import OtpChallenge, User
from notifications import channels, rendering

CODE_DIGITS = 6
#: The text that goes with a code, by what it is for.
TEMPLATES = {str(OtpChallenge.Purpose.NEW_PHONE): "new_phone_code"}


def derive_code(challenge_id: UUID, recipient: str) -> str:
    """The six digits of a challenge: HMAC-SHA256 of its id and address under `OTP_KEY`, which no
    table holds.
    """
    digest = hmac.digest(
        settings.OTP_KEY.encode(), f"{challenge_id}|{recipient}".encode(), "sha256"
    )
    return f"{int.from_bytes(digest[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def is_right(code: str, challenge_id: UUID, recipient: str) -> bool:
    """Whether `code` is the challenge's, compared in constant time."""
    return hmac.compare_digest(code.encode(), derive_code(challenge_id, recipient).encode())


def send_code(challenge_id: str, *, idempotency_key: str) -> bool:
    """Send the code of an open challenge to its address; False when it is over or its user is
    disabled.

    Raises notifications.errors.ChannelError.
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
    """Tell the holder of an account's old number that it was replaced by the masked new one.

    Raises notifications.errors.ChannelError.
    """
    message = rendering.render("phone_changed", "sms", {"phone": new_phone}, to=old_phone)
    channels.send("sms", message, idempotency_key=idempotency_key)


def record_sent(challenge_id: str) -> None:
    """Note that the provider took the message."""
    OtpChallenge.objects.filter(id=challenge_id).update(sent_at=timezone.now())


def _is_disabled(challenge: OtpChallenge) -> bool:
    by_phone = challenge.channel == OtpChallenge.Channel.SMS
    return by_phone and User.objects.filter(phone=challenge.recipient, is_active=False).exists()


def _minutes_left(challenge: OtpChallenge) -> str:
    return str(max(1, round((challenge.expires_at - timezone.now()).total_seconds() / 60)))
