"""Read numbers strictly: only what people and other programs write, not all that Python accepts."""

from __future__ import annotations

import math
import re

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DECIMAL_MAX_CHARACTERS = 400
#: How degrees are written in a query, for the OpenAPI document.
LATITUDE_PATTERN = r"-?(90(\.0+)?|[1-8]?[0-9](\.[0-9]+)?)"
LONGITUDE_PATTERN = r"-?(180(\.0+)?|(1[0-7][0-9]|[1-9]?[0-9])(\.[0-9]+)?)"


def decimal(text: str) -> float:
    """Return the number that `text` writes in ASCII digits: `41.3`, `-7`, `1e3`.

    Raises:
        ValueError: anything else that `float` would take (`4_1.30`, `４１`, `nan`, `inf`), and
            numbers too large for a float.
    """
    stripped = text.strip()
    if len(stripped) > _DECIMAL_MAX_CHARACTERS or not _DECIMAL.fullmatch(stripped):
        raise ValueError("not a number")
    return finite(float(stripped))


def finite(number: float) -> float:
    """Return the number as a float.

    Raises:
        ValueError: it is not finite.
    """
    try:
        value = float(number)
    except OverflowError:
        raise ValueError("out of range") from None
    if not math.isfinite(value):
        raise ValueError("out of range")
    return value
