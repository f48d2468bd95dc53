"""What reporters corrected in their own reports."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.models.report import Report


class Correction(models.Model):
    """One correction: the values before and after it, which staff of the department read."""

    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="corrections", db_index=False
    )
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    before = models.JSONField(help_text=_("The fields that changed, as they were."))
    after = models.JSONField(help_text=_("The same fields, as they are now."))
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [
            # The corrections of one report, in order.
            models.Index(fields=["report", "at", "id"], name="correction_of_report"),
        ]

    def __str__(self) -> str:
        return f"correction of {self.report_id}"
