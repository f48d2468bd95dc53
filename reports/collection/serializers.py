"""Posts as a webhook sends them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import (
    CoordinateField,
    LineField,
    MomentField,
    ParagraphsField,
    StrictBooleanField,
)
from reports.collection.kinds.protocol import Item
from reports.models.collection import (
    EXTERNAL_ID_MAX_CHARACTERS,
    POST_TEXT_MAX_CHARACTERS,
    URL_MAX_CHARACTERS,
)
from reports.models.report import TITLE_MAX_CHARACTERS

POSTS_MAXIMUM = 100


class SentPostSerializer(serializers.Serializer[dict[str, Any]]):
    """A post at an outside source."""

    id = LineField(
        max_length=EXTERNAL_ID_MAX_CHARACTERS,
        help_text="The post's id at its source; sent again, it is the same post.",
    )
    title = LineField(
        max_length=TITLE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Its title, if it has one.",
    )
    text = ParagraphsField(
        max_length=POST_TEXT_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Its text. Personal data is removed before it is stored.",
    )
    author = LineField(
        max_length=200,
        required=False,
        allow_blank=True,
        default="",
        help_text="The author's handle, of which only a keyed hash is stored.",
    )
    url = LineField(
        max_length=URL_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Where people can read it.",
    )
    posted_at = MomentField(required=False, help_text="When it was posted; by default now.")
    latitude = CoordinateField(limit=90, required=False, help_text="Of the place, if known.")
    longitude = CoordinateField(limit=180, required=False, help_text="Of the place, if known.")
    is_deleted = StrictBooleanField(
        required=False, default=False, help_text="Whether it was deleted; what is stored is erased."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that a post says something, and that a place is whole."""
        if not (attrs["is_deleted"] or attrs["title"] or attrs["text"]):
            raise serializers.ValidationError({"text": "A post has a title or a text."})
        if ("latitude" in attrs) != ("longitude" in attrs):
            missing = "longitude" if "latitude" in attrs else "latitude"
            raise serializers.ValidationError({missing: "A place has both degrees."})
        return attrs


class SentPostsSerializer(serializers.Serializer[dict[str, Any]]):
    """Posts that a webhook sends together."""

    posts = serializers.ListField(
        child=SentPostSerializer(),
        min_length=1,
        max_length=POSTS_MAXIMUM,
        help_text="The posts; of several with one id the last one counts.",
    )

    def items(self) -> list[Item]:
        """Return the posts as items."""
        return [_item(post) for post in self.validated_data["posts"]]


class TakenPostsSerializer(serializers.Serializer[Any]):
    """How many of the posts were new, edited or deleted; the others were known as they are."""

    new = serializers.IntegerField(read_only=True, help_text="Posts that were not known.")
    edited = serializers.IntegerField(
        read_only=True, help_text="Known posts whose content has changed."
    )
    deleted = serializers.IntegerField(read_only=True, help_text="Known posts that were erased.")
    too_old = serializers.IntegerField(
        read_only=True, help_text="Posts older than posts are kept, which were not stored."
    )


def _item(post: dict[str, Any]) -> Item:
    raw = {name: str(value) for name, value in post.items() if value not in ("", None)}
    return Item(
        external_id=post["id"],
        title=post["title"],
        text=post["text"],
        author=post["author"],
        url=post["url"],
        posted_at=post.get("posted_at"),
        latitude=post.get("latitude"),
        longitude=post.get("longitude"),
        is_deleted=post["is_deleted"],
        raw=raw,
    )
