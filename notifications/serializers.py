"""The JSON of the SMS provider's receipts."""

from __future__ import annotations

from rest_framework import serializers

from jobs.http.fields import StrictTextField
from jobs.http.payloads import PayloadSerializer
from notifications.models import Receipt


class ReceiptSerializer(PayloadSerializer):
    """What became of one message."""

    id = StrictTextField(
        max_length=200,
        trim_whitespace=False,
        help_text="The provider's id, as it answered when it took the message.",
    )
    status = serializers.ChoiceField(choices=Receipt.Status.choices)
    error = StrictTextField(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="Why it was not delivered, in the provider's words.",
    )
