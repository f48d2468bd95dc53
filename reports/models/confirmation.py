"""Table of the answers to the question whether a problem is repaired."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.model_fields import ParagraphsField
from reports.models import erasure
from reports.models.photos import Photo
from reports.models.report import NOTE_MAX_CHARACTERS, Report


class ConfirmedBy(models.TextChoices):
    """Who says, or what shows, whether a problem is repaired."""

    REPORTER = "reporter", _("its reporter")
    NEIGHBOUR = "neighbour", _("a neighbour")
    PHOTO = "photo", _("a photo of the repair")


class Confirmation(models.Model):
    """An answer to the question whether a problem is repaired.

    Each resolution has at most one "yes", which counts it as a confirmed repair, and one "no",
    which opened the report again.
    """

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="confirmations")
    resolution = models.BigIntegerField(
        help_text=_("The line of the history by which the report was resolved.")
    )
    source = models.CharField(
        max_length=10, choices=ConfirmedBy.choices, help_text=_("Who or what says so.")
    )
    is_fixed = models.BooleanField("repaired", help_text=_("Whether the answer was yes."))
    note = ParagraphsField(
        max_length=NOTE_MAX_CHARACTERS,
        blank=True,
        help_text=_("What is still wrong; only staff read it."),
    )
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=erasure.remove_note,
        related_name="+",
        help_text=_("Who answered; empty where a link or a photo did."),
    )
    photo = models.OneToOneField(
        Photo,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="confirmation",
        help_text=_("The photo that shows the repair, or what is still wrong."),
    )
    at = models.DateTimeField(db_default=Now(), help_text=_("When it was answered."))

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resolution", "is_fixed"], name="reports_confirmation_once"
            )
        ]

    def __str__(self) -> str:
        return (
            f"{'repaired' if self.is_fixed else 'not repaired'}, says {self.get_source_display()}"
        )
