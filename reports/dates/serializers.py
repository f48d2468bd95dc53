"""The date by which a report is likely to be done, in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.kept import Kept
from reports.dates.showing import ExpectedDate
from reports.models import Basis


class ExpectedDateSerializer(serializers.Serializer[ExpectedDate]):
    """When the report is likely to be done: a forecast, not a promise; `due_at` is the deadline."""

    basis = serializers.ChoiceField(
        choices=Basis.choices,
        help_text="`history`: a forecast, learned from the city's earlier reports of its kind. "
        "`target`: there are too few of them, so it is the deadline. `none`: no date can be given.",
    )
    earliest_at = serializers.DateTimeField(
        allow_null=True,
        help_text="The beginning of the range in which 8 of 10 such reports are done; null unless "
        "`basis` is `history`.",
    )
    likely_at = serializers.DateTimeField(
        allow_null=True,
        help_text="The likely time: as many such reports are done before it as after it. With the "
        "basis `target` the deadline; null with `none`.",
    )
    latest_at = serializers.DateTimeField(
        allow_null=True,
        help_text="The end of that range; null where it is later than any report took so far, and "
        "unless `basis` is `history`.",
    )
    in_words = serializers.CharField(help_text="The same as a sentence for citizens.")


_DATES = Kept(ExpectedDateSerializer)


def shown(expected: ExpectedDate | None) -> dict[str, Any] | None:
    """Return the date as the API has it."""
    return None if expected is None else dict(_DATES.shown(expected, {}))
