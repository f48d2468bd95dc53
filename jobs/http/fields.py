"""Serializer fields that take what was promised and nothing like it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from jobs import numbers
from jobs.plain_text import one_line, paragraphs

#: What PostgreSQL cannot store. No keyboard writes it, so it is refused and not taken out.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class StrictTextField(serializers.CharField):
    """Text only: a number or a boolean is not turned into text."""

    default_error_messages = {"invalid": "Expected text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class LineField(StrictTextField):
    """A text on one line, such as a title or a name, as `jobs.plain_text` has it."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if _UNSTORABLE.search(text):
            return text  # the field's own validators say what is wrong
        text = self.clean_text(text)
        if not text and not self.allow_blank:
            self.fail("blank")
        return text

    def clean_text(self, text: str) -> str:
        """Return what is stored of `text`."""
        return one_line(text)


class ParagraphsField(LineField):
    """A text of several lines, such as a description or a comment, as `jobs.plain_text` has it."""

    def clean_text(self, text: str) -> str:
        return paragraphs(text)


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


class NumberField(serializers.FloatField):
    """A finite JSON number, as the schema says: neither text nor a boolean stands for one."""

    default_error_messages = {"invalid": "Expected a finite number."}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        try:
            return numbers.finite(data)
        except ValueError:
            self.fail("invalid")


class QueryNumberField(NumberField):
    """A number in a query, where everything is text: in plain decimal digits."""

    def to_internal_value(self, data: Any) -> float:
        try:
            return super().to_internal_value(numbers.decimal(str(data)))
        except ValueError:
            self.fail("invalid")


class CoordinateField(NumberField):
    """Decimal degrees (WGS 84), at most `limit` from zero."""

    default_error_messages = {
        "invalid": "Expected a number, in degrees.",
        "min_value": "Expected degrees of at least {min_value}.",
        "max_value": "Expected degrees of at most {max_value}.",
    }

    def __init__(self, *, limit: int, **options: Any) -> None:
        super().__init__(min_value=-limit, max_value=limit, **options)


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
