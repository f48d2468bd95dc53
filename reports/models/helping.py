"""Table of the reports that neighbours were asked to mend."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import LineField
from reports.models.choices import OPEN_STATUSES
from reports.models.report import Report


class HelpState(models.TextChoices):
    """What has become of a request for help."""

    OPEN = "open", _("neighbours are asked")
    DONE = "done", _("mended by neighbours")
    WITHDRAWN = "withdrawn", _("withdrawn")
    OVER = "over", _("over without help")
    NEEDLESS = "needless", _("not needed any more")


class HelpRequestQuerySet(models.QuerySet["HelpRequest"]):
    """Choosing requests for help."""

    def open(self) -> HelpRequestQuerySet:
        return self.filter(state=HelpState.OPEN)

    def needless(self) -> HelpRequestQuerySet:
        """Return the open ones on whose report nobody has to work any more."""
        return self.open().exclude(report__status__in=OPEN_STATUSES)


class HelpRequest(models.Model):
    """That neighbours are asked to mend the problem of a report, by an opportunity.

    Several reports of one place may share an opportunity. It belongs to another app, which is why
    there is only its id (`helping.board`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    report = models.ForeignKey(
        Report,
        on_delete=models.CASCADE,
        related_name="help_requests",
        help_text=_("The report whose problem they could mend."),
    )
    opportunity_id = models.UUIDField(
        db_index=True, help_text=_("The opportunity that is offered to citizens near by.")
    )
    title = LineField(max_length=300, help_text=_("What neighbours are asked to do."))
    state = models.CharField(
        max_length=10,
        choices=HelpState.choices,
        default=HelpState.OPEN,
        help_text=_("What has become of it."),
    )
    asked_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("The member of staff who asked."),
    )
    asked_at = models.DateTimeField(db_default=Now(), help_text=_("When neighbours were asked."))
    ended_at = models.DateTimeField(null=True, help_text=_("When it ended, whatever came of it."))

    objects = HelpRequestQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-id"]
        constraints: ClassVar = [
            # Two members of staff who ask at once make one opportunity.
            models.UniqueConstraint(
                fields=["report"], condition=Q(state="open"), name="reports_helprequest_one_open"
            ),
        ]
        indexes: ClassVar = [
            # What the regular round looks at.
            models.Index(
                fields=["asked_at"], condition=Q(state="open"), name="reports_helprequest_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.get_state_display()}"
