"""Contact details of anonymous reporters, encrypted and apart from the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs import sealing
from reports.models import Report, ReportContact


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Where a reporter without an account wants to be told; at least an address or a number."""

    name: str = ""
    email: str = ""
    phone: str = ""
    locale: str = "en"


def keep(report: Report, contact: Contact) -> None:
    """Store the contact details of a report's sender, in the caller's transaction."""
    ReportContact.objects.create(report=report, sealed=sealing.seal(asdict(contact)))


def read(report_id: UUID) -> Contact | None:
    """Return the contact details of a report's sender, or None where there are none."""
    row = ReportContact.objects.filter(pk=report_id).first()
    return Contact(**sealing.unseal(bytes(row.sealed))) if row else None


@transaction.atomic
def erase(report_id: UUID, *, by: User | None, role: str) -> bool:
    """Delete the contact details of a report's sender; return whether there were any.

    They serve messages alone, so no more of them are sent. `role` says in the audit log who asked
    for it: the reporter, by link or token, or staff.
    """
    if not ReportContact.objects.filter(pk=report_id).delete()[0]:
        return False
    actor = str(by.pk) if by else None
    record_audit_event.send("report.contact_erased", actor, f"report:{report_id}", {"role": role})
    return True
