"""Email through Django's backend, as EMAIL_URL configures it."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

from notifications.channels import Message, connections
from notifications.errors import ChannelError

#: Errors about this recipient or this text: the server may still take the next message.
_ABOUT_ONE_MESSAGE = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)


def send(message: Message, *, idempotency_key: str) -> str:
    """Hand the message to the mail server; return its Message-ID.

    The Message-ID is made from the key, so that a mail server recognises a repetition.

    Raises:
        ChannelError: the mail server did not take the message.
    """
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    message_id = f"<{idempotency_key}@{domain}>"
    headers = {"Message-ID": message_id, **_one_tap(message)}
    email = EmailMessage(message.subject, message.body, to=[message.to], headers=headers)
    try:
        connections.send(email)
    except (OSError, smtplib.SMTPException) as error:
        permanent = _is_permanent(error)
        raise ChannelError(
            type(error).__name__,
            permanent=permanent,
            is_outage=not permanent and not isinstance(error, _ABOUT_ONE_MESSAGE),
        ) from error
    return message_id


def _one_tap(message: Message) -> dict[str, str]:
    """Return the headers by which a mail program offers to unsubscribe (RFC 2369, RFC 8058)."""
    if not message.unsubscribe:
        return {}
    return {
        "List-Unsubscribe": f"<{message.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _is_permanent(error: Exception) -> bool:
    """Return whether the server refused this message for good (a 5xx reply, RFC 5321 §4.2.1).

    A refused login is not permanent: it is a fault of the configuration, not of the message.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    refused = isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
    return refused and not isinstance(error, smtplib.SMTPAuthenticationError)
