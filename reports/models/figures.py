"""Tables of the city's figures, which a task computes again and again from the reports."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from reports.models.catalogue import Category
from reports.models.collection import Source
from reports.models.departments import Department
from reports.models.geography import Area


class CellArea(models.Model):
    """The area in which the centre of a cell of `reports.models.place` lies.

    `figures.cells` fills this table; it can be computed again at any time.
    """

    cell = models.BigIntegerField(primary_key=True)
    area = models.ForeignKey(Area, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = []

    def __str__(self) -> str:
        return f"{self.cell:x}"


class DayFigures(models.Model):
    """What happened to the reports of one kind on one day, in the city's time zone."""

    day = models.DateField(help_text=_("The day, in TIME_ZONE."))
    area = models.ForeignKey(
        Area, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    category = models.ForeignKey(
        Category, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    department = models.ForeignKey(
        Department, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    source = models.CharField(max_length=80, blank=True, help_text=_("As `Report.source`."))
    received = models.PositiveIntegerField(help_text=_("Reports created on that day."))
    ended = models.PositiveIntegerField(
        help_text=_("Reports on which work ended that day and that have not been reopened since.")
    )
    repaired = models.PositiveIntegerField(
        help_text=_("Of `ended`, those that were repaired: neither rejected nor duplicates.")
    )
    confirmed = models.PositiveIntegerField(
        help_text=_("Of `repaired`, those whose repair somebody or something confirmed.")
    )

    class Meta:
        constraints: ClassVar = [
            # Also finds the days of a period.
            models.UniqueConstraint(
                fields=["day", "area", "category", "department", "source"],
                nulls_distinct=False,
                name="reports_dayfigures_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.received}"


class PostDayFigures(models.Model):
    """What was written at one source on one day, about one topic and part of the city."""

    day = models.DateField(help_text=_("The day, in TIME_ZONE."))
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+", db_index=False)
    topic = models.CharField(max_length=40, blank=True, help_text=_("As `Post.topic`."))
    area = models.ForeignKey(
        Area, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    posts = models.PositiveIntegerField(help_text=_("Posts that were not deleted since."))
    scored = models.PositiveIntegerField(help_text=_("Of these, the ones whose tone is known."))
    tone = models.BigIntegerField(help_text=_("The sum of their sentiment scores, in thousandths."))

    class Meta:
        constraints: ClassVar = [
            # Also finds the days of a period.
            models.UniqueConstraint(
                fields=["day", "area", "source", "topic"],
                nulls_distinct=False,
                name="reports_postdayfigures_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.posts}"


class CityFigures(models.Model):
    """The content of the city's dashboard, as it is answered; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    content = models.JSONField(help_text=_("As `figures.serializers.DashboardSerializer` has it."))
    areas_digest = models.CharField(
        max_length=32, help_text=_("MD5 of the areas by which the cells were last assigned.")
    )
    posts_since = models.DateField(
        null=True,
        help_text=_(
            "The first day whose posts are counted; those of days before were deleted, and "
            "their figures stay."
        ),
    )
    computed_at = models.DateTimeField(db_default=Now())
    seconds = models.FloatField(default=0, help_text=_("How long the computation took."))

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="reports_cityfigures_one_row")
        ]

    def __str__(self) -> str:
        return f"computed at {self.computed_at:%Y-%m-%d %H:%M:%S}"
