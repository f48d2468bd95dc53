"""Tables of the workflow: the crews that repair, and the history of each report."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.model_fields import LineField, ParagraphsField
from reports.catalogue import working_hours
from reports.catalogue.working_hours import Spans
from reports.models.catalogue import Category
from reports.models.choices import OPEN_STATUSES, Status
from reports.models.departments import Department, validate_opening_hours
from reports.models.report import NOTE_MAX_CHARACTERS, Report

#: Of crews whose department has no opening hours either.
DEFAULT_SHIFT_HOURS = {"mon-fri": "08:00-12:00, 12:30-16:30"}
#: Statuses in which work on a report has ended, so that its repair can be confirmed.
ENDED_STATUSES = (Status.RESOLVED, Status.CLOSED)


class Role(models.TextChoices):
    """The role in which somebody takes a step with a report."""

    REPORTER = "reporter", _("reporter")
    CLERK = "clerk", _("staff of the department")
    MANAGER = "manager", _("manager of the department")
    SUPERUSER = "superuser", _("superuser")
    SYSTEM = "system", _("the system")


class RejectionReason(models.TextChoices):
    """Why a report is rejected."""

    OUTSIDE = "outside", _("not the city's responsibility")
    PRIVATE = "private", _("on private ground")
    NOT_FOUND = "not_found", _("nothing was found at this place")
    NO_PROBLEM = "no_problem", _("as it should be")
    UNCLEAR = "unclear", _("too little is known")
    ABUSE = "abuse", _("spam or abuse")
    OTHER = "other", _("another reason")


def validate_shift_hours(value: Any) -> None:
    """Check that the hours of a shift can be read, and that a day has one break at most.

    Raises:
        ValidationError: they cannot, or it has more; the message says why.
    """
    validate_opening_hours(value)
    if any(len(spans) > 2 for spans in working_hours.parse_week(value)):
        raise ValidationError("A day has two spans at most, with one break between them.")


class CrewQuerySet(models.QuerySet["Crew"]):
    """Queries that choose crews."""

    def for_staff(self, user: User) -> CrewQuerySet:
        """Return the crews of the departments in which this person works; all for a superuser."""
        if user.is_superuser:
            return self.all()
        return self.filter(department__in=Department.objects.worked_in_by(user).values("pk"))


class Crew(models.Model):
    """People of a department who repair together; a report can be assigned to them."""

    department = models.ForeignKey(
        Department,
        on_delete=models.PROTECT,
        related_name="crews",
        help_text=_("The department whose reports it takes, and those of departments below it."),
    )
    name = LineField(max_length=80, help_text=_("As staff know it, such as North 2."))
    members = models.ManyToManyField(
        User,
        blank=True,
        related_name="crews",
        help_text=_("Staff of the department, or of one above it."),
    )
    is_active = models.BooleanField(default=True, help_text=_("Whether it takes further reports."))
    categories = models.ManyToManyField(
        Category,
        blank=True,
        related_name="+",
        help_text=_(
            "What it is trained and equipped for; none named: all that its department does."
        ),
    )
    shift_hours = models.JSONField(
        default=dict,
        blank=True,
        db_default=models.Value({}, models.JSONField()),
        validators=[validate_shift_hours],
        help_text=_(
            'Such as {"mon-fri": "07:00-11:30, 12:00-15:30"}; between the two is its break. Empty: '
            "the opening hours of its department."
        ),
    )
    home_latitude = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
        help_text=_("Where it sets out and returns to: degrees in WGS 84, positive in the north."),
    )
    home_longitude = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
        help_text=_(
            "Degrees in WGS 84, positive in the east. Without a place its first and last"
            " drive are not counted."
        ),
    )

    objects = CrewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["department", "name"], name="reports_crew_unique")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.shift_hours = self.shift_hours or {}
        if (self.home_latitude is None) != (self.home_longitude is None):
            raise ValidationError({"home_longitude": "Name both coordinates, or none."})

    @property
    def home(self) -> tuple[float, float] | None:
        """Return latitude and longitude of where it sets out, or None if that is not known."""
        if self.home_latitude is None or self.home_longitude is None:
            return None
        return self.home_latitude, self.home_longitude

    def spans_on(self, day: date) -> Spans:
        """Return its working hours on a day in minutes since midnight; none on a day off."""
        calendar = self.department.calendar()
        if calendar is not None and calendar.is_holiday(day):
            return ()
        if self.shift_hours:
            return working_hours.parse_week(self.shift_hours)[day.weekday()]
        week = calendar.week if calendar else working_hours.parse_week(DEFAULT_SHIFT_HOURS)
        return week[day.weekday()]


class StatusChangeQuerySet(models.QuerySet["StatusChange"]):
    """Queries that choose lines of the history."""

    def resolution_of(self, report: Report) -> StatusChange | None:
        """Return the line by which work on the report ended.

        None while it is open, and if its reporter withdrew it.
        """
        if report.status not in ENDED_STATUSES:
            return None
        lines = self.filter(report=report).standing().order_by("-pk")
        ends = lines.filter(to_status__in=ENDED_STATUSES).exclude(from_status__in=ENDED_STATUSES)
        last = ends.first() or lines.first()
        return None if last is None or last.step == "withdraw" else last

    def last_reopening_of(self, report: Report) -> StatusChange | None:
        """Return the last line by which work on the report began anew, if there is one."""
        opened = self.filter(from_status__in=ENDED_STATUSES, to_status__in=OPEN_STATUSES)
        return opened.filter(report=report).standing().order_by("-pk").first()

    def standing(self) -> StatusChangeQuerySet:
        """Return the lines that still hold: no steps that were undone, and not their undoing."""
        return self.filter(undoes__isnull=True, undone_by__isnull=True)


class StatusChange(models.Model):
    """One line of a report's history; the first one records its arrival.

    A trigger refuses every change of a line, except that a person who is erased is taken out of it.
    A line goes only together with its report.
    """

    report = models.ForeignKey(
        Report,
        on_delete=models.DO_NOTHING,
        related_name="history",
        db_index=False,
        help_text=_("The report whose history this is."),
    )
    step = models.CharField(
        max_length=16,
        blank=True,
        default="",
        db_default="",
        help_text=_("The step of the workflow that was taken; empty where it was none."),
    )
    from_status = models.CharField(
        max_length=12,
        choices=Status.choices,
        blank=True,
        help_text=_("The status before; empty for the report's arrival."),
    )
    to_status = models.CharField(
        max_length=12, choices=Status.choices, help_text=_("The status after it.")
    )
    note = ParagraphsField(
        blank=True,
        max_length=NOTE_MAX_CHARACTERS,
        help_text=_("Everybody who can see the report can read this note, unless it is internal."),
    )
    is_internal = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether only staff can read this line's note."),
    )
    reason = models.CharField(
        max_length=12,
        blank=True,
        default="",
        db_default="",
        help_text=_("Why it was rejected, or for whom or what it waits."),
    )
    by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who made the change; empty for the system, or if the person was erased."),
    )
    role = models.CharField(
        max_length=10,
        choices=Role.choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("The role in which somebody made the change."),
    )
    fields = ArrayField(
        models.CharField(max_length=40),
        default=list,
        db_default=models.Value([], ArrayField(models.CharField(max_length=40))),
        help_text=_("The report's fields that changed."),
    )
    before = models.JSONField(
        null=True,
        help_text=_("The values of those fields before a step, so that it can be undone."),
    )
    from_department = models.ForeignKey(
        Department,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The department that handed the report over."),
    )
    undoes = models.OneToOneField(
        "self",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="undone_by",
        help_text=_("The line that this one takes back."),
    )
    version = models.PositiveIntegerField(
        default=1, db_default=1, help_text=_("The report's version after this change.")
    )
    request_id = models.CharField(
        max_length=128,
        blank=True,
        default="",
        db_default="",
        help_text=_("The request that made the change, as the log has it."),
    )
    at = models.DateTimeField(db_default=Now(), help_text=_("When it was made."))

    objects = StatusChangeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [
            # The history of one report, in order.
            models.Index(fields=["report", "at", "id"], name="statuschange_history"),
            # What happened to any report within a period, latest first, for other programs.
            models.Index(F("at").desc(), F("id").desc(), name="statuschange_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status or 'received'} → {self.to_status}"

    @property
    def is_public(self) -> bool:
        """Return whether the line says something to readers who are not of the department."""
        if self.from_status != self.to_status:
            return True
        return bool(self.note) and not self.is_internal
