"""The parameters of a request, in its query or its form: an empty one counts as absent."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.http import QueryDict
from django.http.request import split_domain_port
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.exceptions import ValidationError

from georeport.errors import BadRequest, NotFound
from jobs import numbers
from reports.fields import BoundingBoxField
from reports.models import BoundingBox

#: Latitude and longitude in degrees.
Place = tuple[float, float]

LIST_MAXIMUM = 1_000
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
#: Outside of these years a period cannot be added or subtracted safely.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
#: A "+" that was not escaped arrives as a space.
_LOST_PLUS = re.compile(r" (?=\d{2}:?\d{2}$)", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)


class Parameters:
    """Reads parameters by name; what the form says goes before the query.

    Every method raises BadRequest for a value that it cannot read.
    """

    def __init__(self, *sources: QueryDict) -> None:
        self._sources = sources

    def names(self) -> set[str]:
        """Return the names of the parameters that are not empty."""
        return {name for source in self._sources for name in source if self.every(name)}

    def every(self, name: str) -> list[str]:
        """Return the values of a parameter that may stand there several times."""
        for source in self._sources:
            values = [value for value in source.getlist(name) if value.strip()]
            if any("\ufffd" in value for value in values):
                raise BadRequest(f"{name[:40]} is not valid UTF-8.")
            if any("\0" in value for value in values):  # which PostgreSQL cannot store
                raise BadRequest(f"{name[:40]} holds a null character.")
            if values:
                return values
        return []

    def text(self, name: str) -> str:
        """Return a parameter that stands there once, or "" where it is absent."""
        values = set(self.every(name))
        if len(values) > 1:
            raise BadRequest(f"{name} is there several times, with different values.")
        return values.pop().strip() if values else ""

    def listed(self, name: str) -> list[str] | None:
        """Return the entries of a comma-separated list, each once; None where it is absent."""
        parts = [part.strip() for value in self.every(name) for part in value.split(",")]
        entries = list(dict.fromkeys(part for part in parts if part))
        if len(entries) > LIST_MAXIMUM:
            raise BadRequest(f"{name} may list at most {LIST_MAXIMUM:,} values.")
        return entries or None

    def whole(self, name: str, *, default: int, most: int) -> int:
        """Return a whole number from 1 to `most`."""
        text = self.text(name)
        if not text:
            return default
        if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= most:
            raise BadRequest(f"{name} must be a whole number from 1 to {most:,}.")
        return int(text)

    def number(self, name: str, *, limit: int) -> float | None:
        """Return a number from `-limit` to `limit`, or None where it is absent."""
        text = self.text(name)
        if not text:
            return None
        try:
            value = numbers.decimal(text)
        except ValueError:
            value = limit + 1.0
        if abs(value) > limit:
            raise BadRequest(f"{name} must be a number from -{limit} to {limit}.")
        return value

    def place(self) -> Place | None:
        """Return `lat` and `long` in degrees, or None where both are absent."""
        latitude, longitude = self.number("lat", limit=90), self.number("long", limit=180)
        if latitude is not None and longitude is not None:
            return latitude, longitude
        if latitude is not None or longitude is not None:
            raise BadRequest("lat and long belong together; one of them was not provided.")
        return None

    def is_on(self, name: str) -> bool:
        """Return whether a parameter says yes; anything but yes and no is refused."""
        text = self.text(name).lower()
        if text not in {"", "true", "1", "yes", "false", "0", "no"}:
            raise BadRequest(f"{name} must be true or false.")
        return text in {"true", "1", "yes"}

    def moment(self, name: str, *, is_end: bool = False) -> datetime | None:
        """Return a time, or None where it is absent.

        It is written as in ISO 8601; without an offset it is a time of TIME_ZONE. A day alone
        stands for its midnight. Of an end, which belongs to its period, the whole second counts,
        or the whole day.
        """
        text = _LOST_PLUS.sub("+", self.text(name))
        if not text:
            return None
        moment = _day(text, is_end=is_end) or _moment(text, is_end=is_end)
        if moment is None or not _EARLIEST <= moment < _LATEST:
            raise BadRequest(
                f"{name} must be a time in ISO 8601 with its offset, such as 2026-05-31T08:00:00Z."
            )
        return moment

    def box(self, name: str) -> BoundingBox | None:
        """Return a box in degrees, or None where it is absent."""
        text = self.text(name)
        try:
            return BoundingBoxField().to_internal_value(text) if text else None
        except ValidationError:
            raise BadRequest(
                f"{name} must be west,south,east,north in degrees, with south below north."
            ) from None

    def require_jurisdiction(self, host: str) -> None:
        """Check that the request is for this city, where it names one.

        Beside OPEN311_JURISDICTION_ID the `host` of the request names it, as the specification
        suggests.

        Raises:
            NotFound: it names another one.
        """
        asked, own = self.text("jurisdiction_id"), settings.OPEN311_JURISDICTION_ID
        if asked and _site(asked) not in {_site(own), _site(host)}:
            here = f"; here it is {own}" if own else ""
            raise NotFound(f"jurisdiction_id provided was not found{here}.")


def _site(name: str) -> str:
    """Return the name of a website without what its addresses may leave out or add."""
    name = name.lower()
    return (split_domain_port(name)[0] or name).removeprefix("www.")


def _day(text: str, *, is_end: bool) -> datetime | None:
    """Return the first moment of a day, or its last one; None if the text is no day in range."""
    try:
        day = parse_date(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    if day is None or not _EARLIEST.year < day.year < _LATEST.year - 1:
        return None
    midnight = timezone.make_aware(datetime.combine(day, time.min))
    return midnight + timedelta(days=1, microseconds=-1) if is_end else midnight


def _moment(text: str, *, is_end: bool) -> datetime | None:
    """Return a time in UTC, or the end of its second; None if the text is no time."""
    try:
        moment = parse_datetime(text.upper()) if _MOMENT.fullmatch(text) else None
        if moment is None:
            return None
        moment = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        if is_end and not moment.microsecond:
            moment = moment.replace(microsecond=999_999)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
