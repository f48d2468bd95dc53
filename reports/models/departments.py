"""Tables of the departments: their place in the administration, their hours, their members."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.model_fields import LineField
from reports.catalogue import working_hours
from reports.catalogue.working_hours import Calendar, OpeningHoursInvalid

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

LEVELS = 3  # of departments
SLA_HOURS_MAXIMUM = 24 * 365


def validate_opening_hours(value: Any) -> None:
    """Check that opening hours can be read.

    Raises:
        ValidationError: they cannot; the message says why.
    """
    if not isinstance(value, dict):
        raise ValidationError('Expected days and hours such as {"mon-fri": "08:30-17:00"}.')
    try:
        working_hours.parse_week(value)
    except OpeningHoursInvalid as error:
        raise ValidationError(str(error)) from error


def validate_holidays(value: str) -> None:
    """Check that the holidays of a region are known.

    Raises:
        ValidationError: they are not.
    """
    try:
        working_hours.holidays_of(value)
    except OpeningHoursInvalid as error:
        raise ValidationError(str(error)) from error


class DepartmentQuerySet(models.QuerySet["Department"]):
    """Queries that choose departments."""

    def worked_in_by(self, user: User) -> DepartmentQuerySet:
        """Return the departments of this person, with all departments below them."""
        belongs = Q(memberships__user=user)
        belongs |= Q(parent__memberships__user=user) | Q(parent__parent__memberships__user=user)
        return self.filter(belongs).distinct()

    def managed_by(self, user: User) -> DepartmentQuerySet:
        """Return the departments that this person manages, with all departments below them."""
        managed = DepartmentMembership.objects.filter(user=user, is_manager=True)
        ids = managed.values("department")
        return self.filter(Q(pk__in=ids) | Q(parent__in=ids) | Q(parent__parent__in=ids))

    def below(self, department: Department) -> DepartmentQuerySet:
        """Return this department and those below it."""
        return self.filter(
            Q(pk=department.pk) | Q(parent=department) | Q(parent__parent=department)
        )


class Department(models.Model):
    """A part of the administration that handles reports."""

    slug = models.SlugField(
        max_length=50,
        unique=True,
        help_text=(
            _(
                "Its name in the API and in files of the catalogue, such as streets; keep it "
                "once it is used."
            )
        ),
    )
    name = LineField(
        max_length=120, help_text=_("As citizens and staff read it, such as Streets and Bridges.")
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="parts",
        help_text=_("The department above it, whose members work here too."),
    )
    email = models.EmailField(
        blank=True,
        help_text=_(
            "The office's address, to which escalations and new reports are sent. Empty: that"
            " of the department above."
        ),
    )
    is_emailed = models.BooleanField(
        "email about new reports",
        default=False,
        db_default=False,
        help_text=_(
            "Email the office when it receives reports: by routing, by a clerk, or handed"
            " over by another department. Several at once are one message."
        ),
    )
    is_triage = models.BooleanField(
        default=False,
        help_text=_("Gets the reports whose category is not certain. One department at most."),
    )
    opening_hours = models.JSONField(
        default=dict,
        blank=True,
        db_default=models.Value({}, models.JSONField()),
        validators=[validate_opening_hours],
        help_text=(
            _('Such as {"mon-fri": "08:30-12:00, 13:00-17:00"}. Empty: as in the department above.')
        ),
    )
    holidays = models.CharField(
        max_length=8,
        blank=True,
        db_default="",
        validators=[validate_holidays],
        help_text=(
            _("A country or a part of one, such as US or US-CT. Empty: as in the department above.")
        ),
    )
    closed_on = ArrayField(
        models.DateField(),
        default=list,
        blank=True,
        db_default=models.Value([], ArrayField(models.DateField())),
        help_text=_("Further days on which the department is closed."),
    )
    response_hours = models.PositiveIntegerField(
        "hours until the first answer",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(SLA_HOURS_MAXIMUM)],
        help_text=_(
            "At medium severity, where the category names none. Empty: as in the department"
            " above, or FIRST_RESPONSE_HOURS. A change does not affect open reports."
        ),
    )
    response_version = models.PositiveIntegerField(
        default=1,
        db_default=1,
        editable=False,
        help_text=_("Grows by one with each change of the hours until the first answer."),
    )

    objects = DepartmentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_triage"],
                condition=Q(is_triage=True),
                name="reports_department_one_triage",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """Save the department; other hours until the first answer get a new version number."""
        self.response_version = self._version_of_response()
        if (fields := options.get("update_fields")) is not None:
            options["update_fields"] = {*fields, "response_version"}
        super().save(*args, **options)

    def _version_of_response(self) -> int:
        stored = Department.objects.filter(pk=self.pk)
        for hours, version in stored.values_list("response_hours", "response_version"):
            return version if hours == self.response_hours else version + 1
        return 1

    def answering(self) -> Department | None:
        """Return the department whose hours until the first answer apply here: it or one above."""
        return next(
            (department for department in self.line() if department.response_hours is not None),
            None,
        )

    def clean(self) -> None:
        self.opening_hours = self.opening_hours or {}
        line = [department.pk for department in self.line()]
        if len(line) > LEVELS:
            raise ValidationError({"parent": f"Departments have {LEVELS} levels at most."})
        if len(set(line)) < len(line):
            raise ValidationError({"parent": "A department cannot be a part of itself."})
        if self.is_emailed and self.office() is None:
            raise ValidationError(
                {"is_emailed": "Neither this department nor one above it has an email address."}
            )

    def line(self) -> list[Department]:
        """Return this department and those above it.

        If there are more than LEVELS, the list stops at one more than that.
        """
        line: list[Department] = [self]
        while line[-1].parent is not None and len(line) <= LEVELS:
            line.append(line[-1].parent)
        return line

    def office(self) -> Department | None:
        """Return this department, or the next above it, that has an email address."""
        return next((department for department in self.line() if department.email), None)

    def calendar(self) -> Calendar | None:
        """Return its working hours, or None if neither it nor a department above has any."""
        line = self.line()
        opening_hours = next(
            (department.opening_hours for department in line if department.opening_hours), None
        )
        if opening_hours is None:
            return None
        closed_on = {day for department in line for day in department.closed_on}
        is_public_holiday = working_hours.holidays_of(
            next((department.holidays for department in line if department.holidays), "")
        )

        def is_holiday(day: date) -> bool:
            return day in closed_on or is_public_holiday(day)

        return Calendar(
            working_hours.parse_week(opening_hours), is_holiday, ZoneInfo(settings.TIME_ZONE)
        )


class DepartmentMembership(models.Model):
    """Makes a member of staff work on the reports of a department and of those below it."""

    user = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        related_name="department_memberships",
        db_index=False,
        help_text=_("A member of staff."),
    )
    department = models.ForeignKey(
        Department,
        on_delete=models.CASCADE,
        related_name="memberships",
        help_text=_("Where they work: on its reports, and on those of the departments below it."),
    )
    is_manager = models.BooleanField(
        "manager",
        default=False,
        db_default=False,
        help_text=_("May also take back rejections and undo the steps of others."),
    )
    created_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text=_("When they joined.")
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "department"], name="reports_membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.department}"


def works_on_reports(user: User | AnonymousUser) -> bool:
    """Return whether the user is staff of a department, or a superuser.

    The answer is kept with the user, who is loaded anew for each request: the pages of the desk ask
    for it many times.
    """
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return False
    if user.is_superuser:
        return True
    known: dict[str, bool] = user.__dict__
    if "_works_in_a_department" not in known:
        known["_works_in_a_department"] = user.department_memberships.exists()
    return known["_works_in_a_department"]
