"""Serializer fields that take what was promised and nothing like it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers


class StrictTextField(serializers.CharField):
    """Text only: a number or a boolean is not turned into text."""

    default_error_messages = {"invalid": "Expected text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictRegexField(StrictTextField, serializers.RegexField):
    """Text that matches."""

    default_error_messages = {"invalid": "Expected text of the required pattern."}


class StrictBooleanField(serializers.BooleanField):
    """JSON's `true` or `false`: neither a word nor a number stands for one."""

    default_error_messages = {"invalid": "Expected true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class MomentField(serializers.DateTimeField):
    """A time from 1970 to 2999: any period may be counted from it, in either direction."""

    EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
    BEFORE = datetime(3000, 1, 1, tzinfo=UTC)
    default_error_messages = {"range": "Expected a time from 1970 to 2999."}

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not self.EARLIEST <= moment < self.BEFORE:
            self.fail("range")
        return moment
