"""Charts as numbers for an SVG of WIDTH × HEIGHT, stretched to its place; no script is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 160
#: The lower end of a logarithmic axis of seconds: 1 ms.
LEAST_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Bar:
    """One stacked part of a column, in the units of the SVG."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line at the height `y`, which stands for `value`."""

    y: float
    value: float

    @property
    def percent(self) -> float:
        """Return the distance of its label from the top, in percent of the height."""
        return self.y / HEIGHT * 100


@dataclass(frozen=True, slots=True)
class Columns:
    """Stacked columns over time."""

    bars: list[Bar]
    grid: list[GridLine]


@dataclass(frozen=True, slots=True)
class Lines:
    """A path for each series over time, with a logarithmic axis."""

    paths: dict[str, str]
    grid: list[GridLine]


def columns(series: Mapping[str, Sequence[float]]) -> Columns:
    """Stack the values of each series, the first at the bottom; each value makes one column."""
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    top = _round_up(max(totals, default=0))
    width = WIDTH / max(len(totals), 1)
    bars = []
    for place in range(len(totals)):
        base = float(HEIGHT)
        for kind, values in series.items():
            height = values[place] / top * HEIGHT
            base -= height
            if height:
                bars.append(
                    Bar(
                        kind, _r(place * width + width * 0.1), _r(base), _r(width * 0.8), _r(height)
                    )
                )
    return Columns(bars, [GridLine(_r(HEIGHT * (1 - part)), top * part) for part in (0.5, 1)])


def lines(series: Mapping[str, Sequence[float | None]]) -> Lines:
    """Draw each series of seconds as a line on one logarithmic axis; None leaves a gap.

    The axis reaches from LEAST_SECONDS to the power of ten above the greatest value, with a line
    for each power.
    """
    values = [value for line in series.values() for value in line if value is not None]
    decades = max(
        1, math.ceil(math.log10(max(values, default=LEAST_SECONDS * 10) / LEAST_SECONDS) - 1e-9)
    )
    grid = [
        GridLine(_height(LEAST_SECONDS * 10**power, decades), LEAST_SECONDS * 10**power)
        for power in range(1, decades + 1)
    ]
    return Lines({kind: _path(line, decades) for kind, line in series.items()}, grid)


def _height(seconds: float, decades: int) -> float:
    return _r(HEIGHT * (1 - math.log10(max(seconds, LEAST_SECONDS) / LEAST_SECONDS) / decades))


def _path(values: Sequence[float | None], decades: int) -> str:
    """Return the `d` of an SVG path that draws one series of seconds; None leaves a gap.

    Each value has a column of equal width, and is a level stroke over the middle of it; strokes of
    adjacent columns are joined. `decades` is the number of powers of ten from LEAST_SECONDS, the
    bottom of the logarithmic axis, to its top.
    """
    width = WIDTH / max(len(values), 1)
    parts: list[str] = []
    is_drawing = False
    for place, value in enumerate(values):
        if value is None:
            is_drawing = False
            continue
        middle, y = (place + 0.5) * width, _height(value, decades)
        parts.append(
            f"{'L' if is_drawing else 'M'}{_r(middle - (0 if is_drawing else width * 0.3))} {y}"
        )
        parts.append(f"L{_r(middle + width * 0.3)} {y}")
        is_drawing = True
    return "".join(parts)


def _round_up(value: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten, to 10 at least."""
    if value <= 10:
        return 10
    power: float = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _r(value: float) -> float:
    return round(value, 1)
