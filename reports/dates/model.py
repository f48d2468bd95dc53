"""The model of dates: learned from cases, it says when an open case is likely to be done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from reports.dates import hazards, spans
from reports.dates.cases import UNKNOWN, Cases, Flags, Floats, Integers, Names, day_of
from reports.dates.factors import PARTS, SHOCK, SHOCK_VARIANCE, Facts
from reports.dates.moments import Moments
from reports.dates.neighbourhoods import KINDS, Neighbourhoods
from reports.dates.queues import Daily, Queues
from reports.dates.working_days import WorkingDays

IsHoliday = Callable[[date], bool]

#: The range is to hold so many of the cases.
COVERAGE = 0.8
#: Days after the last case for which the calendar is known.
_CALENDAR_DAYS = int(spans.STARTS[-1]) + 366


@dataclass(frozen=True, slots=True)
class Ranges:
    """The forecasts of cases: moments as in `Cases`, and how far along each case is.

    `spent` is the share of cases like it that were done by the time it has been open already.
    """

    earliest: Floats
    likely: Floats
    latest: Floats
    spent: Floats

    def hold(self, cases: Cases) -> Flags:
        """Return of each case whether it ended within its range; to the second."""
        return (cases.ended >= self.earliest - 1) & (cases.ended <= self.latest + 1)


@dataclass(frozen=True)
class Model:
    """What was learned.

    Args:
        base, effects: the score of a span, as `hazards.fit` returns it.
        counts: by category, how many cases that were done it learned from.
        horizon: the longest time in seconds for which any case was seen.
        shock_variance: how far days differ for reasons that nobody knows beforehand.
        reach: how far the range goes from the median on either side, as a share of all cases.
    """

    names: Names
    base: float
    effects: dict[str, Floats]
    own: Neighbourhoods
    other: Neighbourhoods
    moments: Moments
    queues: Queues
    counts: Integers
    horizon: float
    shock_variance: float = SHOCK_VARIANCE
    reach: float = COVERAGE / 2

    @classmethod
    def learn(
        cls, cases: Cases, names: Names, is_holiday: IsHoliday, *, without: Collection[str] = ()
    ) -> Model:
        """Learn from cases, open ones included; `without` names parts to leave out."""
        calendar = calendar_of(cases, is_holiday)
        categories = names.size("category")
        own_kind = _kinds_done(cases, calendar)
        own, other = _neighbourhoods(cases, own_kind, categories)
        queues, daily = Queues.learn(cases, categories)
        seen, is_end = spans.at_risk(cases)
        facts = Facts(
            cases=cases,
            spans=seen,
            names=names,
            calendar=calendar,
            own=own.crowding(cases.category, cases.latitude, cases.longitude, own_kind),
            other=other.crowding(_one_group(cases), cases.latitude, cases.longitude, own_kind),
            queue=_queue_of(cases, seen, daily),
        )
        left_out = {name for part in without for name in PARTS[part]}
        factors = facts.factors() | {SHOCK: facts.shocks()}
        base, effects = hazards.fit(
            {name: factor for name, factor in factors.items() if name not in left_out}, is_end
        )
        return cls(
            names=names,
            base=base,
            effects={name: effect for name, effect in effects.items() if name != SHOCK},
            own=own,
            other=other,
            moments=Moments.learn(cases, categories, names.size("channel")),
            queues=queues,
            horizon=float(cases.lasted.max()),
            shock_variance=0.0 if SHOCK in left_out else SHOCK_VARIANCE,
            counts=np.bincount(cases.category[cases.is_done], minlength=categories),
        )

    def with_reach(self, reach: float) -> Model:
        """Return the same model with wider or narrower ranges."""
        return replace(self, reach=reach)

    def done_by(self, cases: Cases, is_holiday: IsHoliday, queue: Integers | None = None) -> Floats:
        """Return the chance of each case to be done by the end of each span.

        `queue` is the level of each category's queue.
        """
        every = spans.all_of(len(cases))
        levels = np.full(self.names.size("category"), UNKNOWN) if queue is None else queue
        facts = Facts(
            cases=cases,
            spans=every,
            names=self.names,
            calendar=calendar_of(cases, is_holiday),
            own=self.own.crowding(cases.category, cases.latitude, cases.longitude),
            other=self.other.crowding(_one_group(cases), cases.latitude, cases.longitude),
            queue=levels[cases.category[every.case]],
        )
        score = np.full(len(every.case), self.base)
        for name, factor in facts.factors().items():
            if name in self.effects:
                score += self.effects[name][factor.code]
        chance = hazards.averaged(score, self.shock_variance).reshape(len(cases), spans.COUNT)
        return np.asarray(1 - np.cumprod(1 - chance, axis=1), dtype=np.float64)

    def ranges(self, cases: Cases, done_by: Floats, since: Floats | None = None) -> Ranges:
        """Return the ranges of cases that are still open at `since`; by default when reported."""
        since = cases.created if since is None else np.maximum(since, cases.created)
        spent = self._spent(cases, done_by, since)
        earliest, likely, latest = (
            np.maximum(self._moment(cases, done_by, spent + level * (1 - spent)), since)
            for level in (0.5 - self.reach, 0.5, 0.5 + self.reach)
        )
        return Ranges(earliest=earliest, likely=likely, latest=latest, spent=spent)

    def _spent(self, cases: Cases, done_by: Floats, since: Floats) -> Floats:
        span = spans.of_moments(cases, since)
        before, after = _around(done_by, span)
        spent: Floats = before + (after - before) * self.moments.part(cases, span, since)
        return spent

    def _moment(self, cases: Cases, done_by: Floats, level: Floats) -> Floats:
        """Return the moment by which a share of the cases like each one is done."""
        span = np.minimum((done_by < level[:, None]).sum(axis=1), spans.COUNT - 1)
        before, after = _around(done_by, span)
        part = (level - before) / np.maximum(after - before, 1e-12)
        return self.moments.at(cases, span, np.clip(part, 0.0, 1.0))


def calendar_of(cases: Cases, is_holiday: IsHoliday) -> WorkingDays:
    """Return the calendar of the days on which these cases may be done."""
    last = int(cases.day.max(initial=0)) + _CALENDAR_DAYS
    return WorkingDays(int(cases.day.min(initial=last)), last, is_holiday)


def _kinds_done(cases: Cases, calendar: WorkingDays) -> Integers:
    """Return the kind of day on which each case was done.

    -1 for cases that say nothing about their neighbourhood: those done on the day of the report,
    on a holiday or after weeks.
    """
    span = spans.of_moments(cases, cases.ended)
    kind = calendar.round(day_of(cases.ended))
    counts = cases.is_done & (span > 0) & (span < spans.DAILY) & (kind < KINDS)
    return np.where(counts, kind, -1)


def _neighbourhoods(
    cases: Cases, kind: Integers, categories: int
) -> tuple[Neighbourhoods, Neighbourhoods]:
    """Return what is done around a place in the same category, and in any."""
    done, kinds = cases[kind >= 0], kind[kind >= 0]
    place = (done.latitude, done.longitude)
    own = Neighbourhoods.learn(done.category, categories, *place, kinds)
    return own, Neighbourhoods.learn(_one_group(done), 1, *place, kinds)


def _one_group(cases: Cases) -> Integers:
    return np.zeros(len(cases), dtype=np.int64)


def _queue_of(cases: Cases, seen: spans.Spans, daily: Daily) -> Integers:
    day = cases.day[seen.case] + spans.STARTS[seen.number]
    return daily.at(cases.category[seen.case], day)


def _around(done_by: Floats, span: Integers) -> tuple[Floats, Floats]:
    """Return the chance to be done before each case's span and by its end."""
    rows = np.arange(len(span))
    before = np.where(span > 0, done_by[rows, np.maximum(span - 1, 0)], 0.0)
    return before, done_by[rows, span]
