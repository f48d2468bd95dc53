"""What the SMS provider tells, as JSON."""

from __future__ import annotations

from rest_framework import serializers

from jobs.fields import StrictTextField
from jobs.serializers import PayloadSerializer
from notifications.models import Receipt


class ReceiptSerializer(PayloadSerializer):
    """What became of one message."""

    id = StrictTextField(
        max_length=200, trim_whitespace=False, help_text="The provider's id, as it answered when it took the message."
    )
    status = serializers.ChoiceField(choices=Receipt.Status.choices)
    error = StrictTextField(max_length=500, required=False, allow_blank=True, default="")
