"""What searches find, and which of it stands once all searches are known.

Plain data, without Django; `models.PatternFinding` has the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from reports.patterns.crowding import Crowd, Scan
from reports.patterns.recurrence import METERS_PER_DEGREE, Place
from reports.patterns.seasonality import Season
from reports.patterns.significance import discoveries
from reports.patterns.topics import Topic

CROWD, RECURRENCE, TOPIC, SEASON = "crowd", "recurrence", "topic", "season"
RECURRENCES_MAXIMUM = 200
TOPIC_WORDS = 8
#: JSON of a `Finding`.
Row = dict[str, Any]
#: [west, south, east, north] in degrees.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A pattern, with the fields of `models.PatternFinding`."""

    kind: str
    category_id: int | None
    first_day: str
    last_day: str
    latitude: float | None = None
    longitude: float | None = None
    box: Box | None = None
    reports: int
    expected: float | None = None
    strength: float
    p_value: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> Row:
        values = asdict(self)
        return values | {"box": list(self.box) if self.box else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one search has found, and the figures by which all searches are judged together.

    `tests` counts the hypotheses that it tested, and `p_value` is that of the whole search.
    """

    kind: str
    findings: list[Row] = field(default_factory=list)
    p_value: float | None = None
    tests: int = 0
    permutations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The cells of the map: rows and columns, as high and wide as this in degrees."""

    cell_meters: int
    height: float
    width: float

    @classmethod
    def at(cls, latitude: float, *, cell_meters: int) -> Grid:
        """Return cells that are square at this latitude."""
        height = cell_meters / METERS_PER_DEGREE
        return cls(cell_meters=cell_meters, height=height, width=height / _shrinking(latitude))

    def box(self, rows: Sequence[int], *, doublings: int) -> Box:
        """Return the box of some cells, given as `Crowd.box`."""
        south, west, north, east = (row << doublings for row in rows)
        return _box(west * self.width, south * self.height, east * self.width, north * self.height)


def crowds(scan: Scan, category_id: int | None, grid: Grid, *, rate: float) -> Outcome:
    """Return the crowds of a search that can still stand at this false-discovery rate."""
    rows = [
        _crowd(crowd, category_id, grid, doublings=scan.doublings).as_json()
        for crowd in scan.crowds
        if crowd.p_value <= rate
    ]
    return Outcome(
        kind=CROWD,
        findings=rows,
        p_value=_rounded(scan.p_value),
        tests=1,
        permutations=scan.permutations,
    )


def _crowd(crowd: Crowd, category_id: int | None, grid: Grid, *, doublings: int) -> Finding:
    box = grid.box(crowd.box, doublings=doublings)
    cells = (crowd.box[2] - crowd.box[0]) << doublings
    return Finding(
        kind=CROWD,
        category_id=category_id,
        first_day=date.fromordinal(crowd.days[0]).isoformat(),
        last_day=date.fromordinal(crowd.days[1] - 1).isoformat(),
        **_place(box),
        reports=crowd.reports,
        expected=round(crowd.expected, 4),
        strength=round(crowd.reports / crowd.expected, 4),
        p_value=_rounded(crowd.p_value),
        facts={
            "meters": cells * grid.cell_meters,
            "log_likelihood_ratio": round(crowd.likelihood, 4),
        },
    )


def recurrences(
    places: Iterable[Place],
    category_id: int | None,
    *,
    meters: float,
    day_of: Callable[[float], date],
) -> Outcome:
    """Return the places of one category; `day_of` names the day of a time in seconds since 1970."""
    rows = [_recurrence(place, category_id, meters, day_of).as_json() for place in places]
    return Outcome(kind=RECURRENCE, findings=rows[:RECURRENCES_MAXIMUM])


def _recurrence(
    place: Place, category_id: int | None, meters: float, day_of: Callable[[float], date]
) -> Finding:
    height = meters / METERS_PER_DEGREE
    width = height / _shrinking(place.latitude)
    box = _box(
        place.longitude - width,
        place.latitude - height,
        place.longitude + width,
        place.latitude + height,
    )
    return Finding(
        kind=RECURRENCE,
        category_id=category_id,
        first_day=day_of(place.first_at).isoformat(),
        last_day=day_of(place.last_at).isoformat(),
        **_place(box),
        reports=place.reports,
        strength=float(place.returns),
        facts={"meters": meters, "median_pause_days": round(place.median_pause_days, 2)},
    )


def topics(groups: Iterable[Topic], *, first: date, last: date) -> Outcome:
    """Return rising topics of the days from `first` to `last`."""
    rows = [
        Finding(
            kind=TOPIC,
            category_id=None,
            first_day=first.isoformat(),
            last_day=last.isoformat(),
            reports=topic.reports,
            expected=round(topic.expected, 4),
            strength=round(topic.strength, 4),
            p_value=_rounded(topic.p_value),
            facts={"words": list(topic.words[:TOPIC_WORDS])},
        ).as_json()
        for topic in groups
    ]
    return Outcome(kind=TOPIC, findings=rows)


def seasons(
    cycles: Iterable[Season], category_id: int | None, *, first: date, last: date, rate: float
) -> Outcome:
    """Return the seasons of one category that can still stand at this false-discovery rate."""
    tested = list(cycles)
    rows = [
        Finding(
            kind=SEASON,
            category_id=category_id,
            first_day=first.isoformat(),
            last_day=last.isoformat(),
            reports=season.reports,
            strength=round(season.strength, 4),
            p_value=_rounded(season.p_value),
            facts={
                "cycle": season.cycle,
                "peak": season.peak,
                "shares": list(season.shares),
            },
        ).as_json()
        for season in tested
        if season.p_value <= rate
    ]
    return Outcome(kind=SEASON, findings=rows, tests=len(tested))


def standing(outcomes: Iterable[Outcome], *, searches: int, rate: float) -> list[Row]:
    """Return the findings that stand, by kind and strength, of all searches together.

    Args:
        searches: how many searches for crowds there are in all. Those that are not done yet count
            as if they had found nothing, so that what stands early stands at the end.
        rate: the share of false ones among the findings of each kind.
    """
    done = list(outcomes)
    return [
        *_crowds_standing([outcome for outcome in done if outcome.kind == CROWD], searches, rate),
        *_most([outcome for outcome in done if outcome.kind == RECURRENCE]),
        *(row for outcome in done if outcome.kind == TOPIC for row in outcome.findings),
        *_seasons_standing([outcome for outcome in done if outcome.kind == SEASON], rate),
    ]


def _crowds_standing(done: list[Outcome], searches: int, rate: float) -> list[Row]:
    """Return the crowds of the searches that are discoveries among all searches.

    In these, crowds are tested anew at the share of the rate that the choice has left (Benjamini
    and Bogomolov, 2014, J. R. Stat. Soc. B 76, 297-318). Their p-values are those of maxima, and
    allow for all windows of their search.
    """
    p_values = [outcome.p_value for outcome in done if outcome.p_value is not None]
    chosen = discoveries(p_values, rate, tests=searches)
    if not chosen:
        return []
    limit = rate * chosen / searches
    rows = [row for outcome in done for row in outcome.findings if row["p_value"] <= limit]
    return sorted(rows, key=_by_chance)


def _seasons_standing(done: list[Outcome], rate: float) -> list[Row]:
    rows = sorted((row for outcome in done for row in outcome.findings), key=_by_chance)
    tests = sum(outcome.tests for outcome in done)
    return rows[: discoveries([row["p_value"] for row in rows], rate, tests=tests)]


def _most(done: list[Outcome]) -> list[Row]:
    rows = [row for outcome in done for row in outcome.findings]
    return sorted(rows, key=_by_strength)[:RECURRENCES_MAXIMUM]


def _by_chance(row: Row) -> tuple[Any, ...]:
    return row["p_value"], *_by_strength(row)


def _by_strength(row: Row) -> tuple[Any, ...]:
    return -row["strength"], -row["reports"], row["first_day"], row["category_id"] or 0


def _place(box: Box) -> dict[str, Any]:
    """Return the fields of a place: its box and the middle of it."""
    west, south, east, north = box
    width = (east - west) % 360
    longitude = (west + width / 2 + 180) % 360 - 180
    return {
        "box": box,
        "latitude": round((south + north) / 2, 7),
        "longitude": round(longitude, 7),
    }


def _box(west: float, south: float, east: float, north: float) -> Box:
    """Return a box in degrees; if west > east, it crosses the 180th meridian."""
    return (
        round((west + 180) % 360 - 180, 7),
        round(max(south, -90), 7),
        round((east + 180) % 360 - 180, 7),
        round(min(north, 90), 7),
    )


def _shrinking(latitude: float) -> float:
    """Return how much shorter a degree of longitude is than one of latitude; never nothing."""
    return max(math.cos(math.radians(latitude)), 0.01)


def _rounded(p_value: float) -> float:
    """Return a p-value with three digits that matter."""
    return float(f"{p_value:.3g}")
