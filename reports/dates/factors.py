"""What the chance to be done in a span may depend on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.dates import neighbourhoods, queues, spans
from reports.dates.cases import DAY, HOUR, Cases, Floats, Integers, Names
from reports.dates.hazards import VARIANCES, Factor
from reports.dates.spans import Spans
from reports.dates.working_days import HOLIDAY, KIND_COUNT, WorkingDays

#: Working days that are told apart; then come "more", and "in a span of several days".
WORKED, MANY_DAYS = 10, 11
#: Spans that are told apart where a fact matters at the beginning only.
EARLY, FIRST = 4, 3
_HOURS = 4
_DAY_PARTS = int(24 / _HOURS)
#: Levels by the logarithm of how much more often than elsewhere things are done on a kind of day.
_CROWDING_EDGES = np.array([-1.6, -0.9, -0.45, -0.15, 0.15, 0.45, 0.8, 1.2])
_CROWDING_LEVELS, _NEUTRAL = len(_CROWDING_EDGES) + 1, len(_CROWDING_EDGES) // 2
#: Days of the history that have a shock of their own, before they are counted together.
_SHOCK_DAYS = 4000

#: What happened on one day in one category, such as a holiday's eve or a backlog entered at once:
#: it explains the past and, having no forecast itself, makes every forecast less certain.
SHOCK = "category, date"
SHOCK_VARIANCE = 1.0
#: The parts of the model, each with its factors, so that each one can be left out to see its worth.
PARTS: dict[str, tuple[str, ...]] = {
    "category": ("category", "category, span", "category, worked"),
    "working days and holidays": ("worked", "category, worked", "day", "category, day"),
    "area": ("area", "category, area", "area, day"),
    "channel": ("channel, early", "category, channel, early"),
    "department": ("department, early",),
    "severity": ("severity, early",),
    "hour": ("hour, first", "category, hour, first"),
    "neighbourhood": ("own", "category, own", "any", "category, any"),
    "queue": ("queue", "category, queue"),
    "shocks of days": (SHOCK,),
}


@dataclass(frozen=True)
class Facts:
    """What the factors of spans are made of.

    Args:
        own, other: how often things of the same category, and of any, are done around each case.
        queue: the level of the queue of each span.
    """

    cases: Cases
    spans: Spans
    names: Names
    calendar: WorkingDays
    own: Floats
    other: Floats
    queue: Integers

    def factors(self) -> dict[str, Factor]:
        """Return every factor except the shocks of days."""
        case, span = self.spans.case, self.spans.number
        day = self.cases.day[case] + spans.STARTS[span]
        is_daily = span < spans.DAILY
        kind, turn = self.calendar.kind(day), self.calendar.round(day)
        worked = np.minimum(self.calendar.between(self.cases.day[case], day), WORKED)
        hour = (np.mod(self.cases.created, DAY) // (_HOURS * HOUR)).astype(np.int64)[case]
        simple = {
            "span": (span, spans.COUNT),
            "worked": (np.where(is_daily, worked, MANY_DAYS), MANY_DAYS + 1),
            "day": (np.where(is_daily, kind, KIND_COUNT), KIND_COUNT + 1),
            "early": (np.minimum(span, EARLY - 1), EARLY),
            "first": (np.minimum(span, FIRST - 1), FIRST),
            "hour": (hour, _DAY_PARTS),
            "own": (self._crowding(self.own, turn), _CROWDING_LEVELS),
            "any": (self._crowding(self.other, turn), _CROWDING_LEVELS),
            "queue": (self.queue, queues.LEVELS),
            **{name: self._kind(name) for name in ("category", "area", "channel")},
            **{name: self._kind(name) for name in ("department", "severity")},
        }
        named = ["span", *(name for part in PARTS.values() for name in part if name != SHOCK)]
        coarse_first = sorted(dict.fromkeys(named), key=lambda name: name.count(","))
        return {name: _joined(simple, name) for name in coarse_first}

    def shocks(self) -> Factor:
        """Return the factor of the date together with the category."""
        case, span = self.spans.case, self.spans.number
        day = self.cases.day[case] + spans.STARTS[span]
        date = np.minimum(day - day.min(initial=0), _SHOCK_DAYS - 1)
        size = int(date.max(initial=0)) + 1
        code = self.cases.category[case] * size + date
        return Factor(code.astype(np.int32), self.names.size("category") * size, SHOCK_VARIANCE)

    def _kind(self, name: str) -> tuple[Integers, int]:
        column: Integers = getattr(self.cases, name)
        return column[self.spans.case], self.names.size(name)

    def _crowding(self, crowding: Floats, kind: Integers) -> Integers:
        """Return the level of the neighbourhood; neutral on holidays and on the day itself."""
        span = self.spans.number
        counts = (span > 0) & (span < spans.DAILY) & (kind != HOLIDAY)
        around = crowding[self.spans.case, np.minimum(kind, neighbourhoods.KINDS - 1)]
        return np.where(counts, np.searchsorted(_CROWDING_EDGES, around), _NEUTRAL)


def _joined(simple: dict[str, tuple[Integers, int]], name: str) -> Factor:
    """Return the factor of all combinations of the simple ones named, such as "area, day"."""
    first, *others = name.split(", ")
    code, size = simple[first]
    for one in others:
        code = code * simple[one][1] + simple[one][0]
        size *= simple[one][1]
    return Factor(code.astype(np.int32), size, VARIANCES[name.count(",")])
