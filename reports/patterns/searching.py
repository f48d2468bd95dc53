"""Search reports for patterns, one search after the other.

A search is about one category, or a year of it: no more is in memory at once. Plain data, without
Django: `running` stores it, and `search.Source` has the counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from reports.patterns import crowding, findings, recurrence, seasonality, topics
from reports.patterns.crowding import Window
from reports.patterns.findings import CROWD, RECURRENCE, SEASON, TOPIC, Grid, Outcome, Row
from reports.patterns.search import Extent, Search, Source
from reports.patterns.topics import Sample

DAY, YEAR = timedelta(days=1), timedelta(days=365)
#: A rest of the period that is shorter is searched together with the earliest year.
REST_MINIMUM = timedelta(days=90)
RINGS_MAXIMUM = 5
RECURRENCES_OF_CATEGORY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One search of a run: its number, its kind, its category and its days."""

    number: int = 0
    kind: str
    category_id: int | None
    first: str
    last: str

    @property
    def days(self) -> tuple[date, date]:
        return date.fromisoformat(self.first), date.fromisoformat(self.last)


@dataclass(slots=True)
class Course:
    """How far a run has come; `as_json` is its checkpoint.

    `watch` is called again and again during a search that takes long; what it raises ends that.
    """

    search: Search
    extent: Extent
    parts: list[Part]
    outcomes: list[Outcome] = field(default_factory=list)
    watch: Callable[[], None] = lambda: None

    @classmethod
    def begin(cls, search: Search, source: Source) -> Course:
        """Plan the searches, by the reports there are now."""
        extent = source.extent()
        planned = enumerate(_plan(search, source, extent))
        return cls(search, extent, [replace(part, number=number) for number, part in planned])

    @classmethod
    def of(cls, checkpoint: dict[str, Any]) -> Course:
        return cls(
            Search.of_inputs(checkpoint["inputs"]),
            Extent(**checkpoint["extent"]),
            [Part(**part) for part in checkpoint["parts"]],
            [Outcome(**outcome) for outcome in checkpoint["outcomes"]],
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "inputs": self.search.inputs(),
            "extent": asdict(self.extent),
            "parts": [asdict(part) for part in self.parts],
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
        }

    @property
    def next(self) -> Part | None:
        """Return the search that is to be done next; None at the end."""
        done = len(self.outcomes)
        return self.parts[done] if done < len(self.parts) else None

    def advance(self, source: Source) -> None:
        """Carry out the next search."""
        if self.next is not None:
            find = _SEARCHES[self.next.kind]
            self.outcomes.append(find(self, source, self.next))

    def standing(self) -> list[Row]:
        """Return the findings that stand so far."""
        searches = sum(part.kind == CROWD for part in self.parts)
        return findings.standing(
            self.outcomes, searches=searches, rate=self.search.false_discovery_rate
        )

    def result(self, rows: list[Row]) -> dict[str, Any]:
        """Return the result of the job with these findings."""
        return {
            "reports": self.extent.reports,
            "first_day": self.extent.first,
            "last_day": self.extent.last,
            "searches": len(self.outcomes),
            "permutations": sum(outcome.permutations for outcome in self.outcomes),
            "crowds": sum(row["kind"] == CROWD for row in rows),
            "recurrences": sum(row["kind"] == RECURRENCE for row in rows),
            "topics": sum(row["kind"] == TOPIC for row in rows),
            "seasons": sum(row["kind"] == SEASON for row in rows),
        }


def _plan(search: Search, source: Source, extent: Extent) -> Iterator[Part]:
    """Yield the searches to do. Crowds are searched year by year, since a city changes."""
    if not extent.reports:
        return
    first, last = extent.days
    for begin, end in years(first, last):
        for category_id in source.categories(begin, end, least=crowding.EVENTS_MINIMUM):
            yield _part(CROWD, category_id, begin, end)
    categories = source.categories(first, last)
    for category_id in categories:
        yield _part(RECURRENCE, category_id, first, last)
    yield _part(TOPIC, None, max(first, last - timedelta(days=search.topic_days - 1)), last)
    for category_id in categories:
        yield _part(SEASON, category_id, first, last)


def _part(kind: str, category_id: int | None, first: date, last: date) -> Part:
    return Part(kind=kind, category_id=category_id, first=first.isoformat(), last=last.isoformat())


def years(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the years of a period, the latest first; a short rest belongs to the earliest."""
    while last - first >= YEAR + REST_MINIMUM:
        yield last - YEAR + DAY, last
        last -= YEAR
    yield first, last


def _find_crowds(course: Course, source: Source, part: Part) -> Outcome:
    search, (first, last) = course.search, part.days
    grid = Grid.at(course.extent.latitude, cell_meters=search.cell_meters)
    counts = source.by_cell_and_day(grid, part.category_id, first, last)
    seed = (search.seed, part.number)
    scan = crowding.scan(counts, window_of(search), seed=seed, watch=course.watch)
    return findings.crowds(scan, part.category_id, grid, rate=search.false_discovery_rate)


def window_of(search: Search) -> Window:
    """Return the sizes of the windows in which a search looks for crowds."""
    return Window(
        rings=min(search.radius_meters // search.cell_meters, RINGS_MAXIMUM),
        longest_days=search.longest_days,
        permutations=search.permutations,
    )


def _find_recurrences(course: Course, source: Source, part: Part) -> Outcome:
    search = course.search
    places = recurrence.returning(
        source.repairs(part.category_id, *part.days),
        meters=search.recurrence_meters,
        least_returns=search.least_returns,
    )
    return findings.recurrences(
        places[:RECURRENCES_OF_CATEGORY],
        part.category_id,
        meters=search.recurrence_meters,
        day_of=source.day_of,
    )


def _find_topics(course: Course, source: Source, part: Part) -> Outcome:
    first, last = part.days
    recent = Sample.of(source.texts(first, last))
    earlier = Sample.of(source.texts(first - YEAR, first - DAY), only=topics.testable(recent))
    rising = topics.rising(recent, earlier, rate=course.search.false_discovery_rate)
    again = source.texts(first, last) if rising else []
    return findings.topics(topics.grouped(rising, again, earlier), first=first, last=last)


def _find_seasons(course: Course, source: Source, part: Part) -> Outcome:
    search, (first, last) = course.search, part.days
    counts = source.by_day_and_hour(part.category_id, first, last)
    cycles = seasonality.seasons(counts, first=first, last=last)
    return findings.seasons(
        cycles, part.category_id, first=first, last=last, rate=search.false_discovery_rate
    )


_SEARCHES: dict[str, Callable[[Course, Source, Part], Outcome]] = {
    CROWD: _find_crowds,
    RECURRENCE: _find_recurrences,
    TOPIC: _find_topics,
    SEASON: _find_seasons,
}


def all_of(search: Search, source: Source) -> Course:
    """Carry out all searches at once; return the whole course."""
    course = Course.begin(search, source)
    while course.next is not None:
        course.advance(source)
    return course
