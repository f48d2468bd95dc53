"""Whom messages reach that go to no user: anonymous reporters, departments, further addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from reports.following import contacts, unsubscribing
from reports.models import Department, EscalationRule


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A contact as `notifications` addresses it, in the place of a user."""

    email: str
    phone: str = ""
    locale: str = "en"
    email_verified: bool = True
    wants_sms: bool = False
    wants_report_sms: bool = False
    is_active: bool = True
    unsubscribe_path: str = ""


def recipient_of(reference: str) -> Recipient | None:
    """Return whom a reference names now: `report:<id>`, `department:<id>` or an address of a rule.

    An address of a rule of escalation is `escalation:<rule's id>:<its number>`. The result is None
    where there is nobody any more. The setting NOTIFICATION_CONTACTS names this function.
    """
    kind, _, identifier = reference.partition(":")
    if kind == "department":
        return _office(Department.objects.filter(pk=identifier).values_list("email", flat=True))
    if kind == "escalation":
        rule_id, _, number = identifier.partition(":")
        rules = EscalationRule.objects.filter(pk=rule_id).values_list("addresses", flat=True)
        return _office(
            [address for rule in rules for address in rule][int(number) : int(number) + 1]
        )
    return _reporter(UUID(identifier))


def _office(emails: Iterable[str]) -> Recipient | None:
    email = next(iter(emails), "")
    return Recipient(email=email) if email else None


def _reporter(report_id: UUID) -> Recipient | None:
    """Return the sender of an anonymous report, whose address nobody has proved."""
    contact = contacts.read(report_id)
    if contact is None:
        return None
    wants_sms = bool(contact.phone) and settings.CONTACT_SMS_ENABLED
    return Recipient(
        email=contact.email,
        phone=contact.phone,
        locale=contact.locale,
        email_verified=bool(contact.email),
        wants_sms=wants_sms,
        wants_report_sms=wants_sms,
        unsubscribe_path=unsubscribing.path_for_contact(report_id),
    )
