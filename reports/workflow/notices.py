"""Note what those who act on a report are to be told: that it is assigned to them, or came to them.

The message follows in the next round, see `workflow.staff_messages`.
"""

from __future__ import annotations

from accounts.models import User
from reports.models import OPEN_STATUSES, Notice, Report


def note_assignment(report: Report, *, by: User | None) -> None:
    """Note that a report was assigned to a person, unless they assigned it to themselves."""
    if report.assignee_id is not None and (by is None or report.assignee_id != by.pk):
        _note(Notice(user_id=report.assignee_id, report=report))


def note_arrival(report: Report) -> None:
    """Note that a department received a report, if it wants an email about each.

    Nothing is said about reports that are done, or that came by an import of old ones.
    """
    department = report.department
    if department is None or not department.is_emailed:
        return
    if report.is_live and report.status in OPEN_STATUSES:
        _note(Notice(department=department, report=report))


def _note(notice: Notice) -> None:
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
