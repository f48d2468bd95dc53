"""Contact details of anonymous reporters, encrypted and apart from the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from django.conf import settings

from jobs import sealing
from reports.models import Report, ReportContact

PREFIX = "report:"


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Where a reporter without an account wants to be told; at least an address or a number."""

    name: str = ""
    email: str = ""
    phone: str = ""
    locale: str = "en"


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A contact as `notifications` addresses it, in the place of a user."""

    email: str
    phone: str
    locale: str
    email_verified: bool  # nobody has proved it: whoever names an address gets few messages
    wants_sms: bool
    wants_report_sms: bool
    is_active: bool = True


def keep(report: Report, contact: Contact) -> None:
    """Store the contact details of a report's sender, in the caller's transaction."""
    ReportContact.objects.create(report=report, sealed=sealing.seal(asdict(contact)))


def read(report_id: UUID) -> Contact | None:
    """Return the contact details of a report's sender, or None where there are none."""
    row = ReportContact.objects.filter(pk=report_id).first()
    return Contact(**sealing.unseal(bytes(row.sealed))) if row else None


def erase(report_id: UUID) -> bool:
    """Delete the contact details of a report's sender; return whether there were any."""
    return bool(ReportContact.objects.filter(pk=report_id).delete()[0])


def recipient_of(reference: str) -> Recipient | None:
    """Return whom a message to `report:<id>` reaches; None once the details are erased."""
    contact = read(UUID(reference.removeprefix(PREFIX)))
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
    )
