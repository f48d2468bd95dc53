"""Table of the patterns that the job type `reports.patterns` has found in the reports."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.models import JobResult
from reports.geography.boxes import BoundingBox
from reports.models.catalogue import Category
from reports.models.report import Report, ReportQuerySet

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


class PatternKind(models.TextChoices):
    """What is remarkable about the reports of a pattern."""

    CROWD = "crowd", _("crowd")
    RECURRENCE = "recurrence", _("coming back")
    TOPIC = "topic", _("rising topic")
    SEASON = "season", _("season")


class PatternFinding(models.Model):
    """A pattern that one run has found in public reports.

    Its days and its box choose the reports that it is about; see `concerned`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    result = models.ForeignKey(
        JobResult,
        on_delete=models.CASCADE,
        related_name="pattern_findings",
        db_index=False,
        help_text=_("The run that found it."),
    )
    number = models.PositiveIntegerField(
        help_text=_("From 1: by kind, and of each kind the most remarkable first.")
    )
    kind = models.CharField(
        max_length=12, choices=PatternKind.choices, help_text=_("What is remarkable about it.")
    )
    category = models.ForeignKey(
        Category,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text=_("The kind of problem; empty for all kinds, or reports without one."),
    )
    first_day = models.DateField(help_text=_("The first day of its reports, in TIME_ZONE."))
    last_day = models.DateField(help_text=_("The last one."))
    latitude = models.FloatField(
        null=True, help_text=_("Of its middle, in degrees; empty where it is of the whole city.")
    )
    longitude = models.FloatField(null=True, help_text=_("Of its middle, in degrees."))
    box = models.JSONField(
        null=True, help_text=_("[west, south, east, north] in degrees, where it has a place.")
    )
    reports = models.PositiveIntegerField(help_text=_("How many reports it has."))
    expected = models.FloatField(
        null=True, help_text=_("How many place and season, or earlier reports, let expect.")
    )
    strength = models.FloatField(
        help_text=_(
            "Crowd: reports by expected ones. Coming back: how often. Topic: the "
            "log-likelihood ratio G2. Season: Cramér's V, from 0 to 1."
        )
    )
    p_value = models.FloatField(
        null=True,
        help_text=_("How often chance alone brings so much; empty where it was not tested."),
    )
    facts = models.JSONField(
        default=dict, help_text=_("More of its kind: words, shares of the seasons, pauses.")
    )

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(first_day__lte=models.F("last_day")),
                name="reports_patternfinding_days",
            ),
            # Also finds the findings of a run.
            models.UniqueConstraint(
                fields=["result", "number"], name="reports_patternfinding_number"
            ),
        ]

    def __str__(self) -> str:
        return _SENTENCES[PatternKind(self.kind)](self)

    @property
    def is_at_a_place(self) -> bool:
        """Return whether it has a place, so that neighbours could mend something there."""
        return self.box is not None

    def concerned(self) -> ReportQuerySet:
        """Return the public reports that it is about, as they are now."""
        begin, end = _midnight(self.first_day), _midnight(self.last_day + timedelta(days=1))
        reports = Report.objects.published().filter(created_at__gte=begin, created_at__lt=end)
        if self.kind == PatternKind.TOPIC:
            return reports.filter(_has_any(self.facts["words"]))
        if self.box is not None:
            reports = reports.in_box(BoundingBox(*self.box))
        return reports.filter(category=self.category)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _has_any(words: list[str]) -> Q:
    condition = Q(pk=None)
    for word in words:
        condition |= Q(title__icontains=word) | Q(description__icontains=word)
    return condition


def _period(finding: PatternFinding) -> str:
    if finding.first_day == finding.last_day:
        return f"on {finding.first_day}"
    return f"from {finding.first_day} to {finding.last_day}"


def _crowd(finding: PatternFinding) -> str:
    return (
        f"{finding.reports} reports of {finding.category or 'no category'} {_period(finding)}"
        f" within {finding.facts['meters']:,} m; {finding.expected:.1f} were to be expected"
    )


def _recurrence(finding: PatternFinding) -> str:
    return (
        f"{finding.category or 'No category'} came back {finding.strength:.0f} times after a"
        f" repair, after {finding.facts['median_pause_days']:.0f} days in the median"
    )


def _topic(finding: PatternFinding) -> str:
    words = ", ".join(finding.facts["words"])
    return f"{words}: {finding.reports} reports {_period(finding)}"


def _season(finding: PatternFinding) -> str:
    names: dict[str, Any] = {"weekday": WEEKDAYS, "month": MONTHS}
    cycle, peak = finding.facts["cycle"], finding.facts["peak"]
    label = f"{peak}:00" if cycle == "hour" else names[cycle][peak]
    return (
        f"{finding.category or 'No category'}: most by {cycle} at {label},"
        f" strength {finding.strength:.2f}"
    )


_SENTENCES = {
    PatternKind.CROWD: _crowd,
    PatternKind.RECURRENCE: _recurrence,
    PatternKind.TOPIC: _topic,
    PatternKind.SEASON: _season,
}
