"""Serializer fields that accept exactly what the API documents and convert nothing else."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs import numbers
from jobs.plain_text import one_line, paragraphs

#: Characters that PostgreSQL cannot store. No keyboard writes them, so they are refused and not
#: removed.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class StrictTextField(serializers.CharField):
    """A text; a number or a boolean is refused, not converted."""

    default_error_messages = {"invalid": "Expected text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class LineField(StrictTextField):
    """A text on one line, such as a title or a name, cleaned by `jobs.plain_text`."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if _UNSTORABLE.search(text):
            return text  # the field's own validators say what is wrong
        text = self.clean_text(text)
        if not text and not self.allow_blank:
            self.fail("blank")
        return text

    def clean_text(self, text: str) -> str:
        """Return `text` as it is stored."""
        return one_line(text)


class ParagraphsField(LineField):
    """A text of several lines, such as a description or a comment, cleaned by `jobs.plain_text`."""

    def clean_text(self, text: str) -> str:
        return paragraphs(text)


class StrictRegexField(StrictTextField, serializers.RegexField):
    """A text that matches a regular expression."""

    default_error_messages = {"invalid": "Expected text of the required pattern."}


class StrictBooleanField(serializers.BooleanField):
    """JSON's `true` or `false`; words and numbers are refused."""

    default_error_messages = {"invalid": "Expected true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class QueryBooleanField(StrictBooleanField):
    """`true` or `false` in a query, where everything is text."""

    def to_internal_value(self, data: Any) -> bool:
        return super().to_internal_value({"true": True, "false": False}.get(data, data))


_SPELLINGS: dict[Any, bool] = {
    "true": True, "True": True, "yes": True, "on": True, "1": True,
    "false": False, "False": False, "no": False, "off": False, "0": False,
}  # fmt: skip


@extend_schema_field(
    {
        "oneOf": [
            {"type": "boolean"},
            {"type": "string", "enum": list(_SPELLINGS)},
            {"type": "integer", "enum": [0, 1]},
        ]
    }
)
class SpelledBooleanField(StrictBooleanField):
    """Yes or no in the spellings that earlier clients used, listed in the schema."""

    default_error_messages = {"invalid": "Expected true or false."}

    def to_internal_value(self, data: Any) -> bool:
        spelled = str(data) if isinstance(data, str | int) else data
        return super().to_internal_value(
            _SPELLINGS.get(spelled, data) if isinstance(spelled, str) else data
        )


class IntegerField(serializers.IntegerField):
    """A whole JSON number, as the schema says: neither text nor a boolean stands for one.

    Without another maximum it has that of a `bigint` column.
    """

    default_error_messages = {"invalid": "Expected a whole number."}

    def __init__(self, *, max_value: int = 2**63 - 1, **options: Any) -> None:
        super().__init__(max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> int:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number or data != data // 1:
            self.fail("invalid")
        return int(data)


class QueryIntegerField(IntegerField):
    """A whole number in a query, where everything is text: in plain decimal digits."""

    _DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)

    def to_internal_value(self, data: Any) -> int:
        if not self._DIGITS.fullmatch(str(data)):
            self.fail("invalid")
        return super().to_internal_value(int(data))


class NumberField(serializers.FloatField):
    """A finite JSON number; texts and booleans are refused."""

    default_error_messages = {"invalid": "Expected a finite number."}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        try:
            return numbers.finite(data)
        except ValueError:
            self.fail("invalid")


class QueryNumberField(NumberField):
    """A number in a query string, in plain decimal digits."""

    def to_internal_value(self, data: Any) -> float:
        try:
            return super().to_internal_value(numbers.decimal(str(data)))
        except ValueError:
            self.fail("invalid")


class CoordinateField(NumberField):
    """A latitude or longitude in decimal degrees (WGS 84), from `-limit` to `limit`."""

    default_error_messages = {
        "invalid": "Expected a number, in degrees.",
        "min_value": "Expected degrees of at least {min_value}.",
        "max_value": "Expected degrees of at most {max_value}.",
    }

    def __init__(self, *, limit: int, **options: Any) -> None:
        super().__init__(min_value=-limit, max_value=limit, **options)


class DayField(serializers.DateField):
    """A day as `2026-05-31` (RFC 3339), and no other way that Python knows of writing one."""

    _FORM = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not self._FORM.fullmatch(value):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class MomentField(serializers.DateTimeField):
    """A time from 1970 to 2999, so that a period can be added or subtracted without overflow.

    It is written as in RFC 3339, with its offset: `2026-05-31T08:00:00Z`. Without one it would be
    read as a time of the server's zone.
    """

    _FORM = re.compile(
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})",
        re.ASCII | re.IGNORECASE,
    )

    EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
    BEFORE = datetime(3000, 1, 1, tzinfo=UTC)
    default_error_messages = {"range": "Expected a time from 1970 to 2999."}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not self._FORM.fullmatch(value):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ss[.uuuuuu](Z|+hh:mm|-hh:mm)")
        moment = super().to_internal_value(value)
        if not self.EARLIEST <= moment < self.BEFORE:
            self.fail("range")
        return moment
