"""Tables of escalation: its rules, and which report reached which stage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jobs.ledger import database
from jobs.model_fields import LineField
from reports.models.catalogue import Category
from reports.models.departments import SLA_HOURS_MAXIMUM, Department
from reports.models.report import Report

ADDRESSES_MAXIMUM = 10


class Deadline(models.TextChoices):
    """The two deadlines of a report."""

    RESPONSE = "response", _("first answer")
    REPAIR = "repair", _("repair")


class Side(models.TextChoices):
    """Whether a stage comes before or after the deadline."""

    BEFORE = "before", _("before")
    AFTER = "after", _("after")


class EscalationRule(models.Model):
    """A stage, some hours before or after a deadline, and who gets a message then.

    A rule is for stages that come once it is switched on. Reports that passed the stage before are
    left alone, so that a new rule does not send a message about every late report.
    """

    name = LineField(max_length=80, unique=True, help_text=_("Such as “Repair a day late”."))
    is_active = models.BooleanField(
        "active", default=True, help_text=_("Off: it is kept, but nobody is informed.")
    )
    hours = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(SLA_HOURS_MAXIMUM)],
        help_text=_("Hours from the deadline; 0: at the deadline."),
    )
    side = models.CharField(
        "before or after",
        max_length=6,
        choices=Side.choices,
        default=Side.AFTER,
        help_text=_("Whether the hours come before the deadline or after it."),
    )
    deadline = models.CharField(
        max_length=8,
        choices=Deadline.choices,
        default=Deadline.REPAIR,
        help_text=_("The deadline from which the hours count."),
    )
    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="escalation_rules",
        help_text=_("Empty: every category."),
    )
    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="escalation_rules",
        help_text=_("With the departments below it. Empty: every department."),
    )
    to_department = models.BooleanField(
        "the department", default=True, help_text=_("By the department's email address.")
    )
    to_assignee = models.BooleanField(
        "the assignee",
        default=False,
        help_text=_("The person, or the members of the crew, to whom the report is assigned."),
    )
    to_managers = models.BooleanField(
        "the managers",
        default=False,
        help_text=_("Managers of the department and of those above it."),
    )
    addresses = ArrayField(
        models.EmailField(),
        size=ADDRESSES_MAXIMUM,
        default=list,
        blank=True,
        help_text=_("Further email addresses."),
    )
    since = models.DateTimeField(
        db_default=Now(),
        editable=False,
        help_text=_("When it was switched on or its stage changed."),
    )

    class Meta:
        ordering: ClassVar = ["deadline", "-side", "hours", "name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """Save the rule; one with another stage, or switched on, is for stages from now on."""
        if self._is_other_stage():
            self.since = database.now()
            if (fields := options.get("update_fields")) is not None:
                options["update_fields"] = {*fields, "since"}
        super().save(*args, **options)

    def clean(self) -> None:
        if not (self.to_department or self.to_assignee or self.to_managers or self.addresses):
            raise ValidationError("Say who gets the message.")

    @property
    def offset(self) -> timedelta:
        """Return the time from the deadline to the stage, negative if the stage comes before."""
        hours = timedelta(hours=self.hours)
        return -hours if self.side == Side.BEFORE else hours

    def stage(self) -> str:
        """Return the stage in words, such as "24 hours after the deadline for the repair"."""
        of = f"the deadline for the {self.get_deadline_display()}"
        if not self.hours:
            return f"at {of}"
        return f"{self.hours} {'hour' if self.hours == 1 else 'hours'} {self.side} {of}"

    def _is_other_stage(self) -> bool:
        stored = EscalationRule.objects.filter(pk=self.pk).values_list(
            "is_active", "hours", "side", "deadline"
        )
        return any(
            (hours, side, deadline) != (self.hours, self.side, self.deadline)
            or (self.is_active and not is_active)
            for is_active, hours, side, deadline in stored
        )


class Escalation(models.Model):
    """A report that reached a stage: once for each rule and deadline, with who was informed."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="escalations")
    rule = models.ForeignKey(
        EscalationRule, null=True, on_delete=models.SET_NULL, related_name="escalations"
    )
    stage = LineField(max_length=200)
    due_at = models.DateTimeField(help_text=_("The deadline at that time."))
    recipients = ArrayField(LineField(max_length=300), default=list)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            # Also finds which stages a report has reached.
            models.UniqueConstraint(
                fields=["report", "rule", "due_at"], name="reports_escalation_once"
            ),
        ]

    def __str__(self) -> str:
        return self.stage
