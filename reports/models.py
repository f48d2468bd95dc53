"""Reports of citizens, the departments that answer them, and how both came about."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import LineField, ParagraphsField

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

TITLE_MAX_CHARACTERS = 200
DESCRIPTION_MAX_CHARACTERS = 10_000
NOTE_MAX_CHARACTERS = 2_000


class BoundingBox(NamedTuple):
    """Degrees, WGS84. `west > east` means the box crosses the 180th meridian."""

    west: float
    south: float
    east: float
    north: float


class Department(models.Model):
    """A part of the administration that answers reports."""

    slug = models.SlugField(max_length=50, unique=True)
    name = LineField(max_length=120)
    email = models.EmailField(blank=True)
    is_triage = models.BooleanField(
        default=False,
        help_text="Receives the reports whose category is not certain. One department at most.",
    )

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


class DepartmentMembership(models.Model):
    """A member of staff sees and changes the reports of the departments they belong to."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="department_memberships", db_index=False
    )
    department = models.ForeignKey(Department, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "department"], name="reports_membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.department}"


class Category(models.Model):
    """A kind of problem.

    Its slug is a public contract: the API's value and the Open311 service code.
    """

    slug = models.SlugField(max_length=50, unique=True)
    name = LineField(max_length=120)
    group = LineField(max_length=80, blank=True)
    description = ParagraphsField(blank=True)
    keywords = ArrayField(LineField(max_length=80), default=list, blank=True)
    examples = ArrayField(
        LineField(max_length=300),
        default=list,
        blank=True,
        help_text="Sentences as a citizen would write them; the classifier compares reports with them.",
    )
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="categories")
    sla_hours = models.PositiveIntegerField(
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 365)],
        help_text="At medium severity.",
    )
    is_active = models.BooleanField(
        default=True, help_text="Offered to citizens and to the classifier."
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ExampleVector(models.Model):
    """The sentence vector of a text the classifier learns from, so that no worker computes it
    twice.

    Only a store of what can be computed again: `classification.py` fills it and empties it.
    """

    space = models.CharField(
        max_length=120, help_text="Embedder and version; vectors of two spaces are never mixed."
    )
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the text.")
    vector = models.BinaryField(help_text="float32, little-endian.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["space", "digest"], name="reports_examplevector_unique")
        ]

    def __str__(self) -> str:
        return f"{bytes(self.digest).hex()[:12]} in {self.space}"


class Severity(models.TextChoices):
    """How bad it is, as the reporter sees it; shortens or lengthens the deadline (`routing.py`)."""

    LOW = "low", "low"
    MEDIUM = "medium", "medium"
    HIGH = "high", "high"
    CRITICAL = "critical", "critical"


class Status(models.TextChoices):
    """Where a report stands; `workflow.TRANSITIONS` says what may follow what."""

    NEW = "new", "new"
    TRIAGED = "triaged", "triaged"
    IN_PROGRESS = "in_progress", "in progress"
    RESOLVED = "resolved", "resolved"
    CLOSED = "closed", "closed"
    REJECTED = "rejected", "rejected"
    DUPLICATE = "duplicate", "duplicate"


OPEN_STATUSES = (Status.NEW, Status.TRIAGED, Status.IN_PROGRESS)


class CategorySource(models.TextChoices):
    """Who chose the category. The classifier never overrides a choice made by anybody else."""

    NONE = "", "nobody yet"
    REPORTER = "reporter", "reporter"
    CLASSIFIER = "classifier", "classifier"
    STAFF = "staff", "staff"
    IMPORT = "import", "imported"


class ReportQuerySet(models.QuerySet["Report"]):
    """Choosing reports: by place, by who may see them, by who must work on them."""

    def published(self) -> ReportQuerySet:
        return self.filter(published_at__isnull=False)

    def visible_to(self, user: User | AnonymousUser, *, tracking_token: str = "") -> ReportQuerySet:
        """Published reports, one's own, those of one's departments, and the one whose token is
        shown.

        A signed-in citizen's report is published when it arrives. Nobody answers for an anonymous
        one, so it stays with the holder of its token and with staff until a member of staff accepts
        it. A rejected report is withdrawn from the public.
        """
        seen = Q(published_at__isnull=False)
        if tracking_token:
            seen |= Q(tracking_token_hash=hash_tracking_token(tracking_token))
        if isinstance(user, User):
            if user.is_staff and user.is_superuser:
                return self.all()
            seen |= Q(reporter=user)
            if user.is_staff:
                seen |= Q(department__in=user.department_memberships.values("department"))
        return self.filter(seen)

    def for_staff(self, user: User) -> ReportQuerySet:
        """The reports this member of staff works on: all for a superuser, else those of their
        departments.
        """
        if not (user.is_active and user.is_staff):
            return self.none()
        if user.is_superuser:
            return self.all()
        return self.filter(department__in=user.department_memberships.values("department"))

    def with_related(self) -> ReportQuerySet:
        """Category and department come along, but not the texts from which the classifier learns
        the category.
        """
        related = self.select_related("category", "department")
        return related.defer("category__description", "category__keywords", "category__examples")

    def in_box(self, box: BoundingBox) -> ReportQuerySet:
        inside = Q(latitude__range=(box.south, box.north))
        if box.west <= box.east:
            return self.filter(inside & Q(longitude__range=(box.west, box.east)))
        return self.filter(inside & (Q(longitude__gte=box.west) | Q(longitude__lte=box.east)))

    def overdue(self, at: datetime | None = None) -> ReportQuerySet:
        return self.filter(status__in=OPEN_STATUSES, due_at__lt=at or timezone.now())


class Report(models.Model):
    """One problem at one place, as one person told it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reporter = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
        db_index=False,
    )
    tracking_token_hash = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        unique=True,
        editable=False,
        help_text="SHA-256, anonymous reports only.",
    )
    title = LineField(max_length=TITLE_MAX_CHARACTERS)
    description = ParagraphsField(max_length=DESCRIPTION_MAX_CHARACTERS, blank=True)
    latitude = models.FloatField(validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = models.FloatField(validators=[MinValueValidator(-180), MaxValueValidator(180)])
    address = LineField(max_length=300, blank=True)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.MEDIUM)

    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
        db_index=False,
    )
    category_source = models.CharField(
        max_length=10, choices=CategorySource.choices, default=CategorySource.NONE, blank=True
    )
    category_confidence = models.FloatField(
        null=True,
        blank=True,
        help_text="0 to 1, as the classifier said; empty when a person chose the category.",
    )
    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
        db_index=False,
    )
    due_at = models.DateTimeField(null=True, blank=True)

    status = models.CharField(max_length=12, choices=Status.choices, default=Status.NEW)
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when everybody may read it."
    )
    is_live = models.BooleanField(
        default=True,
        help_text="Off for old reports that were imported: nobody is notified and nothing escalates.",
    )
    source = models.CharField(
        max_length=80, blank=True, help_text="Where an imported report comes from."
    )
    external_id = models.CharField(
        max_length=120, null=True, blank=True, help_text="Its identifier there."
    )

    created_at = models.DateTimeField(default=timezone.now, help_text="When it was reported.")
    updated_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(latitude__range=(-90, 90)), name="reports_report_latitude_range"
            ),
            models.CheckConstraint(
                condition=Q(longitude__range=(-180, 180)), name="reports_report_longitude_range"
            ),
            models.CheckConstraint(
                condition=Q(category_confidence__isnull=True)
                | Q(category_confidence__range=(0, 1)),
                name="reports_report_confidence_range",
            ),
            # An import adds a report once; reports of our own have no external id, and NULLs never
            # collide.
            models.UniqueConstraint(
                fields=["source", "external_id"], name="reports_report_external_unique"
            ),
        ]
        indexes: ClassVar = [
            # The public list and the whole desk, newest first.
            models.Index(F("created_at").desc(), F("id").desc(), name="report_newest"),
            # The public list of one category.
            models.Index("category", F("created_at").desc(), name="report_category"),
            # The public list of one status.
            models.Index("status", F("created_at").desc(), name="report_status"),
            # The map: everything public inside a bounding box.
            models.Index(
                "latitude",
                "longitude",
                condition=Q(published_at__isnull=False),
                name="report_place",
            ),
            # "My reports".
            models.Index("reporter", F("created_at").desc(), name="report_mine"),
            # The desk of a department, by status.
            models.Index("department", "status", F("created_at").desc(), name="report_desk"),
            # Open reports whose deadline has passed or is near.
            models.Index("due_at", condition=Q(status__in=OPEN_STATUSES), name="report_due"),
            # What the classifier learns from: the newest reports whose category staff chose.
            models.Index(
                F("updated_at").desc(), condition=Q(category_source="staff"), name="report_taught"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def is_own(self, user: User | AnonymousUser, *, tracking_token: str = "") -> bool:
        """Whether this user wrote it, or the bearer of this token did so anonymously."""
        if self.reporter_id is not None:
            return self.reporter_id == user.pk
        if not tracking_token or self.tracking_token_hash is None:
            return False
        return secrets.compare_digest(self.tracking_token_hash, hash_tracking_token(tracking_token))

    def may_be_changed_by(self, user: User) -> bool:
        """Whether this user is staff of the report's department, or a superuser."""
        if not (user.is_active and user.is_staff):
            return False
        if user.is_superuser:
            return True
        return user.department_memberships.filter(department=self.department_id).exists()


class StatusChange(models.Model):
    """One line of a report's history; the first one is its arrival."""

    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="history", db_index=False
    )
    from_status = models.CharField(max_length=12, choices=Status.choices, blank=True)
    to_status = models.CharField(max_length=12, choices=Status.choices)
    note = ParagraphsField(
        blank=True,
        max_length=NOTE_MAX_CHARACTERS,
        help_text="Everybody who sees the report reads it.",
    )
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [
            # The history of one report, in order.
            models.Index(fields=["report", "at", "id"], name="statuschange_history"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status or 'received'} → {self.to_status}"


def hash_tracking_token(token: str) -> str:
    """64 hexadecimal digits; the token itself has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_tracking_token() -> str:
    return secrets.token_urlsafe(32)
