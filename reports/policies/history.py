"""The history of a city's reports as arrays, and the events by which a replay goes through it.

It knows no database; `reading` fills it. Times are in hours since `origin`.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.policies.hours import OpenHours, Span
from reports.policies.replay import ARRIVAL, LEAVING, ME_TOO, Event, Hands

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
#: So many reports of a category must have ended before its own times are drawn from.
SAMPLES_MINIMUM = 20
#: Of the time that a report took; a longer one counts as this quantile of all.
LONGEST_QUANTILE = 0.99
#: A report takes a crew at least this long.
WORK_MINIMUM_HOURS = 0.05
_COLUMNS = ("arrived", "severity", "due", "department", "category", "area", "ended", "left")
_PAIRS = ("neighbour_at", "neighbour_of")


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A department as a replay needs it."""

    name: str
    crews: int
    spans: tuple[Span, ...] = ()

    @property
    def hands(self) -> Hands:
        return Hands(self.crews, OpenHours(self.spans))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Reports in the order of their arrival, one array for each column.

    Attributes:
        arrived, due: hours. due: infinity where there is no deadline.
        severity: the position in `rules.SEVERITIES`.
        department, category, area: positions in the lists of names; -1: none (not of a department).
        ended: when a department had done with it; NaN while it is open, or if it left.
        left: when it was withdrawn, rejected or a duplicate; NaN if it was not.
        neighbour_at, neighbour_of: when somebody said to have the problem too, and of which report.
        until: the end of the history.
    """

    departments: tuple[Department, ...]
    categories: tuple[str, ...]
    areas: tuple[str, ...]
    arrived: Floats
    severity: Integers
    due: Floats
    department: Integers
    category: Integers
    area: Integers
    ended: Floats
    left: Floats
    neighbour_at: Floats
    neighbour_of: Integers
    until: float

    def __len__(self) -> int:
        return len(self.arrived)

    def before(self, at: float) -> History:
        """Return what was known at a time: the reports that had come, and what happened to them."""
        count = int(np.searchsorted(self.arrived, at, side="left"))
        known = {name: getattr(self, name)[:count].copy() for name in _COLUMNS}
        for name in ("ended", "left"):
            known[name][known[name] >= at] = math.nan
        said = self.neighbour_at < at
        pairs = {name: getattr(self, name)[said] for name in _PAIRS}
        return replace(self, **known, **pairs, until=at)

    def time_of_share(self, share: float) -> float:
        """Return the time before which this share of the reports came."""
        return float(self.arrived[min(int(len(self) * share), len(self) - 1)])

    def events(self, work: Floats) -> Iterator[Event]:
        """Yield what happened, in order; `work` has the hours that each report takes a crew."""
        arrivals = zip(
            self.arrived.tolist(),
            self.department.tolist(),
            self.severity.tolist(),
            self.due.tolist(),
            work.tolist(),
            strict=True,
        )
        others = self._other_events()
        other = next(others, None)
        for number, (at, department, severity, due, hours) in enumerate(arrivals):
            while other is not None and other.at < at:
                yield other
                other = next(others, None)
            yield Event(at, ARRIVAL, number, department, severity, due, hours)
        while other is not None:
            yield other
            other = next(others, None)

    def _other_events(self) -> Iterator[Event]:
        leaving = np.flatnonzero(np.isfinite(self.left))
        at = np.concatenate([self.neighbour_at, self.left[leaving]])
        reports = np.concatenate([self.neighbour_of, leaving])
        kinds = np.repeat([ME_TOO, LEAVING], [len(self.neighbour_at), len(leaving)])
        # never before the report itself has come
        at = np.maximum(at, np.nextafter(self.arrived[reports], math.inf))
        for number in np.lexsort((reports, kinds, at)).tolist():
            yield Event(float(at[number]), int(kinds[number]), int(reports[number]))

    def hands(self, work: Floats, shift: float) -> list[Hands]:
        """Return the crews of each department.

        They are moved by the share `shift` of the way to a split by the work of the history.
        """
        crews = [department.crews for department in self.departments]
        if shift:
            load = np.bincount(self.department, weights=work, minlength=len(crews))
            crews = split(crews, load.tolist(), shift)
        hands = [department.hands for department in self.departments]
        return [replace(one, crews=count) for one, count in zip(hands, crews, strict=True)]

    def packed(self) -> bytes:
        """Return the history as bytes, from which `unpacked` makes it again."""
        facts = {
            "departments": [
                [department.name, department.crews, department.spans]
                for department in self.departments
            ],
            "categories": self.categories,
            "areas": self.areas,
            "until": self.until,
        }
        file = io.BytesIO()
        arrays = {name: getattr(self, name) for name in (*_COLUMNS, *_PAIRS)}
        np.savez_compressed(file, facts=np.array(json.dumps(facts)), **arrays)
        return file.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> History:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            facts: dict[str, Any] = json.loads(str(file["facts"]))
            arrays = {name: file[name] for name in (*_COLUMNS, *_PAIRS)}
        return cls(
            departments=tuple(
                Department(name=name, crews=crews, spans=tuple((a, b) for a, b in spans))
                for name, crews, spans in facts["departments"]
            ),
            categories=tuple(facts["categories"]),
            areas=tuple(facts["areas"]),
            until=facts["until"],
            **arrays,
        )

    def digest(self) -> str:
        """Return a hash of all that it holds."""
        digest = hashlib.sha256(repr((self.departments, self.until)).encode())
        for name in (*_COLUMNS, *_PAIRS):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()


def split(crews: list[int], load: list[float], shift: float) -> list[int]:
    """Return the crews, moved by the share `shift` of the way to a split by the load.

    The sum stays, and each department keeps at least one. What is left over by rounding goes where
    most is missing.
    """
    total, whole = sum(crews), sum(load)
    if not whole or total <= len(crews):
        return crews
    wishes = [
        (1 - shift) * now + shift * total * part / whole
        for now, part in zip(crews, load, strict=True)
    ]
    moved = [max(int(wish), 1) for wish in wishes]
    while (missing := total - sum(moved)) != 0:
        step = 1 if missing > 0 else -1
        can = [number for number, count in enumerate(moved) if step > 0 or count > 1]
        chosen = max(can, key=lambda number: step * (wishes[number] - moved[number]))
        moved[chosen] += step
    return moved


@dataclass(frozen=True, slots=True)
class WorkTimes:
    """How long reports took, as learned from a history: what work is drawn from.

    A history says when work on a report ended, not how long a crew was busy with it. So the spread
    within and between categories is that of the times until the end, and the level is such that the
    crews of each department would have been busy for a chosen share of their hours.
    """

    samples: tuple[Floats, ...]  # by category, in units of the department's mean
    means: Floats  # hours of work of a mean report, by department

    @classmethod
    def learn(cls, history: History, *, busy: float) -> WorkTimes:
        """Learn from a history; `busy`: the share of working hours in which crews were busy."""
        took = history.ended - history.arrived
        known = np.isfinite(took) & (took > 0)
        longest = np.quantile(took[known], LONGEST_QUANTILE) if known.any() else 1.0
        took = np.minimum(took, longest)
        of_department = [
            took[known & (history.department == number)]
            for number in range(len(history.departments))
        ]
        level = np.array([part.mean() if len(part) else 1.0 for part in of_department])
        took = took / level[history.department]
        everything = took[known] if known.any() else np.ones(1)
        samples = []
        for number in range(len(history.categories)):
            own = took[known & (history.category == number)]
            samples.append(own if len(own) >= SAMPLES_MINIMUM else everything)
        samples.append(everything)  # reports without a category, whose number is -1
        return cls(tuple(samples), _mean_work(history, busy))

    def draw(self, history: History, seed: int, draw: int) -> Floats:
        """Return the hours that each report takes a crew, drawn by the seed.

        Draws are numbered from 0 and independent of each other. The reports of a longer history
        begin with the same hours.
        """
        random = np.random.default_rng([seed, draw])
        chances = random.random(len(history))
        ratio = np.empty(len(history))
        for number, samples in enumerate(self.samples):
            if number == len(self.samples) - 1:
                number = -1  # noqa: PLW2901 - of reports without a category
            own = history.category == number
            ratio[own] = samples[(chances[own] * len(samples)).astype(np.int64)]
        return np.maximum(ratio * self.means[history.department], WORK_MINIMUM_HOURS)


def _mean_work(history: History, busy: float) -> Floats:
    """Return the mean hours of work of a report, by department."""
    stayed = np.isnan(history.left)
    counts = np.bincount(history.department[stayed], minlength=len(history.departments))
    begin = float(history.arrived[0]) if len(history) else 0.0
    open_hours = [
        department.hands.hours.worked(history.until) - department.hands.hours.worked(begin)
        for department in history.departments
    ]
    crews = [department.crews for department in history.departments]
    means: Floats = busy * np.array(crews) * np.array(open_hours) / np.maximum(counts, 1)
    return means
