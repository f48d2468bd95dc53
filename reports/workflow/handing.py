"""What a department still learns about the reports that it has handed over."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from reports.models import Department, StatusChange


def departments_of(user: User | AnonymousUser) -> set[int]:
    """Return the ids of the departments in which this person works; empty for citizens."""
    if not (isinstance(user, User) and user.is_active and user.is_staff):
        return set()
    return set(Department.objects.worked_in_by(user).values_list("pk", flat=True))


def handed_over(report_id: UUID, user: User | AnonymousUser) -> StatusChange | None:
    """Return the line by which this person's department last gave the report away, or None."""
    own = departments_of(user)
    if not own:
        return None
    lines = StatusChange.objects.filter(report_id=report_id, from_department__in=own)
    related = lines.select_related("report__department", "by", "from_department")
    return related.order_by("-id").first()


def sentence(line: StatusChange) -> str:
    """Return where the report is now, and who handed it over when and why."""
    return f"This report is with {line.report.department or 'no department'}. {story(line)}"


def story(line: StatusChange) -> str:
    """Return who handed the report over, when and why; or that routing sent it on."""
    at = date_format(timezone.localtime(line.at), "DATETIME_FORMAT")
    if not line.step and line.by is None:
        return f"It came from {line.from_department} on {at}. {line.note}".strip()
    who = f"{line.by or 'Somebody'} of {line.from_department}"
    return f"{who} handed it over on {at}. {line.note}".strip()
