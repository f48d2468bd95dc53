"""Who follows what: reports, and areas of the city; and who has the same problem."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import LineField
from reports.models.report import Report

#: Whoever follows a report or one that was merged into it, directly or through another.
FAMILY = """
    WITH RECURSIVE family AS (
        SELECT id AS root, id FROM reports_report WHERE id = ANY(%(reports)s::uuid[])
        UNION
        SELECT family.root, merge.duplicate_id
        FROM reports_merge merge JOIN family ON merge.original_id = family.id
        WHERE merge.undone_at IS NULL
    )
"""


class Follow(models.Model):
    """A person who follows a report, or has stopped: one row for the two, whatever happens.

    A report's own author follows it from the start, and whoever has stopped is not made to follow
    again by anything but their own wish.
    """

    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="follows", db_index=False
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="follows")
    at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, help_text=_("When the person stopped."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "user"], name="reports_follow_unique"),
        ]
        indexes: ClassVar = [
            # Who is notified, and how many they are.
            models.Index(
                "report", "user", condition=Q(ended_at__isnull=True), name="follow_standing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.report_id}"


class MeToo(models.Model):
    """A person who has the problem of a report too."""

    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="me_too", db_index=False
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="me_too")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "user"], name="reports_metoo_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} has {self.report_id} too"


class AreaSubscription(models.Model):
    """A person's wish to hear of new reports within a circle or a polygon."""

    class Delivery(models.TextChoices):
        AT_ONCE = "at_once", _("at once")
        DAILY = "daily", _("once a day")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="area_subscriptions")
    name = LineField(max_length=80, help_text=_("The subscriber's own name for the area."))
    latitude = models.FloatField(null=True, help_text=_("The centre of a circle."))
    longitude = models.FloatField(null=True)
    radius_metres = models.PositiveIntegerField(null=True)
    polygon = models.JSONField(null=True, help_text=_("A GeoJSON Polygon, where it is no circle."))
    # The box around the area in degrees. At the 180th meridian west is below -180 or east above
    # 180, so that west is never above east.
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()
    categories = ArrayField(
        models.CharField(max_length=50),
        default=list,
        help_text=_("Slugs of categories; empty: every one."),
    )
    delivery = models.CharField(
        max_length=8,
        choices=Delivery.choices,
        default=Delivery.DAILY,
        help_text=_("A message for each report, or one a day."),
    )
    created_at = models.DateTimeField(db_default=Now(), help_text=_("When it was made."))

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(polygon__isnull=True, radius_metres__isnull=False)
                | Q(polygon__isnull=False, radius_metres__isnull=True),
                name="reports_areasubscription_shape",
            ),
        ]
        indexes: ClassVar = [
            # The subscriptions whose box holds a point.
            GistIndex(
                Func(
                    Func("west", "south", function="point"),
                    Func("east", "north", function="point"),
                    function="box",
                ),
                name="areasubscription_box",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AreaNews(models.Model):
    """A new report inside a subscribed area; told at once, or with the next day's message."""

    subscription = models.ForeignKey(
        AreaSubscription, on_delete=models.CASCADE, related_name="news", db_index=False
    )
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # A report is news for a subscription once, however often it becomes public.
            models.UniqueConstraint(
                fields=["subscription", "report"], name="reports_areanews_unique"
            ),
        ]
        indexes: ClassVar = [
            # What the next daily messages hold.
            models.Index("subscription", condition=Q(sent_at__isnull=True), name="areanews_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} in {self.subscription_id}"
