"""Histories of a city in which it is known beforehand how things get done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from jobs.ledger import database
from reports.dates import storing
from reports.dates.cases import DAY, HOUR, KINDS, Cases, Floats, Names
from reports.dates.model import Model
from reports.models import Category, DateModel, Report, Status
from tests.reports.factories import make_department

#: A Monday, at the beginning of a day on the wall.
MONDAY = (date(2026, 6, 1) - date(1970, 1, 1)).days * DAY
#: Longitudes of two parts of the city, some kilometres apart.
WEST, EAST = -72.95, -72.85


def make_cases(
    created: Sequence[float] | Floats,
    lasted: Sequence[float] | Floats,
    *,
    until: float | None = None,
    **facts: Any,
) -> tuple[Cases, Names]:
    """Cases of one category that lasted so many seconds, seen at `until`; by default all done."""
    made = np.asarray(created, dtype=np.float64)
    ended = made + np.asarray(lasted, dtype=np.float64)
    seen = np.inf if until is None else until
    zeros = np.zeros(len(made), dtype=np.int64)
    names = Names()
    names.learn("category", ["hole", "lamp"])
    columns: dict[str, Any] = {
        "latitude": np.full(len(made), 41.3),
        "longitude": np.full(len(made), WEST),
        "category": zeros + 1,
        "area": zeros,
        "channel": zeros,
        "department": zeros,
        "severity": zeros,
    }
    cases = Cases(
        created=made,
        ended=np.minimum(ended, seen),
        is_done=ended <= seen,
        **columns | {name: np.asarray(values) for name, values in facts.items()},
    )
    return cases, names


def no_holiday(_day: date) -> bool:
    return False


def waves(days: int = 280) -> tuple[Floats, Floats]:
    """Return when cases were reported and how long they lasted, done one after the other.

    Three are done on every day at noon, but six come on a day for four weeks, then one for eight:
    the queue grows and shrinks.
    """
    created, done = [], []
    free_at = 0.0
    for day in range(days):
        for number in range(6 if day % 84 < 28 else 1):
            moment = MONDAY + day * DAY + (7 + number / 10) * HOUR
            free_at = max(free_at + DAY / 3, moment + 5 * HOUR)
            created.append(moment)
            done.append(free_at)
    made = np.array(created)
    return made, np.array(done) - made


def steady(days: int = 28) -> tuple[Floats, Floats]:
    """Return cases of which three are done on each day, hours after they were reported."""
    created: Floats = MONDAY + np.repeat(np.arange(float(days)), 3) * DAY + 9 * HOUR
    return created, np.tile([2 * HOUR, 4 * HOUR, 6 * HOUR], days)


@lru_cache(maxsize=1)
def _model_of_waves() -> Model:
    cases, names = make_cases(*waves())
    return Model.learn(cases, names, no_holiday)


def store_model(category: Category, model: Model | None = None) -> DateModel:
    """Store a model of this category; by default what a history of `waves` teaches."""
    names = Names({kind: [] for kind in KINDS} | {"category": [category.pk, -1]})
    content = storing.pack(replace(model or _model_of_waves(), names=names))
    return DateModel.objects.create(seconds=1, cases=1, open_cases=0, reach=0.4, content=content)


def store_history(category: Category, created: Floats, lasted: Floats) -> None:
    """Store reports of the category with these times, moved so that the last was done just now."""
    ended = created + lasted
    last = ended.max()
    now = database.now()
    Report.objects.bulk_create(
        [
            Report(
                title="Hole", latitude=41.3, longitude=WEST, department=make_department(),
                category=category, status=Status.CLOSED, source="old",
                created_at=now - timedelta(seconds=float(last - begin)),
                closed_at=now - timedelta(seconds=float(last - end)),
            )
            for begin, end in zip(created, ended, strict=True)
        ]
    )  # fmt: skip
