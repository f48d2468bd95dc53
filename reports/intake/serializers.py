"""The bodies by which reports are sent and corrected."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts import phones
from accounts.errors import PhoneInvalid
from jobs.http.fields import CoordinateField, LineField, ParagraphsField
from reports.fields import CategoryField, RandomIdField
from reports.following.contacts import Contact
from reports.intake import answers
from reports.intake.submission import NewReport
from reports.models import DESCRIPTION_MAX_CHARACTERS, TITLE_MAX_CHARACTERS, Severity


class ContactSerializer(serializers.Serializer[Contact]):
    """Where an anonymous reporter is told of the report: an address, a number, or both."""

    name = LineField(
        max_length=100, required=False, allow_blank=True, default="", help_text="How to call you."
    )
    email = serializers.EmailField(
        max_length=254, required=False, allow_blank=True, default="", help_text="Your address."
    )
    phone = LineField(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        help_text="Your number, such as +12025550123.",
    )

    def validate_phone(self, phone: str) -> str:
        try:
            return phones.normalise(phone) if phone else ""
        except PhoneInvalid as error:
            raise serializers.ValidationError(str(error)) from error

    def validate(self, attrs: dict[str, Any]) -> Contact:
        if not (attrs["email"] or attrs["phone"]):
            raise serializers.ValidationError("Give an email address or a phone number.")
        return Contact(**attrs, locale=self.context.get("locale", "en"))


class MetresField(serializers.FloatField):
    """A length in metres; a text that looks like one is refused."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool | str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NewReportSerializer(serializers.Serializer[NewReport]):
    """A problem to report."""

    title = LineField(max_length=TITLE_MAX_CHARACTERS, help_text="The problem in a few words.")
    description = ParagraphsField(
        max_length=DESCRIPTION_MAX_CHARACTERS, help_text="What is wrong, and where exactly."
    )
    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)
    severity = serializers.ChoiceField(
        choices=Severity.choices, required=False, help_text="That of the category unless given."
    )
    category = CategoryField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Slug of the category; without it the description decides.",
    )
    address = LineField(
        max_length=300,
        required=False,
        allow_blank=True,
        default="",
        help_text="The place in words, such as street and number.",
    )

    answers = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        required=False,
        default=dict,
        help_text="Answers to the questions of the category you name: code → text, number, the key "
        "of a value, or a list of keys.",
    )
    contact = ContactSerializer(
        required=False,
        allow_null=True,
        default=None,
        help_text="Where to tell you of the report, if you do not sign in. Nobody else sees it.",
    )
    client_id = RandomIdField(
        required=False,
        allow_null=True,
        default=None,
        help_text="A random UUID (version 4 or 7) of yours for this report. Sent again, it answers "
        "200 with the report that is there. Keep it secret unless you sign in.",
    )
    device_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default=None,
        help_text="When it was written, by the device's clock.",
    )
    accuracy_metres = MetresField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=100_000,
        help_text="How accurate the place is, by the device.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            checked = answers.check(attrs["category"], attrs["answers"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"answers": error.detail}) from error
        return attrs | {"answers": checked}

    def new_report(self) -> NewReport:
        """Return what was sent, once it is valid."""
        return NewReport(**self.validated_data)


class CorrectionSerializer(serializers.Serializer[dict[str, Any]]):
    """What a reporter corrects; fields that are left out stay as they are."""

    title = LineField(
        max_length=TITLE_MAX_CHARACTERS, required=False, help_text="What is wrong, in a few words."
    )
    description = ParagraphsField(
        max_length=DESCRIPTION_MAX_CHARACTERS, required=False, help_text="What is wrong, in detail."
    )
    latitude = CoordinateField(limit=90, required=False, help_text="Degrees north (WGS 84).")
    longitude = CoordinateField(limit=180, required=False, help_text="Degrees east (WGS 84).")
    category = CategoryField(
        required=False,
        allow_null=True,
        help_text="Slug of a category; null: let the classifier choose.",
    )
    address = LineField(
        max_length=300, required=False, allow_blank=True, help_text="The place in words."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("latitude" in attrs) != ("longitude" in attrs):
            raise serializers.ValidationError("Send latitude and longitude together.")
        if not attrs:
            raise serializers.ValidationError("Send at least one field.")
        return attrs
