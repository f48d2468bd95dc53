"""Deliveries: prepare a message to a user, send it, and record how that ended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Protocol, cast
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from jobs.http import limits
from jobs.http.limits import Rule
from jobs.ledger import rows, together
from jobs.ledger.database import fetch
from jobs.ledger.together import Part
from notifications import channels, receipts, rendering
from notifications.channels import Message
from notifications.errors import ChannelError
from notifications.models import Delivery

log = structlog.get_logger(__name__)

Channel, Status = Delivery.Channel, Delivery.Status
DAY = timedelta(days=1)
#: Messages about a citizen's own reports: sent by SMS unless the citizen opts out.
REPORT_TEMPLATES = {
    "report_received",
    "report_status_changed",
    "report_reply",
    "moderation_decided",
}


class Recipient(Protocol):
    """The attributes that deliveries need of AUTH_USER_MODEL."""

    phone: str
    email: str
    email_verified: bool
    wants_sms: bool
    wants_report_sms: bool
    locale: str
    is_active: bool


class Contact(Recipient, Protocol):
    """Somebody without an account, as the function of NOTIFICATION_CONTACTS returns them.

    `unsubscribe_path` leads to the page that ends messages to them; it is empty for an office.
    """

    unsubscribe_path: str


def prepare(
    user_id: UUID | str, template: str, context: Mapping[str, str], *, event_key: str
) -> list[Delivery]:
    """Store a delivery of the event's message to the user, in the caller's transaction.

    Returns the new delivery in a list. The list is empty if the event was told before, if the user
    is disabled or unknown, or if the user has neither a verified email address nor asked for SMS.
    `event_key` names the event and, if several users hear of it, the user.
    """
    user = get_user_model().objects.filter(pk=user_id).first()
    return prepare_for_user(user, template, context, event_key=event_key)


def prepare_for_user(
    user: Any,
    template: str,
    context: Mapping[str, str],
    *,
    event_key: str,
    is_new_event: bool = False,
) -> list[Delivery]:
    """Do as `prepare` for a user who has been read; None is an unknown one.

    With `is_new_event` nobody can have heard of the event, such as one of a row that this
    transaction stores. The delivery then goes with the other parts of a `together` block.
    """
    return _prepare(
        user, template, context, event_key=event_key, is_new_event=is_new_event, user=user
    )


def prepare_for_contact(
    contact: str, template: str, context: Mapping[str, str], *, event_key: str
) -> list[Delivery]:
    """Store a delivery to somebody without an account, as `prepare` does for a user.

    `contact` is a reference that NOTIFICATION_CONTACTS reads, such as `report:<id>`; the address
    itself is looked up when the message is sent.
    """
    recipient = _contact(contact)
    return _prepare(recipient, template, context, event_key=event_key, contact=contact)


def _prepare(
    recipient: Recipient | None,
    template: str,
    context: Mapping[str, str],
    *,
    event_key: str,
    is_new_event: bool = False,
    **whom: Any,
) -> list[Delivery]:
    reachable = channels_of(recipient, template) if recipient else []
    if not reachable:
        return []
    delivery = Delivery(
        channel=reachable[0],
        template=template,
        context=dict(context),
        event_key=event_key,
        **whom,
    )
    if is_new_event:
        rows.insert_together(delivery)
        return [delivery]
    return [delivery] if rows.insert(delivery, ignores_conflicts=True) else []


def _contact(reference: str) -> Contact | None:
    """Return the person whom a reference names.

    None if they were erased, or if no function of NOTIFICATION_CONTACTS knows references.
    """
    if not (reference and settings.NOTIFICATION_CONTACTS):
        return None
    return cast("Contact | None", import_string(settings.NOTIFICATION_CONTACTS)(reference))


def deliver(delivery_id: str, *, idempotency_key: str) -> dict[str, object]:
    """Send one delivery by its channel; return the outcome for `record_outcome`.

    The user is read again, since an address may have changed or consent may have been withdrawn.

    Raises:
        ChannelError: another attempt may help.
    """
    delivery = _read(delivery_id)
    message = _message(delivery)
    if message is None:
        return {"status": Status.SKIPPED}
    if not _is_within_limits(delivery, message.to):
        log.warning("message_limit_reached", delivery_id=delivery_id)
        return {"status": Status.SKIPPED, "error": "The day's limit of messages is reached."}
    try:
        provider_id = channels.send(delivery.channel, message, idempotency_key=idempotency_key)
    except ChannelError as error:
        if not error.permanent:
            raise
        log.warning(
            "delivery_refused", delivery_id=delivery_id, channel=delivery.channel, error=str(error)
        )
        return {"status": Status.FAILED, "error": str(error)}
    return {"status": Status.SENT, "provider_id": provider_id, "channel": delivery.channel}


def _read(delivery_id: str) -> Delivery:
    """Return a delivery with its user.

    Raises:
        Delivery.DoesNotExist: it was deleted.
    """
    stored = fetch(_with_user(), (delivery_id,), is_prepared=True)
    if not stored:
        raise Delivery.DoesNotExist
    of_delivery = rows.width(Delivery)
    delivery = rows.loaded(Delivery, stored[0][:of_delivery])
    has_user = delivery.user_id is not None
    delivery.user = rows.loaded(get_user_model(), stored[0][of_delivery:]) if has_user else None
    return delivery


@lru_cache(maxsize=1)
def _with_user() -> str:
    users = get_user_model()
    return f"""
        SELECT {rows.columns(Delivery, "delivery")}, {rows.columns(users, "recipient")}
        FROM notifications_delivery AS delivery
        LEFT JOIN {users._meta.db_table} AS recipient ON recipient.id = delivery.user_id
        WHERE delivery.id = %s
    """  # noqa: S608, SLF001 - names of columns and tables


def record_outcome(delivery_id: str, outcome: dict[str, Any]) -> None:
    """Store the outcome that `deliver` returned, in the caller's transaction.

    A receipt of the provider that came before this moment is applied too. Nothing happens if the
    delivery was deleted meanwhile.
    """
    provider_id = str(outcome.get("provider_id", ""))
    has_receipts = provider_id and outcome.get("channel", Channel.SMS) == Channel.SMS
    if has_receipts:
        receipts.lock(provider_id)
    error = str(outcome.get("error", ""))[:500]
    together.send(Part(_FINISH, (outcome["status"], provider_id, error, delivery_id)))
    if has_receipts:
        receipts.apply_early(provider_id)


_FINISH = """
    UPDATE notifications_delivery
    SET status = %s, provider_id = %s, error = %s, finished_at = statement_timestamp()
    WHERE id = %s
"""


def _is_within_limits(delivery: Delivery, address: str) -> bool:
    """Count a message against the limits for a day; return False if one of them is reached.

    An SMS has one for each citizen and one for all together; a message to somebody without an
    account one for each address, if anybody could have given it. A message is counted once, however
    often sending it is attempted. Emails to users have no limit.
    """
    rules = _limits(delivery, address)
    if not rules or delivery.counted_at:
        return True
    if not limits.hit_in_turn(rules).allowed:
        return False
    Delivery.objects.filter(pk=delivery.pk).update(counted_at=Now())
    return True


def _limits(delivery: Delivery, address: str) -> list[Rule]:
    rules = []
    if delivery.contact.startswith(settings.NOTIFICATION_UNPROVED_CONTACTS):
        digest = hashlib.sha256(address.casefold().encode()).hexdigest()
        rules.append(Rule(f"contact:{digest}", settings.CONTACT_MESSAGES_PER_DAY, DAY))
    elif delivery.channel == Channel.SMS:
        rules.append(Rule(f"sms:user:{delivery.user_id}", settings.SMS_PER_CITIZEN_DAY, DAY))
    if delivery.channel == Channel.SMS:
        rules.append(Rule("sms:all", settings.SMS_PER_DAY, DAY))
    return rules


def _message(delivery: Delivery) -> Message | None:
    """Return the message to send; None if this channel no longer leads to the recipient."""
    contact = _contact(delivery.contact)
    recipient = cast("Recipient | None", delivery.user) or contact
    if recipient is None or delivery.channel not in channels_of(recipient, delivery.template):
        return None
    address = recipient.email if delivery.channel == Channel.EMAIL else recipient.phone
    return rendering.render(
        delivery.template,
        delivery.channel,
        delivery.context | ({"unsubscribe_path": contact.unsubscribe_path} if contact else {}),
        to=address,
        locale=recipient.locale,
    )


def channels_of(user: Recipient, template: str) -> list[str]:
    """Return the channels that reach the user for this template, best first.

    Email comes first if the address is verified, then SMS if the user asked for it.
    """
    wants_sms = user.wants_report_sms if template in REPORT_TEMPLATES else user.wants_sms
    is_allowed = {Channel.EMAIL: user.email_verified, Channel.SMS: wants_sms}
    return [channel for channel, allowed in is_allowed.items() if allowed and user.is_active]
