"""The table behind the leaderboard, which a task computes from the reputation ledger."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from reports.models.geography import Area


class LeaderboardPeriod(models.TextChoices):
    """The periods of the leaderboard, in the city's time zone. Weeks begin on Monday."""

    WEEK = "week", _("this week")
    MONTH = "month", _("this month")
    YEAR = "year", _("this year")
    ALL = "all", _("all time")


class LeaderboardStanding(models.Model):
    """The points that one citizen gained within one period, in the whole city or in one area.

    Its rank is computed when it is read, so that who leaves the leaderboard leaves no gap.
    """

    period = models.CharField(
        max_length=5, choices=LeaderboardPeriod, help_text=_("The period now under way.")
    )
    area = models.ForeignKey(
        Area,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text=_("Where the reports lie that gave the points; empty for the whole city."),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="standings",
        help_text=_("The citizen."),
    )
    points = models.IntegerField(help_text=_("Points gained less points lost; more than 0."))
    reached_at = models.DateTimeField(
        help_text=_(
            "When the citizen last gained points; of equal points the earlier stands first."
        )
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["period", "area", "user"],
                nulls_distinct=False,
                name="reports_leaderboard_unique",
            )
        ]
        indexes: ClassVar = [
            # A board, the first first; and how many stand before one.
            models.Index(
                fields=["period", "area", "-points", "reached_at", "user"],
                name="reports_leaderboard_board",
            )
        ]

    def __str__(self) -> str:
        return f"{self.points} points, {self.get_period_display()}"
