"""Messages to those who act: one to each person or office, about all that came to them lately.

They go out in rounds. A task for each recipient, which later reports join under a unique key, would
make the routing of all reports to one department wait for one another at that task's row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import NamedTuple, cast
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from jobs.ledger import database
from notifications.actors import notify_contact, notify_user
from reports.models import Department, Notice, NoticeQuerySet, Report

LINES_MAXIMUM = 30
_OF_REPORT = ("report__category", "report__department")


class Recipient(NamedTuple):
    """A person, or the office of a department; one of the two ids is there."""

    user_id: UUID | None
    department_id: int | None

    def notices(self) -> NoticeQuerySet:
        return Notice.objects.filter(user=self.user_id, department=self.department_id)


def send_all(in_transaction: Callable[[], AbstractContextManager[object]]) -> int:
    """Send everybody the message about their notices; return how many messages there were.

    Each recipient is a transaction of its own, which `in_transaction` begins and ends. A step that
    can still be undone without anybody's notice is left for a later round, and nobody gets a second
    message within STAFF_MESSAGE_PAUSE_MINUTES.
    """
    count = 0
    for recipient in list(_waiting()):
        with in_transaction():
            count += _send(recipient)
    return count


def _waiting() -> Iterator[Recipient]:
    rows = Notice.objects.order_by().values_list("user", "department").distinct()
    return (Recipient(*row) for row in rows)


def _send(recipient: Recipient) -> bool:
    """Send one recipient's message, if there is something to say and the time for it has come."""
    database.lock(f"staff message {recipient}")  # two rounds at once would send two
    now = database.now()
    pause = timedelta(minutes=settings.STAFF_MESSAGE_PAUSE_MINUTES)
    recipient.notices().filter(sent_at__lte=now - pause).delete()
    if recipient.notices().exclude(sent_at=None).exists():
        return False
    grace = timedelta(seconds=settings.STEP_MESSAGE_GRACE_SECONDS)
    due = recipient.notices().unsent().filter(at__lte=now - grace)
    ids = list(due.values_list("pk", flat=True))
    notices = Notice.objects.filter(pk__in=ids)
    notices.exclude(pk__in=notices.holding().values("pk")).delete()
    is_sent = _write(recipient, notices)
    notices.update(sent_at=now)
    return is_sent


def _write(recipient: Recipient, notices: NoticeQuerySet) -> bool:
    """Send the message that names these notices; return whether there are any."""
    rows = notices.select_related(*_OF_REPORT).order_by("-at", "-pk")
    reports = [notice.report for notice in rows[:LINES_MAXIMUM]]
    if not reports:
        return False
    count = notices.count()
    more = [f"… and {count - len(reports)} more"] if count > len(reports) else []
    context = {
        "count": str(count),
        "title": reports[0].title,
        "items": "\n\n".join([*map(_line, reports), *more]),
    }
    return _hand_on(recipient, reports, context, event_key=f"staff:{rows[0].pk}")


def _hand_on(
    recipient: Recipient, reports: list[Report], context: dict[str, str], *, event_key: str
) -> bool:
    """Prepare the message for a person or an office; return whether there is an office."""
    if recipient.user_id is not None:
        path = _page(reports) or _list({"assigned": "mine"})
        facts = {**context, "path": path}
        notify_user(str(recipient.user_id), "reports_assigned", facts, event_key)
        return True
    department = Department.objects.get(pk=cast("int", recipient.department_id))
    office = department.office()
    if office is not None:
        path = _page(reports) or _list({"department__id__exact": str(department.pk)})
        facts = {**context, "department": department.name, "path": path}
        notify_contact(f"department:{office.pk}", "reports_received", facts, event_key)
    return office is not None


def _line(report: Report) -> str:
    """Return what a message says of one report, with its address at the desk."""
    facts = [str(report.category or "no category"), report.get_severity_display()]
    if report.due_at is not None:
        facts.append(f"due {date_format(timezone.localtime(report.due_at), 'DATETIME_FORMAT')}")
    place = report.address or f"{report.latitude:.5f}, {report.longitude:.5f}"
    page = settings.PUBLIC_URL + reverse("admin:reports_report_change", args=[report.pk])
    return f"{report.title}\n{place}\n{', '.join(facts)}\n{page}"


def _page(reports: list[Report]) -> str:
    """Return the path of the only report, or "" of several."""
    if len(reports) > 1:
        return ""
    return reverse("admin:reports_report_change", args=[reports[0].pk])


def _list(filters: dict[str, str]) -> str:
    return f"{reverse('admin:reports_report_changelist')}?{urlencode(filters)}"
