"""Tables of dispatch: plans of a day, their routes and stops, and the reports left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.models import JobResult
from reports.models.departments import Department
from reports.models.report import Report
from reports.models.workflow import Crew, StatusChange

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models.fields.related_descriptors import RelatedManager


class LeftOutReason(models.TextChoices):
    """Why a plan leaves a report out."""

    NO_SKILL = "no_skill", _("no crew of the plan takes its category")
    TOO_FAR = "too_far", _("no crew gets there and back within its shift")
    NO_TIME = "no_time", _("there was no time for it beside what is nearer or more urgent")
    BEYOND_LIMIT = "beyond_limit", _("more urgent ones were as many as the plan considers")


class StopState(models.TextChoices):
    """What became of a stop when its plan was applied and undone."""

    PLANNED = "planned", _("planned")
    ASSIGNED = "assigned", _("assigned")
    SKIPPED = "skipped", _("not assigned")
    UNDONE = "undone", _("undone")
    KEPT = "kept", _("assigned, and not undone")


class DispatchPlanQuerySet(models.QuerySet["DispatchPlan"]):
    """Queries that choose plans."""

    def for_staff(self, user: User) -> DispatchPlanQuerySet:
        """Return the plans of the departments in which this person works; all for a superuser."""
        if not (user.is_active and user.is_staff):
            return self.none()
        if user.is_superuser:
            return self.all()
        return self.filter(department__in=Department.objects.worked_in_by(user).values("pk"))


class DispatchPlan(models.Model):
    """A day's work of the crews of a department, as a job of the type `optimization` planned it."""

    result = models.OneToOneField(
        JobResult,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="dispatch_plan",
        help_text=_("The kept result of the job, whose id the plan has."),
    )
    department = models.ForeignKey(
        Department,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Its crews and reports are planned, with those of the departments below it."),
    )
    day = models.DateField(help_text=_("The day that is planned."))
    applied_at = models.DateTimeField(
        null=True, help_text=_("When its reports were assigned; null until then.")
    )
    applied_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who had them assigned."),
    )
    undone_at = models.DateTimeField(
        null=True, help_text=_("When the assignments were taken back.")
    )
    undone_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who took them back."),
    )

    objects = DispatchPlanQuerySet.as_manager()

    if TYPE_CHECKING:
        result_id: UUID
        routes: RelatedManager[DispatchRoute]
        left_out: RelatedManager[DispatchLeftOut]

    class Meta:
        ordering: ClassVar = ["-result"]
        indexes: ClassVar = [
            # The plans of a department, the latest day first.
            models.Index(fields=["department", "-day"], name="dispatchplan_day"),
        ]

    def __str__(self) -> str:
        return f"{self.department}, {self.day}"

    @property
    def state(self) -> str:
        """Return `proposed`, `applied` or `undone`."""
        if self.undone_at is not None:
            return "undone"
        return "applied" if self.applied_at is not None else "proposed"


class DispatchRoute(models.Model):
    """The day of one crew in a plan."""

    plan = models.ForeignKey(
        DispatchPlan, on_delete=models.CASCADE, related_name="routes", db_index=False
    )
    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="+", db_index=False)
    begins_at = models.DateTimeField(help_text=_("When the crew sets out."))
    ends_at = models.DateTimeField(help_text=_("When it is back."))
    pause_begins_at = models.DateTimeField(
        null=True, help_text=_("When its break begins; null where it has none before its return.")
    )
    pause_minutes = models.PositiveSmallIntegerField(default=0, help_text=_("How long that is."))
    metres = models.PositiveIntegerField(help_text=_("How far it drives."))
    travel_seconds = models.PositiveIntegerField(help_text=_("How long it drives."))
    home_latitude = models.FloatField(null=True, help_text=_("Where it sets out and returns to."))
    home_longitude = models.FloatField(null=True, help_text=_("Where it sets out and returns to."))

    if TYPE_CHECKING:
        stops: RelatedManager[DispatchStop]

    class Meta:
        ordering: ClassVar = ["crew__name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "crew"], name="dispatchroute_crew")
        ]

    def __str__(self) -> str:
        return f"{self.crew}, {self.plan.day}"

    def line(self) -> list[tuple[float, float]]:
        """Return the places of the route in their order, as longitude and latitude."""
        places = [(stop.longitude, stop.latitude) for stop in self.stops.all()]
        if self.home_latitude is None or self.home_longitude is None or not places:
            return places
        home = (self.home_longitude, self.home_latitude)
        return [home, *places, home]


class DispatchStop(models.Model):
    """A report that a crew is to work on, and when."""

    plan = models.ForeignKey(
        DispatchPlan, on_delete=models.CASCADE, related_name="stops", db_index=False
    )
    route = models.ForeignKey(
        DispatchRoute, on_delete=models.CASCADE, related_name="stops", db_index=False
    )
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(help_text=_("Its number on the route, from 1."))
    arrives_at = models.DateTimeField(help_text=_("When the crew arrives."))
    begins_at = models.DateTimeField(help_text=_("When it begins to work there."))
    ends_at = models.DateTimeField(help_text=_("When it leaves."))
    travel_seconds = models.PositiveIntegerField(help_text=_("How long it drives there."))
    metres = models.PositiveIntegerField(help_text=_("How far it drives there."))
    latitude = models.FloatField(help_text=_("Where the report lay when the plan was made."))
    longitude = models.FloatField(help_text=_("Where the report lay when the plan was made."))
    due_at = models.DateTimeField(null=True, help_text=_("The report's deadline at that time."))
    from_crew = models.ForeignKey(
        Crew,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text=_("The crew that it was assigned to at that time; null for none."),
    )
    state = models.CharField(
        max_length=8,
        choices=StopState.choices,
        default=StopState.PLANNED,
        help_text=_("Whether it was assigned when the plan was applied."),
    )
    note = models.CharField(
        max_length=300, blank=True, help_text=_("Why it was not assigned, or not undone.")
    )
    change = models.ForeignKey(
        StatusChange,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text=_("The line of the report's history by which it was assigned."),
    )

    class Meta:
        ordering: ClassVar = ["route", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "report"], name="dispatchstop_once"),
            models.UniqueConstraint(fields=["route", "position"], name="dispatchstop_position"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.report}"

    @property
    def is_in_time(self) -> bool | None:
        """Return whether the work ends before the deadline; None without one."""
        return None if self.due_at is None else self.ends_at <= self.due_at


class DispatchLeftOut(models.Model):
    """A report that a plan considered and left out."""

    plan = models.ForeignKey(
        DispatchPlan, on_delete=models.CASCADE, related_name="left_out", db_index=False
    )
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(
        max_length=12, choices=LeftOutReason.choices, help_text=_("Why it is left out.")
    )

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "report"], name="dispatchleftout_once")
        ]

    def __str__(self) -> str:
        return f"{self.report}: {self.get_reason_display()}"
