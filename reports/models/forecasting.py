"""The table of expected arrivals, which a job computes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.models import JobResult
from reports.models.catalogue import Category
from reports.models.geography import Area


class ArrivalForecast(models.Model):
    """How many reports are expected on one day, by the newest forecast."""

    result = models.ForeignKey(
        JobResult,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("The run of the job that computed it."),
    )
    day = models.DateField(help_text=_("The day, in TIME_ZONE."))
    category = models.ForeignKey(
        Category,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text=_("Empty for all categories together."),
    )
    area = models.ForeignKey(
        Area,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text=_("Empty for all areas together."),
    )
    expected = models.FloatField(help_text=_("Reports expected on that day."))
    low = models.FloatField(help_text=_("Four days of five bring at least so many,"))
    high = models.FloatField(help_text=_("and at most so many."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "category", "area"],
                nulls_distinct=False,
                name="reports_arrivalforecast_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.low:.0f} to {self.high:.0f}"
