"""The JSON of answers to the question whether a problem is repaired."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import CoordinateField, ParagraphsField
from reports.confirmation.neighbours import Position
from reports.models import NOTE_MAX_CHARACTERS, Confirmation, Status


class RepairAnswerSerializer(serializers.Serializer[dict[str, Any]]):
    """An answer to the question whether a problem is repaired."""

    is_fixed = serializers.BooleanField(help_text="Whether the problem is repaired.")
    note = ParagraphsField(
        max_length=NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="What is still wrong; only staff read it.",
    )
    token = serializers.CharField(
        max_length=100,
        required=False,
        help_text="The last part of the link in the message that the report is resolved; with it "
        "nobody needs to sign in.",
    )
    latitude = CoordinateField(
        limit=90, required=False, help_text="Where a neighbour is, in degrees."
    )
    longitude = CoordinateField(
        limit=180, required=False, help_text="Where a neighbour is, in degrees."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("latitude" in attrs) != ("longitude" in attrs):
            missing = "longitude" if "latitude" in attrs else "latitude"
            raise serializers.ValidationError({missing: "Give both or neither."})
        return attrs

    def position(self) -> Position | None:
        """Return where the sender is, if that was sent."""
        sent = self.validated_data
        return Position(sent["latitude"], sent["longitude"]) if "latitude" in sent else None


class RepairAnswerWithPhotoSerializer(RepairAnswerSerializer):
    """An answer to the question whether a problem is repaired, with a photo."""

    photo = serializers.FileField(
        required=False,
        allow_empty_file=True,
        help_text="A photo of what is still wrong, as for a report; only staff and you see it.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "photo" in attrs and attrs["is_fixed"]:
            message = "A photo shows what is still wrong: send it with the answer no."
            raise serializers.ValidationError({"photo": message})
        return super().validate(attrs)


class ConfirmationSerializer(serializers.ModelSerializer[Confirmation]):
    """A stored answer."""

    status = serializers.ChoiceField(
        source="report.status", choices=Status.choices, help_text="Status of the report now."
    )

    photo = serializers.PrimaryKeyRelatedField[Any](
        read_only=True,
        allow_null=True,
        pk_field=serializers.UUIDField(),
        help_text="The photo that came with it, if one did.",
    )

    class Meta:
        model = Confirmation
        fields = ("is_fixed", "source", "at", "status", "photo")
        read_only_fields = fields
