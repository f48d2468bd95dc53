"""Tables of the dates by which reports are likely to be done."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from reports.models.report import Report


class Basis(models.TextChoices):
    """What the date shown with an open report rests on."""

    HISTORY = "history", _("the city's history of such reports")
    TARGET = "target", _("the deadline, since there is too little history")
    NONE = "none", _("nothing: there is neither enough history nor a deadline to come")


class DateModel(models.Model):
    """What was learned from the city's history at one time; its id is its version."""

    learned_at = models.DateTimeField(db_default=Now(), help_text=_("When it was learned."))
    seconds = models.FloatField(help_text=_("How long learning took."))
    cases = models.PositiveIntegerField(help_text=_("Reports it was learned from."))
    open_cases = models.PositiveIntegerField(
        help_text=_("Of these, the ones that were not done: open, rejected, or duplicates.")
    )
    reach = models.FloatField(
        help_text=_("How far ranges go from the median on either side, as a share of all reports.")
    )
    content = models.BinaryField(help_text=_("The model, as `dates.storing` packs it."))
    recomputed_at = models.DateTimeField(
        null=True, help_text=_("When the dates of all open reports were last computed with it.")
    )

    class Meta:
        constraints: ClassVar = []

    def __str__(self) -> str:
        return f"version {self.pk}, learned at {self.learned_at:%Y-%m-%d %H:%M}"


class DateForecast(models.Model):
    """When a report is likely to be done: as it stands now, and as it was first forecast.

    The times are null where the history is too short for such reports. Once the report is done,
    the row stays as it was, so that forecasts can be compared with what happened.
    """

    report = models.OneToOneField(
        Report, primary_key=True, on_delete=models.CASCADE, related_name="date_forecast"
    )
    earliest_at = models.DateTimeField(null=True, help_text=_("The beginning of the range."))
    likely_at = models.DateTimeField(null=True, help_text=_("As likely before as after."))
    latest_at = models.DateTimeField(
        null=True, help_text=_("The end of the range; empty where nothing took so long so far.")
    )
    report_version = models.PositiveIntegerField(
        help_text=_("The version of the report that it was computed from.")
    )
    model_version = models.BigIntegerField(help_text=_("The `DateModel` it was computed with."))
    changed_at = models.DateTimeField(db_default=Now(), help_text=_("When it last changed."))
    first_earliest_at = models.DateTimeField(null=True, help_text=_("As first forecast."))
    first_likely_at = models.DateTimeField(null=True, help_text=_("As first forecast."))
    first_latest_at = models.DateTimeField(null=True, help_text=_("As first forecast."))
    first_at = models.DateTimeField(null=True, help_text=_("When the first forecast was made."))

    class Meta:
        constraints: ClassVar = []

    def __str__(self) -> str:
        return f"{self.report_id}: {self.likely_at}"
