"""The conversation about a report in the API. No answer names a citizen."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import ParagraphsField
from jobs.http.queries import QuerySerializer
from reports.conversation.replying import Preview
from reports.models import (
    COMMENT_MAX_CHARACTERS,
    MODERATION_NOTE_MAX_CHARACTERS,
    Comment,
    Department,
    StaffNote,
    WithholdingReason,
)


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A comment on a report, or an official reply."""

    department = serializers.SlugRelatedField[Department](
        slug_field="name",
        read_only=True,
        allow_null=True,
        help_text="The department that replies; null for a citizen's comment.",
    )
    is_public = serializers.SerializerMethodField(
        help_text="False while it waits for moderation, or once it was hidden."
    )
    is_own = serializers.SerializerMethodField(help_text="Whether you wrote it.")
    is_by_reporter = serializers.SerializerMethodField(
        help_text="Whether whoever reported the problem wrote it."
    )

    class Meta:
        model = Comment
        extra_kwargs = {"id": {"help_text": "Identifies the comment."}}
        fields = (
            "id",
            "text",
            "is_official",
            "department",
            "created_at",
            "is_public",
            "is_own",
            "is_by_reporter",
        )
        read_only_fields = fields

    def get_is_public(self, comment: Comment) -> bool:
        return comment.published_at is not None

    def get_is_own(self, comment: Comment) -> bool:
        if comment.is_by_holder:
            return bool(self.context.get("is_holder"))
        return comment.author_id is not None and comment.author_id == self._user_id()

    def get_is_by_reporter(self, comment: Comment) -> bool:
        reporter_id = self.context["report"].reporter_id
        return comment.is_by_holder or (
            reporter_id is not None and comment.author_id == reporter_id and not comment.is_official
        )

    def _user_id(self) -> Any:
        return self.context["request"].user.pk


class NewCommentSerializer(serializers.Serializer[dict[str, Any]]):
    """The text of a comment or note."""

    text = ParagraphsField(max_length=COMMENT_MAX_CHARACTERS, help_text="What you write.")


class HidingSerializer(serializers.Serializer[dict[str, Any]]):
    """Why staff hide a comment; its author is told."""

    reason = serializers.ChoiceField(
        choices=WithholdingReason.choices, help_text="Why; its author is told."
    )
    note = ParagraphsField(
        max_length=MODERATION_NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Its author reads it.",
    )


class StaffNoteSerializer(serializers.ModelSerializer[StaffNote]):
    """A note among staff."""

    author = serializers.SerializerMethodField(help_text="The name of its author.")

    class Meta:
        model = StaffNote
        extra_kwargs = {"id": {"help_text": "Identifies the note."}}
        fields = ("id", "text", "author", "created_at")
        read_only_fields = fields

    def get_author(self, note: StaffNote) -> str:
        return note.author.name if note.author else ""


class LanguageSerializer(QuerySerializer):
    """The language in which templates are shown."""

    language = serializers.RegexField(
        r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z",
        required=False,
        default="",
        help_text="A language tag such as `es`; the reporter's own unless given.",
    )


class ReplyPreviewSerializer(serializers.Serializer[Preview]):
    """A template, filled for one report."""

    template = serializers.IntegerField(
        source="template.pk", read_only=True, help_text="The number of the template."
    )
    name = serializers.CharField(
        source="template.name", read_only=True, help_text="The name of the template, for staff."
    )
    language = serializers.CharField(read_only=True, help_text="The language of the text.")
    text = serializers.CharField(read_only=True, help_text="The text, filled for the report.")


class NewReplySerializer(serializers.Serializer[dict[str, Any]]):
    """An official reply: a text, or a template that is sent as its preview shows it."""

    text = ParagraphsField(
        max_length=COMMENT_MAX_CHARACTERS, required=False, help_text="The reply as it is sent."
    )
    template = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="The number of a template."
    )
    language = serializers.RegexField(
        r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z",
        required=False,
        default="",
        help_text="The language of the template; the reporter's own unless given.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("template" in attrs):
            raise serializers.ValidationError("Send either a text or a template.")
        return attrs
