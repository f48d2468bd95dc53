"""The development mailbox: messages go to `DATA_DIR/messages.jsonl` instead of to people."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from notifications.channels import Message

LONGEST_TAIL_BYTES = 512 * 1024


def path() -> Path:
    """Return the path of the file of messages.

    Each line is a JSON object with channel, to, subject, body and sent_at.
    """
    return Path(settings.DATA_DIR) / "messages.jsonl"


def send_email(message: Message, *, idempotency_key: str) -> str:
    """Write an email to the development mailbox."""
    return _append("email", message, idempotency_key)


def send_sms(message: Message, *, idempotency_key: str) -> str:
    """Write an SMS to the development mailbox."""
    return _append("sms", message, idempotency_key)


def newest(count: int) -> list[dict[str, Any]]:
    """Return the last `count` messages, newest first.

    Only the last half megabyte of the file is read; older messages are left out.
    """
    if not path().exists():
        return []
    with path().open("rb") as file:
        skipped = max(0, file.seek(0, os.SEEK_END) - LONGEST_TAIL_BYTES)
        file.seek(skipped)
        lines = file.read().splitlines()
    whole = lines[1:] if skipped else lines
    return [json.loads(line) for line in reversed(whole[-count:])]


def _append(channel: str, message: Message, idempotency_key: str) -> str:
    """Append the message as one line; return its key.

    A single write keeps the lines of several processes apart.
    """
    entry = {
        "channel": channel,
        "to": message.to,
        "subject": message.subject,
        "body": message.body,
        "sent_at": datetime.now(UTC).isoformat(),
    }
    if message.unsubscribe:
        entry["unsubscribe"] = message.unsubscribe
    path().parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
    finally:
        os.close(descriptor)
    return idempotency_key
