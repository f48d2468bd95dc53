"""Keep the dates of open reports up to date: of new and changed ones soon, of all now and then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models.functions import Now

from jobs.ledger import database
from jobs.ledger.database import execute, fetch
from reports.dates import history, storing
from reports.dates.cases import Cases, Flags, Floats, Integers
from reports.dates.learning import CATEGORY_DONE_MINIMUM
from reports.dates.model import IsHoliday, Model, Ranges
from reports.dates.queues import PACE_DAYS
from reports.models import ENDED_STATUSES, OPEN_STATUSES, DateModel

InTransaction = Callable[[], AbstractContextManager[object]]

BATCH_REPORTS = 5_000
#: All open reports are computed anew so often, since the queue moves and time passes.
WHOLE_ROUND_EVERY = timedelta(minutes=15)
#: A forecast that moves by less is left as it is.
SECONDS_LEAST = 1_800.0
#: A report that has been open longer than this share of those like it has no forecast.
SPENT_MAXIMUM = 0.99
#: So long a new report may wait for its category before it is forecast without one.
CATEGORY_WAIT = timedelta(minutes=5)
#: The id before those of all reports.
BEFORE_ALL = UUID(int=0)

_DUE = f"""
SELECT {history.COLUMNS}, report.id, report.version,
    extract(epoch FROM greatest(statement_timestamp(), report.waiting_until)
        AT TIME ZONE %(zone)s)::float8
FROM {history.FROM_REPORTS}
LEFT JOIN reports_dateforecast AS forecast ON forecast.report_id = report.id
WHERE report.status = ANY(%(open)s) AND report.id > %(after)s
    AND (report.category_id IS NOT NULL
        OR report.created_at < statement_timestamp() - %(wait)s)
    AND (%(is_whole)s OR forecast.report_id IS NULL OR forecast.report_version <> report.version)
ORDER BY report.id LIMIT %(limit)s
"""  # noqa: S608 - parts of this module and of `history` only
_STORE = """
INSERT INTO reports_dateforecast AS stored (report_id, report_version, model_version, changed_at,
    earliest_at, likely_at, latest_at,
    first_earliest_at, first_likely_at, first_latest_at, first_at)
SELECT id, version, %(model)s, statement_timestamp(), earliest, likely, latest,
    earliest, likely, latest, CASE WHEN likely IS NOT NULL THEN statement_timestamp() END
FROM (
    SELECT id, version,
        (to_timestamp(earliest) AT TIME ZONE 'UTC') AT TIME ZONE %(zone)s AS earliest,
        (to_timestamp(likely) AT TIME ZONE 'UTC') AT TIME ZONE %(zone)s AS likely,
        (to_timestamp(latest) AT TIME ZONE 'UTC') AT TIME ZONE %(zone)s AS latest
    FROM unnest(%(ids)s::uuid[], %(versions)s::int[], %(earliest)s::float8[], %(likely)s::float8[],
        %(latest)s::float8[]) AS computed (id, version, earliest, likely, latest)
) AS fresh
ON CONFLICT (report_id) DO UPDATE SET
    report_version = excluded.report_version, model_version = excluded.model_version,
    changed_at = excluded.changed_at, earliest_at = excluded.earliest_at,
    likely_at = excluded.likely_at, latest_at = excluded.latest_at
WHERE stored.report_version <> excluded.report_version
    OR (stored.likely_at IS NULL) <> (excluded.likely_at IS NULL)
    OR (stored.latest_at IS NULL) <> (excluded.latest_at IS NULL)
    OR abs(extract(epoch FROM stored.earliest_at - excluded.earliest_at)) >= %(least)s
    OR abs(extract(epoch FROM stored.likely_at - excluded.likely_at)) >= %(least)s
    OR abs(extract(epoch FROM stored.latest_at - excluded.latest_at)) >= %(least)s
"""
_WAITING = """
SELECT category_id, count(*) FROM reports_report WHERE status = ANY(%(open)s) GROUP BY category_id
"""
_DONE_LATELY = """
SELECT category_id, count(*) FROM reports_report
WHERE status = ANY(%(done)s) AND closed_at > statement_timestamp() - %(days)s * interval '1 day'
GROUP BY category_id
"""


@dataclass(frozen=True)
class Forecaster:
    """A model with what it needs of today, which is read when the first report is computed."""

    version: int
    model: Model

    @cached_property
    def is_holiday(self) -> IsHoliday:
        return history.holidays()

    @cached_property
    def queue(self) -> Integers:
        """The level of the queue of each category."""
        waiting = _by_category(self.model, _WAITING, {"open": _values(OPEN_STATUSES)})
        lately = {"done": _values(ENDED_STATUSES), "days": PACE_DAYS}
        done = _by_category(self.model, _DONE_LATELY, lately)
        return self.model.queues.levels_now(waiting, done)

    def ranges(self, cases: Cases, since: Floats) -> tuple[Ranges, Flags, Flags]:
        """Return the ranges, for which cases one is known, and of which the end is known too.

        What is later than any report was seen to take is not known.
        """
        done_by = self.model.done_by(cases, self.is_holiday, self.queue)
        ranges = self.model.ranges(cases, done_by, since)
        is_known = self.model.counts[cases.category] >= CATEGORY_DONE_MINIMUM
        is_known &= ranges.spent <= SPENT_MAXIMUM
        is_known &= ranges.likely - cases.created <= self.model.horizon
        return ranges, is_known, is_known & (ranges.latest - cases.created <= self.model.horizon)


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of a batch; `last` is its last report where others may follow."""

    computed: int
    changed: int
    last: UUID | None


def recompute(in_transaction: InTransaction) -> dict[str, int]:
    """Compute the dates of new and changed reports, and of all when that is due.

    Return how many were looked at as `computed`, and how many rows were written as `changed`.
    Each batch is a transaction, which `in_transaction` begins and ends.
    """
    forecaster = forecaster_of_today()
    if forecaster is None:
        return {"computed": 0, "changed": 0}
    is_whole = _is_whole_round_due(forecaster.version)
    computed = changed = 0
    after: UUID | None = BEFORE_ALL
    while after is not None:
        with in_transaction():
            batch = compute_batch(forecaster, after, is_whole=is_whole, limit=BATCH_REPORTS)
        computed, changed = computed + batch.computed, changed + batch.changed
        after = batch.last
    if is_whole:
        with in_transaction():
            DateModel.objects.filter(pk=forecaster.version).update(recomputed_at=Now())
    return {"computed": computed, "changed": changed}


def compute_batch(forecaster: Forecaster, after: UUID, *, is_whole: bool, limit: int) -> Batch:
    """Compute and store the dates of the next reports, by their ids.

    These are all open ones where `is_whole`, else those that are new or have changed.
    """
    rows = _due(after, is_whole=is_whole, limit=limit)
    changed = _store(forecaster, rows) if rows else 0
    last = rows[-1][history.COLUMN_COUNT] if len(rows) == limit else None
    return Batch(computed=len(rows), changed=changed, last=last)


def forecaster_of_today() -> Forecaster | None:
    """Return the newest model, ready to forecast; None if nothing was learned yet."""
    newest = DateModel.objects.order_by("-pk").values_list("pk", "learned_at").first()
    model = None if newest is None else _model(*newest)
    return None if newest is None or model is None else Forecaster(newest[0], model)


@lru_cache(maxsize=1)
def _model(version: int, _learned_at: datetime) -> Model | None:
    """Return the model of a version, which never changes."""
    return storing.unpack(bytes(DateModel.objects.get(pk=version).content))


def _by_category(model: Model, query: str, parameters: dict[str, Any]) -> Floats:
    counts = np.zeros(model.names.size("category"))
    rows = fetch(query, parameters)
    codes = model.names.codes("category", [category for category, _ in rows])
    np.add.at(counts, codes, [count for _, count in rows])
    return counts


def _is_whole_round_due(version: int) -> bool:
    last = DateModel.objects.values_list("recomputed_at", flat=True).get(pk=version)
    return last is None or database.now() - last >= WHOLE_ROUND_EVERY


def _due(after: UUID, *, is_whole: bool, limit: int) -> list[tuple[Any, ...]]:
    chosen = {
        "open": _values(OPEN_STATUSES),
        "after": after,
        "is_whole": is_whole,
        "wait": CATEGORY_WAIT,
        "limit": limit,
    }
    return fetch(_DUE, {**history.parameters(), **chosen})


def _store(forecaster: Forecaster, rows: list[tuple[Any, ...]]) -> int:
    """Store the dates of a batch; return how many rows were written."""
    cases = history.cases_of(rows, forecaster.model.names)
    ids, versions, since = zip(*(row[history.COLUMN_COUNT :] for row in rows), strict=True)
    ranges, is_known, has_end = forecaster.ranges(cases, np.array(since))
    parameters = {
        **history.parameters(),
        "ids": list(ids),
        "versions": list(versions),
        "model": forecaster.version,
        "least": SECONDS_LEAST,
        "earliest": _where(is_known, ranges.earliest),
        "likely": _where(is_known, ranges.likely),
        "latest": _where(has_end, ranges.latest),
    }
    return execute(_STORE, parameters)


def _where(is_known: Flags, moments: Floats) -> list[float | None]:
    return [
        moment if known else None
        for known, moment in zip(is_known.tolist(), moments.tolist(), strict=True)
    ]


def _values(statuses: tuple[Any, ...]) -> list[str]:
    return [status.value for status in statuses]
