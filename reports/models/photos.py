"""Tables of photos: the photos of a report, and the files in which they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import ParagraphsField
from reports.models.report import Report

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

TAKEDOWN_REASON_MAX_CHARACTERS = 500


class Refusal(models.TextChoices):
    """Why a photo was not taken, in a sentence for whoever sent it."""

    EMPTY = "empty", _("The file is empty. Send the photo again.")
    NOT_A_PHOTO = "not_a_photo", _("This file is no photo. Send a JPEG, PNG, WebP or HEIC.")
    HEIC_UNSUPPORTED = (
        "heic_unsupported",
        _("HEIC photos cannot be read here. Send the photo as JPEG."),
    )
    TOO_MANY_PIXELS = (
        "too_many_pixels",
        _("The photo has too many pixels. Send it in a smaller size."),
    )
    ANIMATED = "animated", _("This is an animation. Send a still photo.")
    DAMAGED = "damaged", _("The file is damaged or incomplete. Send the photo again.")
    TOO_COMPLEX = (
        "too_complex",
        _("Reading the photo takes too long. Save it as an ordinary JPEG and send that."),
    )
    FAILED = "failed", _("The photo could not be processed. Send it again later.")


class PhotoKind(models.TextChoices):
    """What a photo shows."""

    BEFORE = "before", _("the problem")
    REPAIR = "repair", _("the repair")
    UNREPAIRED = "unrepaired", _("what is still wrong")  # for staff and whoever sent it alone


class PhotoState(models.TextChoices):
    """How far a photo is."""

    PENDING = "pending", _("being processed")
    READY = "ready", _("ready")
    REFUSED = "refused", _("refused")
    TAKEN_DOWN = "taken_down", _("taken down")


class PhotoQuerySet(models.QuerySet["Photo"]):
    """Queries that choose photos."""

    def kept(self) -> PhotoQuerySet:
        """Return the photos that count towards a report's number: all but the refused ones."""
        return self.exclude(state=PhotoState.REFUSED)

    def public(self) -> PhotoQuerySet:
        """Return the photos that everybody sees who may read their reports."""
        return self.filter(state=PhotoState.READY).exclude(kind=PhotoKind.UNREPAIRED)

    def proving_repair(self) -> PhotoQuerySet:
        """Return the photos that can confirm a repair: ready ones of kind `repair`."""
        return self.filter(state=PhotoState.READY, kind=PhotoKind.REPAIR)

    def unfinished(self) -> PhotoQuerySet:
        """Return the photos that a task may process: pending ones, and those it failed with."""
        return self.filter(Q(state=PhotoState.PENDING) | Q(refusal=Refusal.FAILED))

    def shown_to(self, user: User | AnonymousUser, *, tracking_token: str = "") -> PhotoQuerySet:
        """Return the photos whose pictures this user may see.

        These are the ready ones of the reports that they may read, those of what is still wrong
        for the report's sender and staff alone; and those taken down for staff of the report's
        department.
        """
        readable = Report.objects.visible_to(user, tracking_token=tracking_token)
        own = Report.objects.sent_by(user, tracking_token=tracking_token)
        is_ready, is_public = Q(state=PhotoState.READY), ~Q(kind=PhotoKind.UNREPAIRED)
        shown = is_ready & is_public & Q(report__in=readable.values("pk"))
        shown |= is_ready & Q(report__in=own.values("pk"))
        if isinstance(user, User) and user.is_staff:
            theirs = Report.objects.for_staff(user).values("pk")
            shown |= Q(state__in=(PhotoState.READY, PhotoState.TAKEN_DOWN), report__in=theirs)
        return self.filter(shown)


class Photo(models.Model):
    """A photo of a report, from its arrival on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="photos")
    citizen = models.ForeignKey(
        User,
        null=True,
        on_delete=models.CASCADE,
        related_name="photos",
        help_text=_("Who sent it and with whom it is erased; empty for staff and the anonymous."),
    )
    kind = models.CharField(max_length=10, choices=PhotoKind.choices, default=PhotoKind.BEFORE)
    state = models.CharField(max_length=10, choices=PhotoState.choices, default=PhotoState.PENDING)
    refusal = models.CharField(max_length=20, choices=Refusal.choices, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    taken_at = models.DateTimeField(null=True, help_text=_("When it was taken, by the camera."))
    latitude = models.FloatField(null=True, help_text=_("Where it was taken, by the camera."))
    longitude = models.FloatField(null=True)
    takedown_reason = ParagraphsField(max_length=TAKEDOWN_REASON_MAX_CHARACTERS, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = PhotoQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="refused") ^ Q(refusal=""), name="reports_photo_refusal"
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="reports_photo_place",
            ),
        ]

    def __str__(self) -> str:
        return f"photo of {self.get_kind_display()}"

    @property
    def is_public(self) -> bool:
        """Return whether everybody sees it who may read the report."""
        return self.state == PhotoState.READY and self.kind != PhotoKind.UNREPAIRED

    def settle(self, **fields: Any) -> None:
        """Set these fields and save them alone."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.save(update_fields=list(fields))


class PhotoFile(models.Model):
    """The name of a file in the storage of photos; it is stored before the file is written.

    So whatever is killed when, each file has a row. Files that belong to no photo are deleted by
    `imaging.files`.
    """

    class Size(models.TextChoices):
        """Which picture of the photo it is."""

        ORIGINAL = "original", _("as it was sent")
        FULL = "full", _("full")
        LARGE = "large", _("large")
        MEDIUM = "medium", _("medium")
        SMALL = "small", _("small")

    #: The sizes that people see.
    SHOWN_SIZES = (Size.FULL, Size.LARGE, Size.MEDIUM, Size.SMALL)

    photo = models.ForeignKey(
        Photo, null=True, on_delete=models.SET_NULL, related_name="files", db_index=False
    )
    size = models.CharField(max_length=10, choices=Size.choices)
    name = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    condemned_at = models.DateTimeField(
        null=True, help_text=_("Since when it is to be deleted; it gets no photo any more.")
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["photo", "size"], name="reports_photofile_unique"),
            models.CheckConstraint(
                condition=Q(condemned_at__isnull=True) | Q(photo__isnull=True),
                name="reports_photofile_condemned",
            ),
        ]
        indexes: ClassVar = [
            # What is to be deleted, or never got its photo.
            models.Index("created_at", condition=Q(photo__isnull=True), name="photofile_orphan"),
            # The originals of photos that could not be processed.
            models.Index("created_at", condition=Q(size="original"), name="photofile_original"),
        ]

    def __str__(self) -> str:
        return self.name
