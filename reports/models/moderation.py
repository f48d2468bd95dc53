"""Moderation: what waits for a decision, what was flagged, and blocked words."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import LineField, ParagraphsField
from reports.models.departments import Department
from reports.models.phrases import WORDS_IN_PHRASE, phrase_of
from reports.models.report import Report

MODERATION_NOTE_MAX_CHARACTERS = 500


class SubjectKind(models.TextChoices):
    """What can be moderated; `moderation.subjects` knows how each kind is shown and hidden."""

    REPORT = "report", _("report")
    COMMENT = "comment", _("comment")


class ModerationState(models.TextChoices):
    """How far moderation has come with a report or comment."""

    WAITING = "waiting", _("waiting")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class WithholdingReason(models.TextChoices):
    """Why something must not be public; its author is told."""

    SPAM = "spam", _("advertising or spam")
    INSULT = "insult", _("insults somebody")
    PERSONAL_DATA = "personal_data", _("names a person or shows private details")
    OFF_TOPIC = "off_topic", _("is not about a problem in the city")
    UNTRUE = "untrue", _("is not true")
    OTHER = "other", _("another reason")


class ModerationCaseQuerySet(models.QuerySet["ModerationCase"]):
    """Queries that choose cases, and the settling of cases by steps of staff."""

    def waiting(self) -> ModerationCaseQuerySet:
        return self.filter(state=ModerationState.WAITING)

    def for_staff(self, user: User) -> ModerationCaseQuerySet:
        """Return the cases about which this member of staff decides.

        These are all for a superuser and for whoever has the permission `reports.moderate`,
        otherwise those on reports of their departments.
        """
        if not (user.is_active and user.is_staff):
            return self.none()
        if user.has_perm("reports.moderate"):
            return self.all()
        departments = Department.objects.worked_in_by(user).values("pk")
        return self.filter(report__department__in=departments)

    def settle(self, report: Report, *, by: User | None, is_public: bool) -> bool:
        """Close the report's waiting case, since a step of staff has decided its publication.

        Return whether there was one.
        """
        state = ModerationState.APPROVED if is_public else ModerationState.REJECTED
        waiting = self.waiting().filter(kind=SubjectKind.REPORT, subject_id=report.pk)
        decision = {"state": state, "is_withheld": not is_public, "decided_by": by}
        return bool(waiting.update(decided_at=Now(), **decision))

    def forbids(self, report: Report) -> bool:
        """Return whether a moderator has decided that this report must not be public."""
        decided = self.filter(kind=SubjectKind.REPORT, subject_id=report.pk)
        return decided.filter(state=ModerationState.REJECTED).exclude(rejection="").exists()


class ModerationCase(models.Model):
    """What moderation has to decide, or decided, about one report or comment: one row for each."""

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False, help_text=_("Identifies the case.")
    )
    report = models.ForeignKey(
        Report,
        on_delete=models.CASCADE,
        related_name="moderation_cases",
        help_text=_("The report itself, or the one to which the comment belongs."),
    )
    kind = models.CharField(
        max_length=10, choices=SubjectKind.choices, help_text=_("What it is about.")
    )
    subject_id = models.UUIDField(help_text=_("The id of the report or comment."))
    reasons = models.JSONField(
        default=list, help_text=_("Why it waits: a list of a code and a detail each.")
    )
    is_withheld = models.BooleanField(
        default=True, help_text=_("Whether the public does not see it meanwhile.")
    )
    was_public_since = models.DateTimeField(
        null=True, help_text=_("Since when it was public before it was withheld.")
    )
    state = models.CharField(
        max_length=10,
        choices=ModerationState.choices,
        default=ModerationState.WAITING,
        help_text=_("Whether it waits for a decision, or which one was taken."),
    )
    created_at = models.DateTimeField(db_default=Now(), help_text=_("Since when it waits."))
    decided_at = models.DateTimeField(null=True, help_text=_("When staff decided."))
    decided_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text=_("The member of staff who decided."),
    )
    rejection = models.CharField(
        max_length=16,
        choices=WithholdingReason.choices,
        blank=True,
        help_text=_("A moderator's reason; empty where a step of staff settled the case."),
    )
    note = ParagraphsField(
        max_length=MODERATION_NOTE_MAX_CHARACTERS, blank=True, help_text=_("The author reads it.")
    )

    objects = ModerationCaseQuerySet.as_manager()

    class Meta:
        verbose_name = "case of moderation"
        verbose_name_plural = "moderation"
        permissions: ClassVar = [
            ("moderate", "Can decide about everything that waits for moderation")
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"], name="reports_moderationcase_subject"
            ),
        ]
        indexes: ClassVar = [
            # The queue, and the lists of what was decided, oldest first.
            models.Index(fields=["state", "created_at", "id"], name="moderationcase_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject_id}"


class FlagReason(models.TextChoices):
    """Why somebody flags a report or comment."""

    SPAM = "spam", _("advertising or spam")
    INSULT = "insult", _("insulting or hateful")
    PERSONAL_DATA = "personal_data", _("private details of somebody")
    UNTRUE = "untrue", _("not true")
    OTHER = "other", _("something else")


class Flag(models.Model):
    """One person's hint that a report or comment should be looked at."""

    case = models.ForeignKey(
        ModerationCase, on_delete=models.CASCADE, related_name="flags", db_index=False
    )
    by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="flags")
    host = models.CharField(
        max_length=64, blank=True, help_text=_("Digest of the address, where nobody is signed in.")
    )
    reason = models.CharField(max_length=16, choices=FlagReason.choices)
    note = ParagraphsField(max_length=MODERATION_NOTE_MAX_CHARACTERS, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            # One flag a person, or an address; requests at the same moment store one.
            models.UniqueConstraint(
                fields=["case", "by"], condition=Q(by__isnull=False), name="reports_flag_of_person"
            ),
            models.UniqueConstraint(
                fields=["case", "host"], condition=Q(by__isnull=True), name="reports_flag_of_host"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.case}"


class BlockedWord(models.Model):
    """A word, or a phrase of few words, that sends a text to moderation."""

    word = LineField(
        max_length=80, help_text=_("In any spelling; upper case, accents and digits do not matter.")
    )
    phrase = models.CharField(
        max_length=80, unique=True, editable=False, help_text=_("The word as texts are compared.")
    )
    language = LineField(max_length=12, blank=True, help_text=_("Such as en; for the list only."))
    is_active = models.BooleanField(
        default=True, help_text=_("Off: it is kept, but holds nothing back.")
    )

    class Meta:
        ordering: ClassVar = ["language", "word"]

    def __str__(self) -> str:
        return self.word

    def save(self, *args: Any, **options: Any) -> None:
        self.phrase = self.comparable()
        super().save(*args, **options)

    def clean(self) -> None:
        phrase = self.comparable()
        if not phrase:
            raise ValidationError({"word": "Expected letters or digits."})
        if len(phrase.split()) > WORDS_IN_PHRASE:
            raise ValidationError({"word": f"A phrase has {WORDS_IN_PHRASE} words at most."})
        if BlockedWord.objects.filter(phrase=phrase).exclude(pk=self.pk).exists():
            raise ValidationError({"word": "This word is on the list already."})

    def comparable(self) -> str:
        """Return the word as texts are compared."""
        return phrase_of(self.word)
