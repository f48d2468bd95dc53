"""Tables of routing: the rules that send reports to departments, and their revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from jobs.model_fields import LineField
from reports.models.catalogue import Category, CategoryGroup, Severity
from reports.models.departments import (
    SLA_HOURS_MAXIMUM,
    Department,
    validate_holidays,
    validate_opening_hours,
)
from reports.models.geography import Area
from reports.models.workflow import Crew


class OnHolidays(models.TextChoices):
    """What a rule makes of public holidays."""

    ORDINARY = "", _("they are days like any other")
    NEVER = "never", _("it never applies on them")
    ALL_DAY = "all_day", _("it applies on them all day too")
    ONLY = "only", _("it applies on them alone")


class RoutingRule(models.Model):
    """Conditions on a report, and where the reports go that meet all of them.

    The rules are tried by position; the first whose conditions hold applies. A category, group,
    area, department or crew that a rule names cannot be deleted.
    """

    name = LineField(max_length=80, unique=True, help_text=_("Such as “Street lights north”."))
    position = models.PositiveIntegerField(
        blank=True, help_text=_("Rules are tried from the lowest number up. Empty: as the last.")
    )
    is_active = models.BooleanField(
        "active", default=True, help_text=_("Off: a draft, which can be tried and does not apply.")
    )
    active_from = models.DateField(null=True, blank=True, help_text=_("Of the report's arrival."))
    active_until = models.DateField(null=True, blank=True, help_text=_("The last day."))

    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routing_rules",
        help_text=_("Reports of this category alone."),
    )
    group = models.ForeignKey(
        CategoryGroup,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routing_rules",
        help_text=_("All categories of the group."),
    )
    area = models.ForeignKey(
        Area,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routing_rules",
        help_text=_("Reports inside this area alone."),
    )
    min_severity = models.CharField(
        "severity",
        max_length=10,
        choices=Severity.choices,
        blank=True,
        help_text=_("This severity and those above it."),
    )
    times = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_opening_hours],
        help_text=_(
            'When the report arrived: {"mon-fri": "17:00-24:00", "sat-sun": "00:00-24:00"}.'
        ),
    )
    holidays = models.CharField(
        max_length=8,
        blank=True,
        validators=[validate_holidays],
        help_text=_("A country or a part of one, such as US or US-CT."),
    )
    on_holidays = models.CharField(
        max_length=8,
        choices=OnHolidays.choices,
        blank=True,
        default=OnHolidays.ORDINARY,
        help_text=_("What becomes of the rule on the holidays named above."),
    )
    takes_uncertain = models.BooleanField(
        "also uncertain reports",
        default=False,
        help_text=_("Also reports whose category nobody is sure of, which go to triage otherwise."),
    )

    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routing_rules",
        help_text=_("Empty: the department of the report's category."),
    )
    crew = models.ForeignKey(
        Crew,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routing_rules",
        help_text=_("To which the reports are assigned; of the department or of one above it."),
    )
    deadline_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(SLA_HOURS_MAXIMUM)],
        help_text=_("Whatever the severity. Empty: the deadline of the report's category."),
    )
    deadline_in_working_hours = models.BooleanField(
        "in working hours", default=False, help_text=_("Of the department that gets the report.")
    )

    class Meta:
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return f"rule {self.position} “{self.name}”"

    def save(self, *args: Any, **options: Any) -> None:
        """Save the rule; one without a position becomes the last."""
        if not self.position:
            last = RoutingRule.objects.aggregate(last=Max("position"))["last"]
            self.position = (last or 0) + 1
        super().save(*args, **options)

    def clean(self) -> None:
        self.times = self.times or {}
        faults = [*self._faults_of_kind(), *self._faults_of_time(), *self._faults_of_outcome()]
        if faults:
            raise ValidationError(dict(faults))

    def _faults_of_kind(self) -> Iterator[tuple[str, str]]:
        """Yield the fields about which reports the rule is for that contradict others, and why."""
        if self.category_id and self.group_id:
            yield "group", "Choose a category or a group, not both."
        if self.takes_uncertain and (self.category_id or self.group_id):
            message = "A rule for a category cannot take reports whose category is uncertain."
            yield "takes_uncertain", message

    def _faults_of_time(self) -> Iterator[tuple[str, str]]:
        """Yield the fields about days and hours that contradict others, and why."""
        if self.active_from and self.active_until and self.active_until < self.active_from:
            yield "active_until", "It ends before it begins."
        if self.on_holidays and not self.holidays:
            yield "holidays", "Say whose holidays, such as US or US-CT."
        if self.on_holidays == OnHolidays.ONLY and self.times:
            yield "on_holidays", "Times would never apply beside this."
        if self.on_holidays == OnHolidays.ALL_DAY and not self.times:
            yield "on_holidays", "Without times it applies on every day anyway."

    def _faults_of_outcome(self) -> Iterator[tuple[str, str]]:
        """Yield the fields about where the reports go that contradict others, and why."""
        if self.department_id is None and self.deadline_hours is None:
            yield "department", "Say where the reports go, or give a deadline."
        if self.crew is not None and not self._has_crew(self.crew):
            yield "crew", "Choose an active crew of the department, or of one above it."
        if self.deadline_in_working_hours and self.deadline_hours is None:
            yield "deadline_in_working_hours", "Say how many hours."

    def _has_crew(self, crew: Crew) -> bool:
        """Return whether this is a crew to which reports of the rule's department can go."""
        line = self.department.line() if self.department else []
        return crew.is_active and crew.department in line


class RoutingRevision(models.Model):
    """The revision of the rules and of all they name; one row.

    Triggers of PostgreSQL give it a new value with each change, so that a worker sees whether the
    rules it has read are still the present ones.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.UUIDField()

    def __str__(self) -> str:
        return str(self.value)
