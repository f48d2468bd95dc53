"""One-time codes: derived when needed, sent by an actor, stored nowhere."""

from __future__ import annotations

import hmac
import unicodedata
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.models import OtpChallenge, User
from notifications import channels, rendering

CODE_DIGITS = 6
#: Spaces, dashes and invisible marks, which a person or an app's clipboard puts between digits.
_SEPARATORS = {"Zs", "Cc", "Cf", "Pd"}


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


def digits_typed(text: str) -> str:
    """Return a code as it was meant: without spaces and dashes, any script's digits as 0 to 9."""
    kept = (char for char in text if unicodedata.category(char) not in _SEPARATORS)
    return "".join(str(unicodedata.decimal(char, char)) for char in kept)


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
    message = rendering.render("one_time_code", challenge.channel, context, to=challenge.recipient)
    channels.send(challenge.channel, message, idempotency_key=idempotency_key)
    return True


def record_sent(challenge_id: str) -> None:
    """Note that the provider took the message."""
    OtpChallenge.objects.filter(id=challenge_id).update(sent_at=timezone.now())


def _is_disabled(challenge: OtpChallenge) -> bool:
    by_phone = challenge.channel == OtpChallenge.Channel.SMS
    return by_phone and User.objects.filter(phone=challenge.recipient, is_active=False).exists()


def _minutes_left(challenge: OtpChallenge) -> str:
    return str(max(1, round((challenge.expires_at - timezone.now()).total_seconds() / 60)))
