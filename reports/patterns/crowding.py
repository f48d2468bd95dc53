"""Find where and when reports crowd beyond what place and season expect.

The space-time permutation scan statistic (Kulldorff, Heffernan, Hartman, Assunção and Mostashari,
2005, PLoS Medicine 2(3), e59). It needs no population: of a window of cells and days the reports of
its cells and those of its days say how many to expect, so that neither a busy place nor a busy
season is a crowd. Chance is what dates drawn anew among the same reports bring.

Plain tuples and numpy, without Django: other programs can count the reports and get the same
result, whatever order the counts come in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.patterns.significance import exceedance

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Row and column of a cell, a day, and the reports there on that day.
Count = tuple[int, int, int, int]

#: Fewer reports than this are no crowd.
CROWD_MINIMUM = 4
#: Fewer reports than this are not searched.
EVENTS_MINIMUM = 20
CROWDS_MAXIMUM = 20
#: Days that a window lasts, as far as the longest allows.
LENGTHS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 90)
#: The test ends once so many maxima of chance are larger: its p-value is large then (Besag and
#: Clifford, 1991, Biometrika 78, 301-304).
ENOUGH_LARGER = 10
#: Cells times days of the table of counts; beyond it, cells are doubled. 32-bit numbers.
TABLE_MAXIMUM = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The sizes of the windows that are searched, and how chance is drawn."""

    rings: int = 2  # cells around the middle one, so that a window is up to 2 rings + 1 wide
    longest_days: int = 28
    permutations: int = 199


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A window with more reports than expected.

    The box is [south, west, north, east] in rows and columns of cells, the end not included, and so
    are the days. The p-value is for the whole search: so large a maximum comes by chance so often.
    """

    box: tuple[int, int, int, int]
    days: tuple[int, int]
    reports: int
    expected: float
    likelihood: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The crowds of one search, the unlikeliest first, and the p-value of the first.

    They do not overlap. `p_value` is 1 if there were too few reports to search. `doublings` says
    how often the cells were doubled; a crowd's box is in the doubled ones.
    """

    crowds: list[Crowd] = field(default_factory=list)
    p_value: float = 1.0
    permutations: int = 0
    doublings: int = 0


def scan(
    counts: Iterable[Count],
    window: Window,
    *,
    seed: Sequence[int],
    watch: Callable[[], None] = lambda: None,
) -> Scan:
    """Search the counts of one kind of reports; equal seeds and counts give equal results.

    Args:
        counts: of a period short enough that the city itself does not change much, such as a year.
        seed: numbers that name this search.
        watch: called with each shuffling of the dates; what it raises ends the search.
    """
    events = _Events.of(counts, window)
    if events is None:
        return Scan()
    stored = events.days
    observed = events.search(stored)
    best = float(observed.likelihoods.max(initial=0.0))
    if best <= 0:
        return Scan()
    maxima = []
    for maximum in _maxima_of_chance(events, window.permutations, seed, best):
        maxima.append(maximum)
        watch()
    p_value = _p_value(best, maxima)
    crowds = [
        events.crowd(observed, at, p_value=_p_value(float(observed.likelihoods[at]), maxima))
        for at in _apart(events, observed, least=float(np.median(maxima)))
    ]
    return Scan(
        crowds=crowds,
        p_value=p_value,
        permutations=len(maxima),
        doublings=events.doublings,
    )


def _maxima_of_chance(
    events: _Events, permutations: int, seed: Sequence[int], best: float
) -> Iterator[float]:
    """Yield the largest likelihood of each shuffling of the dates, until enough are larger."""
    generator = np.random.Generator(np.random.PCG64(list(seed)))
    larger = 0
    for _ in range(permutations):
        shuffled = events.search(generator.permutation(events.days))
        maximum = float(shuffled.likelihoods.max(initial=0.0))
        yield maximum
        larger += maximum >= best
        if larger == ENOUGH_LARGER:
            return


def _p_value(value: float, maxima: list[float]) -> float:
    """Return the p-value of a likelihood; if the test ended early, the ratio at that point."""
    larger = sum(maximum >= value for maximum in maxima)
    if larger == ENOUGH_LARGER:
        return larger / len(maxima)
    return exceedance(value, maxima)


@dataclass(frozen=True, slots=True)
class _Windows:
    """The windows with a crowd that a search found: one array for each of their numbers."""

    events: Integers  # the event in whose cell and on whose day the window begins
    rings: Integers
    lengths: Integers
    reports: Integers
    expected: Floats
    likelihoods: Floats
    days: Integers  # of all events


class _Events:
    """The reports of one search, one row each, with the tables by which windows are counted."""

    def __init__(
        self, cells: Integers, days: Integers, places: Integers, window: Window, doublings: int
    ) -> None:
        self.cells, self.days, self.places = cells, days, places
        self.doublings = doublings
        self.total = len(cells)
        self.first_day = int(days.min())
        self.width = int(days.max()) - self.first_day + 1
        lengths = [length for length in LENGTHS if length <= window.longest_days] or [1]
        self.lengths = np.array(lengths, dtype=np.int64)
        self.neighbours = _neighbours(places, window.rings)
        in_cell = np.append(np.bincount(cells, minlength=len(places)), 0)
        self.in_zone = np.cumsum(
            [in_cell[ring].sum(axis=1) for ring in self.neighbours], axis=0
        )  # by ring and cell
        by_day = np.bincount(days - self.first_day, minlength=self.width)
        self.before_day = np.concatenate(([0], np.cumsum(by_day)))

    @classmethod
    def of(cls, counts: Iterable[Count], window: Window) -> _Events | None:
        """Return the events of these counts in one fixed order; None if they are too few."""
        rows = np.fromiter(chain.from_iterable(counts), dtype=np.int64).reshape(-1, 4)
        rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
        if rows[:, 3].sum() < EVENTS_MINIMUM:
            return None
        rows = np.repeat(rows[:, :3], rows[:, 3], axis=0)
        days, doublings = rows[:, 2], 0
        while True:
            places, cells = np.unique(rows[:, :2] >> doublings, axis=0, return_inverse=True)
            if len(places) * (days.max() - days.min() + 2) <= TABLE_MAXIMUM:
                return cls(cells.reshape(-1), days, places, window, doublings)
            doublings += 1

    def search(self, days: Integers) -> _Windows:
        """Count every window that begins at an event, if the events had these days."""
        edges = self._edges(days)
        table = self._table(days)
        inside = np.zeros(edges.shape, dtype=np.int64)
        windows = []
        for ring, columns in enumerate(self.neighbours):
            for column in columns.T:
                inside += table[column[self.cells] * (self.width + 1) + edges]
            windows.append(self._likely(ring, inside[1:] - inside[0], edges))
        events, rings, lengths, reports, expected, likelihoods = (
            np.concatenate(parts) for parts in zip(*windows, strict=True)
        )
        return _Windows(events, rings, lengths, reports, expected, likelihoods, days)

    def _edges(self, days: Integers) -> Integers:
        """Return where each event's windows begin (first row) and end (one row a length)."""
        begin = days - self.first_day
        ends = np.minimum(begin + self.lengths[:, None], self.width)
        return np.concatenate((begin[None, :], ends))

    def _table(self, days: Integers) -> NDArray[np.int32]:
        """Return the events before each day by cell, flat; the row behind the last is empty."""
        keys = self.cells * self.width + (days - self.first_day)
        counts = np.bincount(keys, minlength=(len(self.places) + 1) * self.width)
        table = np.zeros((len(self.places) + 1, self.width + 1), dtype=np.int32)
        np.cumsum(counts.reshape(-1, self.width), axis=1, out=table[:, 1:])
        return table.reshape(-1)

    def _likely(self, ring: int, reports: Integers, edges: Integers) -> tuple[NDArray[Any], ...]:
        """Return the windows with more than expected: see `_Windows`."""
        of_days = self.before_day[edges[1:]] - self.before_day[edges[0]]
        expected = of_days * (self.in_zone[ring][self.cells] / self.total)
        lengths, events = np.nonzero((reports >= CROWD_MINIMUM) & (reports > expected))
        inside, usual = reports[lengths, events], expected[lengths, events]
        return (
            events,
            np.full(len(events), ring),
            lengths,
            inside,
            usual,
            _log_likelihood(inside, usual, self.total),
        )

    def crowd(self, windows: _Windows, at: int, *, p_value: float) -> Crowd:
        """Return one of the windows as a crowd."""
        return Crowd(
            box=self.box(windows, at),
            days=self.period(windows, at),
            reports=int(windows.reports[at]),
            expected=float(windows.expected[at]),
            likelihood=float(windows.likelihoods[at]),
            p_value=p_value,
        )

    def box(self, windows: _Windows, at: int) -> tuple[int, int, int, int]:
        y, x = (int(index) for index in self.places[self.cells[windows.events[at]]])
        ring = int(windows.rings[at])
        return y - ring, x - ring, y + ring + 1, x + ring + 1

    def period(self, windows: _Windows, at: int) -> tuple[int, int]:
        begin = int(windows.days[windows.events[at]])
        length = int(self.lengths[windows.lengths[at]])
        return begin, min(begin + length, self.first_day + self.width)


def _neighbours(places: Integers, rings: int) -> list[Integers]:
    """Return for each ring the cells around each cell, as rows of numbers.

    Ring 0 is the cell itself. A neighbour without any event has the number behind the last.
    """
    number = {(int(y), int(x)): index for index, (y, x) in enumerate(places)}
    empty = len(places)
    tables = []
    for ring in range(rings + 1):
        around = range(-ring, ring + 1)
        steps = [(dy, dx) for dy in around for dx in around if max(abs(dy), abs(dx)) == ring]
        rows = [[number.get((y + dy, x + dx), empty) for dy, dx in steps] for y, x in number]
        tables.append(np.array(rows, dtype=np.int64))
    return tables


def _log_likelihood(inside: Integers, expected: Floats, total: int) -> Floats:
    """Return the logarithm of the likelihood ratio of windows with more than expected."""
    reports = inside.astype(np.float64)
    outside = total - reports
    ratio: Floats = reports * np.log(reports / expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest: Floats = outside * np.log(outside / (total - expected))
    return ratio + np.nan_to_num(rest)


def _apart(events: _Events, windows: _Windows, *, least: float) -> list[int]:
    """Return the windows of at least this likelihood that do not overlap, the likeliest first."""
    likely = np.flatnonzero(windows.likelihoods >= least)
    keys = (windows.events, windows.lengths, windows.rings, -windows.likelihoods)
    order = likely[np.lexsort([key[likely] for key in keys])]
    chosen: list[int] = []
    taken: list[tuple[tuple[int, int, int, int], tuple[int, int]]] = []
    for at in order:
        box, days = events.box(windows, at), events.period(windows, at)
        if any(_overlap(box, days, *other) for other in taken):
            continue
        taken.append((box, days))
        chosen.append(int(at))
        if len(chosen) == CROWDS_MAXIMUM:
            break
    return chosen


def _overlap(
    box: tuple[int, int, int, int],
    days: tuple[int, int],
    other: tuple[int, int, int, int],
    other_days: tuple[int, int],
) -> bool:
    south, west, north, east = box
    return (
        south < other[2]
        and other[0] < north
        and west < other[3]
        and other[1] < east
        and days[0] < other_days[1]
        and other_days[0] < days[1]
    )
