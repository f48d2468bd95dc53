"""The table of what those who act on reports are still to be told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.models.choices import OPEN_STATUSES
from reports.models.departments import Department
from reports.models.report import Report


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Queries that choose notices."""

    def unsent(self) -> NoticeQuerySet:
        return self.filter(sent_at=None)

    def holding(self) -> NoticeQuerySet:
        """Return the notices that are still true: the report is open, and is with the recipient."""
        is_with = Q(user=F("report__assignee")) | Q(department=F("report__department"))
        return self.filter(is_with, report__status__in=OPEN_STATUSES)


class Notice(models.Model):
    """Says that a report was assigned to a person, or that a department received it.

    It waits for the next message to that person or office, which names all of its notices, and is
    kept until another message may follow.
    """

    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    department = models.ForeignKey(
        Department, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(
        null=True, help_text=_("When a message named it, or it was moot.")
    )

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user=None) ^ Q(department=None), name="reports_notice_one_recipient"
            ),
            # A report that comes back before the message was sent is named once.
            models.UniqueConstraint(
                fields=["user", "report"],
                condition=Q(sent_at=None, user__isnull=False),
                name="reports_notice_user_unsent",
            ),
            models.UniqueConstraint(
                fields=["department", "report"],
                condition=Q(sent_at=None, department__isnull=False),
                name="reports_notice_office_unsent",
            ),
        ]
        indexes: ClassVar = [
            # The notices of one recipient; also serves the deletion of a user or department.
            models.Index("user", "sent_at", name="notice_of_user"),
            models.Index("department", "sent_at", name="notice_of_department"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} for {self.user_id or self.department_id}"
