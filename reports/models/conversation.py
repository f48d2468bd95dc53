"""What is said about a report: public comments, official replies, and notes among staff."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import User
from jobs.model_fields import LineField, ParagraphsField
from reports.catalogue.texts import TEXT_MAX_CHARACTERS, InLanguages, TranslationsValidator
from reports.models import erasure
from reports.models.catalogue import Category
from reports.models.departments import Department
from reports.models.report import Report

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

COMMENT_MAX_CHARACTERS = 4_000
PLACEHOLDERS = ("number", "title", "category", "department", "status", "address")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class CommentQuerySet(models.QuerySet["Comment"]):
    """Queries that choose comments by who may read them."""

    def public(self) -> CommentQuerySet:
        return self.filter(published_at__isnull=False, deleted_at__isnull=True)

    def own(
        self, user: User | AnonymousUser, *, on: Report, tracking_token: str = ""
    ) -> CommentQuerySet:
        """Return the comments on a report that this user, or the holder of the token, wrote."""
        wrote = Q(author=user) if isinstance(user, User) else Q(pk__isnull=True)
        if on.is_held(tracking_token):
            wrote |= Q(is_by_holder=True)
        return self.filter(wrote, report=on, deleted_at__isnull=True)

    def readable_by(
        self, user: User | AnonymousUser, *, on: Report, tracking_token: str = ""
    ) -> CommentQuerySet:
        """Return the comments on a report that this user, or the holder of the token, may read.

        These are the public ones and their own; whoever works on the report reads those that wait
        for moderation or were hidden too. A deleted comment is read by nobody.
        """
        comments = self.filter(report=on, deleted_at__isnull=True)
        if isinstance(user, User) and on.may_be_changed_by(user):
            return comments
        own = self.own(user, on=on, tracking_token=tracking_token)
        return comments.filter(Q(published_at__isnull=False) | Q(pk__in=own.values("pk")))


class Comment(models.Model):
    """A comment by a citizen, or an official reply of a department; public once published."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="comments", db_index=False
    )
    author = models.ForeignKey(
        User, null=True, on_delete=erasure.remove_comment, related_name="report_comments"
    )
    text = ParagraphsField(max_length=COMMENT_MAX_CHARACTERS, help_text=_("What was written."))
    is_official = models.BooleanField(default=False, help_text=_("A reply of the administration."))
    is_by_holder = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Written with the tracking token of the report: its anonymous reporter did."),
    )
    department = models.ForeignKey(
        Department,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text=_("In whose name an official reply was sent."),
    )
    text_digest = models.BigIntegerField(
        null=True,
        editable=False,
        help_text=_("Stands for the words of a longer text, so that copies of it are noticed."),
    )
    created_at = models.DateTimeField(db_default=Now(), help_text=_("When it was written."))
    published_at = models.DateTimeField(
        null=True, help_text=_("When it became public; empty while it waits or is hidden.")
    )
    deleted_at = models.DateTimeField(null=True, help_text=_("When its author deleted it."))

    objects = CommentQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # The conversation about one report, in order.
            models.Index(fields=["report", "created_at", "id"], name="comment_of_report"),
            # The public comments of a period, latest first, for other programs.
            models.Index(
                F("published_at").desc(),
                F("id").desc(),
                condition=Q(published_at__isnull=False, deleted_at__isnull=True),
                name="comment_published",
            ),
            # The same words from several people lately.
            models.Index(
                "text_digest",
                "created_at",
                condition=Q(text_digest__isnull=False),
                name="comment_same_text",
            ),
        ]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class StaffNote(models.Model):
    """A note among staff about a report; it is never public, so it has a table of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="staff_notes", db_index=False
    )
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    text = ParagraphsField(max_length=COMMENT_MAX_CHARACTERS, help_text=_("What was written."))
    created_at = models.DateTimeField(db_default=Now(), help_text=_("When it was written."))

    class Meta:
        indexes: ClassVar = [
            # The notes about one report, in order.
            models.Index(fields=["report", "created_at", "id"], name="staffnote_of_report"),
        ]

    def __str__(self) -> str:
        return f"note {self.pk}"


def validate_placeholders(text: str) -> None:
    """Check that a template names only placeholders that can be filled.

    Raises:
        ValidationError: it names another one.
    """
    unknown = sorted({name for name in PLACEHOLDER.findall(text) if name not in PLACEHOLDERS})
    if unknown:
        expected = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValidationError(f"Unknown placeholder {{{unknown[0]}}}. Expected one of: {expected}.")


class ReplyTemplateQuerySet(models.QuerySet["ReplyTemplate"]):
    """Queries that choose templates."""

    def for_report(self, report: Report) -> ReplyTemplateQuerySet:
        """Return the active templates for this report's department and category, or for any."""
        return self.filter(
            Q(department=None) | Q(department=report.department_id),
            Q(category=None) | Q(category=report.category_id),
            is_active=True,
        )


class ReplyTemplate(InLanguages, models.Model):
    """The text of an official reply, with placeholders such as {number} or {department}."""

    name = LineField(
        max_length=80, unique=True, help_text=_("For staff, such as “Repair planned”.")
    )
    body = ParagraphsField(
        max_length=TEXT_MAX_CHARACTERS,
        validators=[validate_placeholders],
        help_text="Placeholders: " + ", ".join(f"{{{name}}}" for name in PLACEHOLDERS) + ".",
    )
    translations = models.JSONField(
        default=dict,
        blank=True,
        validators=[TranslationsValidator(("body",))],
        help_text=_('Such as {"es": {"body": …}}.'),
    )
    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="reply_templates",
        help_text=_("Empty: for every department."),
    )
    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="reply_templates",
        help_text=_("Empty: for every category."),
    )
    is_active = models.BooleanField(default=True, help_text=_("Off: it is kept, but not offered."))

    objects = ReplyTemplateQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.translations = self.translations or {}
        for texts in self.translations.values():
            try:
                validate_placeholders(str(texts.get("body", "")))
            except ValidationError as error:
                raise ValidationError({"translations": error.messages}) from error
