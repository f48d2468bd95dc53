"""Whom messages reach that go to no user: anonymous reporters, departments, further addresses."""

from __future__ import annotations

from collections.abc import Iterable

from reports.intake import contacts
from reports.intake.contacts import Recipient
from reports.models import Department, EscalationRule


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
        return _office([address for one in rules for address in one][int(number) : int(number) + 1])
    return contacts.recipient_of(reference)


def _office(emails: Iterable[str]) -> Recipient | None:
    email = next(iter(emails), "")
    if not email:
        return None
    return Recipient(
        email=email,
        phone="",
        locale="en",
        email_verified=True,
        wants_sms=False,
        wants_report_sms=False,
    )
