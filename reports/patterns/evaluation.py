"""How many patterns a search finds where there are none: in the same reports with shuffled dates.

Every report keeps its place, its category and its words, and gets the date of another one. What is
found then is chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from reports.patterns import crowding, findings, seasonality, topics
from reports.patterns.findings import CROWD, SEASON, Grid, Outcome
from reports.patterns.search import Extent, Search, Source
from reports.patterns.searching import window_of, years
from reports.patterns.topics import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many patterns of each tested kind were found."""

    crowds: int
    topics: int
    seasons: int


def shuffled(search: Search, source: Source, extent: Extent, *, seed: int) -> Counts:
    """Return what is found in the reports of a search once their dates are shuffled."""
    generator = np.random.Generator(np.random.PCG64([search.seed, seed]))
    return Counts(
        crowds=_crowds(search, source, extent, generator),
        topics=_topics(search, source, extent, generator),
        seasons=_seasons(search, source, extent, generator),
    )


def _crowds(search: Search, source: Source, extent: Extent, generator: np.random.Generator) -> int:
    grid = Grid.at(extent.latitude, cell_meters=search.cell_meters)
    first, last = extent.days
    rows, days = _events(source, grid, first, last)
    days = generator.permutation(days)
    outcomes: list[Outcome] = []
    for begin, end in years(first, last):
        of_year = (days >= begin.toordinal()) & (days <= end.toordinal())
        for category in np.unique(rows[of_year, 0]):
            chosen = of_year & (rows[:, 0] == category)
            if chosen.sum() < crowding.EVENTS_MINIMUM:
                continue
            counts = [
                (int(y), int(x), int(day), 1)
                for (_, y, x), day in zip(rows[chosen], days[chosen], strict=True)
            ]
            scan = crowding.scan(counts, window_of(search), seed=(search.seed, len(outcomes)))
            outcomes.append(
                findings.crowds(scan, int(category), grid, rate=search.false_discovery_rate)
            )
    return _standing(outcomes, search, searches=len(outcomes))


def _events(
    source: Source, grid: Grid, first: date, last: date
) -> tuple[crowding.Integers, crowding.Integers]:
    """Return category, row and column of each report, and its day."""
    rows = sorted(
        (category_id or 0, y, x, day)
        for category_id in source.categories(first, last)
        for y, x, day, count in source.by_cell_and_day(grid, category_id, first, last)
        for _ in range(count)
    )
    events = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return events[:, :3], events[:, 3]


def _topics(search: Search, source: Source, extent: Extent, generator: np.random.Generator) -> int:
    last = extent.days[1]
    first = last - timedelta(days=search.topic_days - 1)
    recent = list(source.texts(first, last))
    texts = recent + list(source.texts(first - timedelta(days=365), first))
    order = generator.permutation(len(texts))
    now = Sample.of(texts[at] for at in order[: len(recent)])
    before = Sample.of(texts[at] for at in order[len(recent) :])
    return len(topics.rising(now, before, rate=search.false_discovery_rate))


def _seasons(search: Search, source: Source, extent: Extent, generator: np.random.Generator) -> int:
    """Return what is found where every report gets any day and hour of the period.

    With the date of another report it would keep the rhythm of the whole city.
    """
    first, last = extent.days
    outcomes: list[Outcome] = []
    for category_id in source.categories(first, last):
        number = sum(count for _, _, count in source.by_day_and_hour(category_id, first, last))
        days = generator.integers(first.toordinal(), last.toordinal(), number, endpoint=True)
        counts = _hour_counts(days, generator.integers(0, 24, number))
        outcomes.append(
            findings.seasons(
                seasonality.seasons(counts, first=first, last=last),
                category_id,
                first=first,
                last=last,
                rate=search.false_discovery_rate,
            )
        )
    return _standing(outcomes, search)


def _hour_counts(days: Iterable[int], hours: Iterable[int]) -> Iterator[seasonality.HourCount]:
    return ((int(day), int(hour), 1) for day, hour in zip(days, hours, strict=True))


def _standing(outcomes: list[Outcome], search: Search, *, searches: int = 1) -> int:
    rate = search.false_discovery_rate
    rows = findings.standing(outcomes, searches=max(searches, 1), rate=rate)
    return sum(row["kind"] in (CROWD, SEASON) for row in rows)
