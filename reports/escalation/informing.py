"""Send the messages of an escalation, and note in the report who gets one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from notifications.actors import notify_contact, notify_user
from reports.models import Department, Escalation, EscalationRule, Report
from reports.workflow import history

TEMPLATE = "report_escalated"


class Recipient(NamedTuple):
    """Somebody who is informed: in words for staff, and a user's id or a reference to a contact."""

    words: str
    user_id: str = ""
    contact: str = ""  # as `reports.contacts` reads it


def inform(escalation: Escalation, rule: EscalationRule) -> None:
    """Send the messages about a stage that a report has reached, and write its history.

    Runs in the transaction that recorded the stage.
    """
    report = escalation.report
    recipients = list(dict.fromkeys(_recipients(report, rule)))
    context = _context(report, escalation)
    for number, recipient in enumerate(recipients):
        key = f"escalation:{escalation.pk}:{number}"
        if recipient.user_id:
            notify_user.send(recipient.user_id, TEMPLATE, context, key)
        else:
            notify_contact.send(recipient.contact, TEMPLATE, context, key)
    escalation.recipients = [recipient.words for recipient in recipients]
    escalation.save(update_fields=["recipients"])
    whom = ", ".join(escalation.recipients) or "nobody: the rule leads to no address"
    history.write(
        report,
        from_status=report.status,
        version=report.version,
        note=f"{escalation.stage}. Informed: {whom}.",
        is_internal=True,
    )


def _recipients(report: Report, rule: EscalationRule) -> Iterator[Recipient]:
    department = report.department
    if rule.to_department and department is not None:
        office = department.office()
        if office is not None:
            yield Recipient(f"{office}", contact=f"department:{office.pk}")
    people: dict[str, User] = {}
    if rule.to_assignee:
        people |= {str(user.pk): user for user in _assignees(report)}
    if rule.to_managers and department is not None:
        people |= {str(user.pk): user for user in _managers(department)}
    yield from (Recipient(str(user), user_id=key) for key, user in people.items())
    for number, address in enumerate(rule.addresses):
        if address not in rule.addresses[:number]:
            yield Recipient(address, contact=f"escalation:{rule.pk}:{number}")


def _assignees(report: Report) -> list[User]:
    if report.assignee is not None:
        return [report.assignee] if report.assignee.is_active else []
    return list(report.crew.members.filter(is_active=True)) if report.crew else []


def _managers(department: Department) -> list[User]:
    managed = Q(
        department_memberships__department__in=department.line(),
        department_memberships__is_manager=True,
    )
    return list(User.objects.filter(managed, is_active=True, is_staff=True).distinct())


def _context(report: Report, escalation: Escalation) -> dict[str, str]:
    due_at = timezone.localtime(escalation.due_at)
    return {
        "report_id": str(report.pk),
        "path": reverse("admin:reports_report_change", args=[report.pk]),
        "title": report.title,
        "stage": escalation.stage,
        "due_at": date_format(due_at, "DATETIME_FORMAT"),
        "status": report.get_status_display(),
        "severity": report.get_severity_display(),
        "category": str(report.category or "no category"),
        "department": str(report.department or "no department"),
        "place": report.address or f"{report.latitude}, {report.longitude}",
    }
