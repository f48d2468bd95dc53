"""Table of reports."""

from __future__ import annotations

import math
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cos, Now, Radians, Sin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import LineField, ParagraphsField
from reports.geography import boxes
from reports.geography.boxes import BoundingBox
from reports.models.catalogue import CATEGORY_TEXTS, Category, Severity
from reports.models.choices import (
    OPEN_STATUSES,
    CategorySource,
    RoutedBy,
    SeveritySource,
    Status,
    WaitingFor,
)
from reports.models.departments import Department
from reports.models.place import CellField
from reports.models.report_indexes import CONSTRAINTS, INDEXES
from reports.models.tracking import hash_tracking_token
from reports.models.words import Unindexed, WordsQuery, rare_words

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

TITLE_MAX_CHARACTERS = 200
DESCRIPTION_MAX_CHARACTERS = 10_000
NOTE_MAX_CHARACTERS = 2_000
ADDRESS_MAX_CHARACTERS = 300
ROUTING_REASON_MAX_CHARACTERS = 500


class ReportQuerySet(models.QuerySet["Report"]):
    """Queries that choose reports: by place, by who may see them, by who works on them."""

    def published(self) -> ReportQuerySet:
        return self.filter(published_at__isnull=False)

    def visible_to(self, user: User | AnonymousUser, *, tracking_token: str = "") -> ReportQuerySet:
        """Return the reports this user may read.

        These are the public ones, their own, those of their departments, and the one whose tracking
        token is given. A signed-in citizen's report is public at once. An anonymous one can be read
        by staff and with its token only, until staff accepts it. A rejected report is no longer
        public.
        """
        visible = Q(published_at__isnull=False)
        if tracking_token:
            visible |= Q(tracking_token_hash=hash_tracking_token(tracking_token))
        if isinstance(user, User):
            if user.is_staff and user.is_superuser:
                return self.all()
            visible |= Q(reporter=user)
            if user.is_staff:
                visible |= Q(department__in=Department.objects.worked_in_by(user).values("pk"))
        return self.filter(visible)

    def sent_by(self, user: User | AnonymousUser, *, tracking_token: str = "") -> ReportQuerySet:
        """Return the reports that this user, or the holder of this tracking token, reported."""
        sent = Q(reporter=user) if isinstance(user, User) else Q()
        if tracking_token:
            sent |= Q(tracking_token_hash=hash_tracking_token(tracking_token), reporter=None)
        return self.filter(sent) if sent else self.none()

    def for_staff(self, user: User) -> ReportQuerySet:
        """Return the reports this member of staff works on.

        These are all for a superuser, otherwise those of their departments.
        """
        if not (user.is_active and user.is_staff):
            return self.none()
        if user.is_superuser:
            return self.all()
        return self.filter(department__in=Department.objects.worked_in_by(user).values("pk"))

    def with_related(self) -> ReportQuerySet:
        """Load category, department and forecast too, without the category's longer texts."""
        related = self.select_related("category", "department", "date_forecast")
        return related.defer(*(f"category__{name}" for name in CATEGORY_TEXTS))

    def with_words(self, text: str) -> ReportQuerySet:
        """Return the reports that have all words of the text, or words that begin with them."""
        if rare := rare_words(text):
            chosen = self.filter(words__words=WordsQuery(rare))
            return chosen.alias(all_words=Unindexed("words__words")).filter(
                all_words=WordsQuery(text)
            )
        return self.filter(words__words=WordsQuery(text))

    def with_photos(self) -> ReportQuerySet:
        """Load the photos too, in one query for all reports."""
        return self.prefetch_related("photos")

    def for_detail(self) -> ReportQuerySet:
        """Load everything that the answer about one report shows, with its history."""
        related = self.with_related().select_related("assignee", "crew")
        return related.with_photos().prefetch_related("history__by", "answers__question")

    def in_box(self, box: BoundingBox) -> ReportQuerySet:
        inside = Q(latitude__range=(box.south, box.north))
        if box.west <= box.east:
            return self.filter(inside & Q(longitude__range=(box.west, box.east)))
        return self.filter(inside & (Q(longitude__gte=box.west) | Q(longitude__lte=box.east)))

    def near(self, latitude: float, longitude: float, *, metres: float) -> ReportQuerySet:
        """Return the reports within so many metres of a point, on a sphere (haversine)."""
        north = Sin(Radians((F("latitude") - latitude) / 2))
        east = Sin(Radians((F("longitude") - longitude) / 2))
        shrink = Cos(Radians(F("latitude"))) * math.cos(math.radians(latitude))
        limit = math.sin(metres / boxes.EARTH_METRES / 2) ** 2
        inside = self.in_box(boxes.around(latitude, longitude, metres))
        chord = north * north + shrink * east * east
        return inside.alias(chord=chord).filter(chord__lte=limit)

    def without_address(self) -> ReportQuerySet:
        """Return the reports whose place is not said in words."""
        return self.filter(address="")

    def overdue(self, at: datetime | None = None) -> ReportQuerySet:
        """Return the open reports whose deadline has passed, or will have passed `at` a time."""
        return self.filter(status__in=OPEN_STATUSES, due_at__lt=at or Now())

    def not_overdue(self) -> ReportQuerySet:
        """Return the reports that are closed, or whose deadline has not passed."""
        return self.exclude(status__in=OPEN_STATUSES, due_at__lt=Now())

    def answer_overdue(self) -> ReportQuerySet:
        """Return the open reports without a first answer whose deadline for it has passed."""
        unanswered = self.filter(status__in=OPEN_STATUSES, responded_at__isnull=True)
        return unanswered.filter(response_due_at__lt=Now())

    def not_answer_overdue(self) -> ReportQuerySet:
        """Return the reports that are closed, answered, or whose first answer is not late."""
        return self.exclude(
            status__in=OPEN_STATUSES, responded_at__isnull=True, response_due_at__lt=Now()
        )

    def assigned_to(self, user: User) -> ReportQuerySet:
        """Return the reports on which this person works."""
        return self.filter(assignee=user)

    def assigned_to_crews_of(self, user: User) -> ReportQuerySet:
        """Return the reports on which the crews of this person work."""
        # By their numbers, of which PostgreSQL knows how many reports they have.
        return self.filter(crew__in=list(user.crews.values_list("pk", flat=True)))

    def open_for(self, user: User) -> ReportQuerySet:
        """Return the open reports on which this person, or one of their crews, works."""
        crews = list(user.crews.values_list("pk", flat=True))
        return self.filter(Q(assignee=user) | Q(crew__in=crews), status__in=OPEN_STATUSES)

    def in_queue(self) -> ReportQuerySet:
        """Return the reports that have a place in the queue, with that place."""
        return self.filter(queue_place__isnull=False).select_related("queue_place")

    def unassigned(self) -> ReportQuerySet:
        """Return the open reports on which nobody works."""
        return self.filter(status__in=OPEN_STATUSES, assignee=None, crew=None)


class Report(models.Model):
    """A problem at a place, as one person reported it."""

    id = models.UUIDField(
        primary_key=True,
        default=uuid7,
        editable=False,
        help_text=_("The number by which citizens and staff find it."),
    )
    reporter = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
        db_index=False,
        help_text=_("Who reported it; empty for an anonymous or imported report."),
    )
    tracking_token_hash = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        unique=True,
        editable=False,
        help_text=_("SHA-256 of the tracking token; anonymous reports only."),
    )
    title = LineField(max_length=TITLE_MAX_CHARACTERS, help_text=_("The problem in a line."))
    description = ParagraphsField(
        max_length=DESCRIPTION_MAX_CHARACTERS,
        blank=True,
        help_text=_("The problem in the reporter's words."),
    )
    latitude = models.FloatField(
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
        help_text=_("Degrees in WGS 84, positive in the north."),
    )
    longitude = models.FloatField(
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
        help_text=_("Degrees in WGS 84, positive in the east."),
    )
    cell = CellField(help_text=_("The cell of the world's hexagonal grid that holds the place."))
    address = LineField(
        max_length=ADDRESS_MAX_CHARACTERS, blank=True, help_text=_("The place in words.")
    )
    is_address_looked_up = models.BooleanField(
        "address looked up",
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Whether the geocoder found the address, since the reporter gave none."),
    )
    severity = models.CharField(
        max_length=10,
        choices=Severity.choices,
        default=Severity.MEDIUM,
        help_text=_("How bad it is; it shortens or lengthens both deadlines."),
    )
    severity_source = models.CharField(
        max_length=10,
        choices=SeveritySource.choices,
        default=SeveritySource.NONE,
        db_default=SeveritySource.NONE,
        blank=True,
        help_text=_("Who or what decided the severity."),
    )
    severity_rule = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text=_("The rule that raised the severity for words in the text."),
    )

    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
        db_index=False,
        help_text=_("The kind of problem; it decides department and deadlines."),
    )
    category_source = models.CharField(
        max_length=10,
        choices=CategorySource.choices,
        default=CategorySource.NONE,
        blank=True,
        help_text=_("Who or what chose the category; the classifier replaces only its own choice."),
    )
    category_confidence = models.FloatField(
        null=True,
        blank=True,
        help_text=_("The classifier's confidence, 0 to 1; empty if a person chose the category."),
    )
    category_suggestions = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=_("The classifier's first three categories, each with confidence and reasons."),
    )
    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
        db_index=False,
        help_text=_("The department that works on it."),
    )
    routed_by = models.CharField(
        max_length=10,
        choices=RoutedBy.choices,
        blank=True,
        default=RoutedBy.NOBODY,
        db_default=RoutedBy.NOBODY,
        help_text=_("How it came to its department."),
    )
    routing_rule = models.ForeignKey(
        "reports.RoutingRule",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
        db_index=False,
        help_text=_("The rule of routing that chose the department."),
    )
    routing_reason = models.CharField(
        max_length=ROUTING_REASON_MAX_CHARACTERS,
        blank=True,
        default="",
        db_default="",
        help_text=_("Why it went to its department, such as the rule with its conditions."),
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text=_("By when the problem should be repaired.")
    )
    # The rule for the deadline as it was when this report got it: of routing, or of its category.
    sla_is_exact = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether the hours apply whatever the severity."),
    )
    sla_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_(
            "Hours until the deadline for the repair, as they were when the report got it."
        ),
    )
    sla_in_working_hours = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether these are working hours of the department."),
    )
    sla_version = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_("The version of the category's rule that gave the hours."),
    )
    response_due_at = models.DateTimeField(
        null=True, blank=True, help_text=_("By when the reporter gets a first answer.")
    )
    response_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_("Hours until the first answer at medium severity, as they were then."),
    )
    response_version = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The version of the category's or department's rule.")
    )
    responded_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When staff first took a step that the reporter hears of."),
    )

    assignee = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="assigned_reports",
        db_index=False,
        help_text=_("The member of staff who works on it."),
    )
    crew = models.ForeignKey(
        "reports.Crew",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
        db_index=False,
        help_text=_("The crew that works on it."),
    )
    waiting_for = models.CharField(
        max_length=12,
        choices=WaitingFor.choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("Whom or what it waits for; empty while it does not wait."),
    )
    waiting_until = models.DateTimeField(
        null=True, blank=True, help_text=_("When it stops waiting by itself.")
    )
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a citizen confirmed the repair.")
    )
    version = models.PositiveIntegerField(
        default=1,
        db_default=1,
        editable=False,
        help_text=_("Grows by one with each change; a trigger of PostgreSQL counts."),
    )

    status = models.CharField(
        max_length=12,
        choices=Status.choices,
        default=Status.NEW,
        help_text=_("Where it stands in the workflow; only steps change it."),
    )
    published_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it became public; empty while it is not.")
    )
    is_live = models.BooleanField(
        default=True,
        help_text=_("Off for old imported reports, whose reporters get no messages."),
    )
    source = models.CharField(
        max_length=80, blank=True, help_text=_("The system from which the report was imported.")
    )
    external_id = models.CharField(
        max_length=120,
        null=True,
        blank=True,
        help_text=_("The report's identifier in that system."),
    )

    client_id = models.UUIDField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("The client's own id, by which it finds again what it sent."),
    )
    device_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was written, by the clock of the device.")
    )
    accuracy_metres = models.FloatField(
        null=True, blank=True, help_text=_("How accurate the place is, by the device.")
    )

    text_digest = models.BigIntegerField(
        null=True,
        editable=False,
        help_text=_("Stands for the words of a longer text, so that copies of it are noticed."),
    )

    created_at = models.DateTimeField(db_default=Now(), help_text=_("When it was reported."))
    updated_at = models.DateTimeField(db_default=Now(), help_text=_("When it last changed."))
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When work on it ended: resolved, closed or rejected.")
    )

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = CONSTRAINTS
        indexes: ClassVar = INDEXES

    def __str__(self) -> str:
        return self.title

    @property
    def is_overdue(self) -> bool:
        """Return whether the report is open although its deadline has passed."""
        return (
            self.status in OPEN_STATUSES
            and self.due_at is not None
            and self.due_at < timezone.now()
        )

    @property
    def is_answer_overdue(self) -> bool:
        """Return whether the report is open and had no first answer by its deadline."""
        return (
            self.status in OPEN_STATUSES
            and self.responded_at is None
            and self.response_due_at is not None
            and self.response_due_at < timezone.now()
        )

    def is_own(self, user: User | AnonymousUser, *, tracking_token: str = "") -> bool:
        """Return whether this user, or the anonymous holder of this tracking token, reported it."""
        if self.reporter_id is not None:
            return self.reporter_id == user.pk
        return self.is_held(tracking_token)

    def is_held(self, tracking_token: str) -> bool:
        """Return whether the report is anonymous and this is its tracking token."""
        held = self.tracking_token_hash if self.reporter_id is None else None
        if not tracking_token or held is None:
            return False
        return secrets.compare_digest(held, hash_tracking_token(tracking_token))

    def may_be_changed_by(self, user: User) -> bool:
        """Return whether this user works in the report's department, or is a superuser."""
        if not (user.is_active and user.is_staff):
            return False
        if user.is_superuser:
            return True
        if self.department_id is None:
            return False
        return Department.objects.worked_in_by(user).filter(pk=self.department_id).exists()
