"""The rollup: how tasks ended, added up by minute, ten minutes and hour.

The dashboard, the alerts and Prometheus read it; running tasks have nothing to do with it. Once a
minute is over, one statement counts the tasks that ended in it. The counts, their sums over longer
spans and the mark that says how far counting has come commit together, so every end is counted
exactly once however many worker processes try. A task that is replayed and ends again has ended
twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from jobs.ledger.database import execute, fetch

#: Upper ends of the histograms' classes in seconds, 1 ms to 70 minutes; what took longer is counted
#: in one more.
BOUNDS: tuple[float, ...] = tuple(0.001 * 2.0**power for power in range(23))
CLASSES = len(BOUNDS) + 1

MINUTE, TEN_MINUTES, HOUR = 60, 600, 3600
#: The row that sums everything since the installation.
EVER = 0
#: How long rows of each span are kept.
RETENTION = {MINUTE: timedelta(days=2), TEN_MINUTES: timedelta(days=14), HOUR: timedelta(days=400)}
#: How long to wait before a minute is counted, so that no transaction can still commit an end in
#: it: a worker's transaction lasts 10 seconds at most by default.
GRACE = timedelta(seconds=15)
#: The longest period that one transaction counts, so that catching up takes many short ones.
STEP = timedelta(minutes=10)
#: How far back the first count begins.
FIRST_STEP = timedelta(hours=6)

MARK = "rollup"


def _each(template: str) -> str:
    """Return an SQL array with `template` for each class of a histogram; `{n}` is its number."""
    values = ", ".join(template.format(n=number) for number in range(1, CLASSES + 1))
    return f"ARRAY[{values}]::bigint[]"


#: In the order of the columns.
_OUTCOMES = ("succeeded", "failed", "dead", "cancelled")
#: Every end between two times: of a task, and of each attempt that failed before it or with it.
_ENDED = """
    SELECT date_bin(make_interval(secs => %(seconds)s), finished_at, 'epoch') AS bucket_at, actor,
        queue, state,
           CASE WHEN state <> 'cancelled'
               THEN EXTRACT(EPOCH FROM greatest(started_at - run_at, interval '0'))::float8 END
                   AS waited,
           CASE WHEN state = 'succeeded' THEN EXTRACT(EPOCH
               FROM finished_at - started_at)::float8 END AS ran
    FROM jobs_task
    WHERE finished_at >= %(since)s AND finished_at < %(until)s AND state IN ('succeeded', 'dead',
        'cancelled')
    UNION ALL
    SELECT date_bin(make_interval(secs => %(seconds)s), a.finished_at, 'epoch'), t.actor, t.queue,
        'failed', NULL,
           EXTRACT(EPOCH FROM a.finished_at - a.started_at)::float8
    FROM jobs_attempt AS a JOIN jobs_task AS t ON t.id = a.task_id
    WHERE a.finished_at >= %(since)s AND a.finished_at < %(until)s
"""
#: Equal ends are counted together first, so that the classes are added up over a few groups and not
#: over every task.
_COUNTED = f"""
    SELECT %(seconds)s, bucket_at, actor, queue,
           {
    ", ".join(
        f"coalesce(sum(ends) FILTER (WHERE state = '{state}'), 0)::bigint" for state in _OUTCOMES
    )
},
           {_each("coalesce(sum(ends) FILTER (WHERE wait_class = {n}), 0)")}, coalesce(sum(waited),
               0)::float8,
           {_each("coalesce(sum(ends) FILTER (WHERE run_class = {n}), 0)")}, coalesce(sum(ran),
               0)::float8
    FROM (
        SELECT bucket_at, actor, queue, state, count(*) AS ends, sum(waited) AS waited, sum(ran)
            AS ran,
               width_bucket(waited, %(bounds)s::float8[]) + 1 AS wait_class,
               width_bucket(ran, %(bounds)s::float8[]) + 1 AS run_class
        FROM ({_ENDED}) AS ended
        GROUP BY bucket_at, actor, queue, state, wait_class, run_class
    ) AS alike
    GROUP BY bucket_at, actor, queue
"""  # noqa: S608 - constants only
_COLUMNS = """
    seconds, bucket_at, actor, queue, succeeded, failed, dead, cancelled,
    wait_counts, wait_seconds, run_counts, run_seconds
"""
_SUMS = f"""
    sum(succeeded), sum(failed), sum(dead), sum(cancelled),
    {_each("sum(wait_counts[{n}])")}, sum(wait_seconds),
    {_each("sum(run_counts[{n}])")}, sum(run_seconds)
"""
_ADD = f"""
    UPDATE SET succeeded = r.succeeded + excluded.succeeded, failed = r.failed + excluded.failed,
        dead = r.dead + excluded.dead, cancelled = r.cancelled + excluded.cancelled,
        wait_counts = {_each("r.wait_counts[{n}] + excluded.wait_counts[{n}]")},
        wait_seconds = r.wait_seconds + excluded.wait_seconds,
        run_counts = {_each("r.run_counts[{n}] + excluded.run_counts[{n}]")},
        run_seconds = r.run_seconds + excluded.run_seconds
"""

_HISTORY = f"""
    SELECT {_COLUMNS} FROM jobs_taskrollup
    WHERE seconds = %(seconds)s AND bucket_at > %(start)s - make_interval(secs => %(seconds)s)
      AND bucket_at < date_bin(make_interval(secs => %(seconds)s), %(mark)s, 'epoch')
    UNION ALL
    SELECT %(seconds)s, date_bin(make_interval(secs => %(seconds)s), bucket_at, 'epoch'), actor,
        queue, {_SUMS}
    FROM jobs_taskrollup
    WHERE seconds = {MINUTE} AND %(seconds)s <> {MINUTE} AND bucket_at < %(mark)s
      AND bucket_at >= date_bin(make_interval(secs => %(seconds)s), %(mark)s, 'epoch')
    GROUP BY 2, 3, 4
    UNION ALL {_COUNTED}
"""  # noqa: S608 - constants only


def fold() -> bool:
    """Add up minutes that are over, at most STEP of them; return whether there are more.

    Any number of processes may call this at any time: one counts, the others return at once.
    """
    with transaction.atomic():
        step = _next_step()
        if step is None:
            return False
        since, until, is_more = step
        _scan_by_time()
        _count_minutes(since, until)
        for span in (TEN_MINUTES, HOUR):
            _sum_minutes(span, since, until)
        _add_to_totals(since, until)
        execute("UPDATE jobs_mark SET at = %s WHERE name = %s", (until, MARK))
        _forget(until)
    return is_more


def _next_step() -> tuple[datetime, datetime, bool] | None:
    """Return the period to count now, and whether more follows; lock the mark's row.

    Return None when no minute is over, or another process is counting.
    """
    execute(
        """
        INSERT INTO jobs_mark (name, at) VALUES (%s, date_bin('1 hour', statement_timestamp() - %s,
            'epoch'))
        ON CONFLICT DO NOTHING
        """,
        (MARK, FIRST_STEP),
    )
    rows = fetch(
        """
        SELECT at, least(date_bin('1 minute', statement_timestamp() - %(grace)s, 'epoch'),
            at + %(step)s),
               statement_timestamp() - %(grace)s > at + %(step)s + interval '1 minute'
        FROM jobs_mark WHERE name = %(name)s FOR UPDATE SKIP LOCKED
        """,
        {"name": MARK, "grace": GRACE, "step": STEP},
    )
    return rows[0] if rows and rows[0][1] > rows[0][0] else None


def _scan_by_time() -> None:
    """Make PostgreSQL use the indexes by time for the rest of the transaction.

    Otherwise it may read the whole ledger, since its statistics say that the rows are scattered.
    """
    execute("SELECT set_config('enable_seqscan', 'off', true)", ())


def _count_minutes(since: datetime, until: datetime) -> None:
    execute(
        f"INSERT INTO jobs_taskrollup ({_COLUMNS}) {_COUNTED}",
        {"seconds": MINUTE, "since": since, "until": until, "bounds": list(BOUNDS)},
    )


def _sum_minutes(span: int, since: datetime, until: datetime) -> None:
    """Add up the minutes of each longer span that ended in the period."""
    execute(
        f"""
        INSERT INTO jobs_taskrollup ({_COLUMNS})
        SELECT %(span)s, date_bin(make_interval(secs => %(span)s), bucket_at, 'epoch'), actor,
            queue, {_SUMS}
        FROM jobs_taskrollup
        WHERE seconds = {MINUTE} AND bucket_at >= date_bin(make_interval(secs => %(span)s),
            %(since)s, 'epoch')
          AND bucket_at < date_bin(make_interval(secs => %(span)s), %(until)s, 'epoch')
        GROUP BY 2, 3, 4
        """,  # noqa: S608 - constants only
        {"span": span, "since": since, "until": until},
    )


def _add_to_totals(since: datetime, until: datetime) -> None:
    execute(
        f"""
        INSERT INTO jobs_taskrollup AS r ({_COLUMNS})
        SELECT {EVER}, to_timestamp(0), actor, queue, {_SUMS} FROM jobs_taskrollup
        WHERE seconds = {MINUTE} AND bucket_at >= %s AND bucket_at < %s GROUP BY actor, queue
        ON CONFLICT (seconds, bucket_at, actor, queue) DO {_ADD}
        """,  # noqa: S608 - constants only
        (since, until),
    )


def _forget(until: datetime) -> None:
    """Delete rows past their retention, counted from `until`, the end of what is added up.

    So no row is deleted that a longer span still needs, however far counting is behind.
    """
    for span, age in RETENTION.items():
        execute(
            "DELETE FROM jobs_taskrollup WHERE seconds = %s AND bucket_at < %s", (span, until - age)
        )


# --- Reading ------------------------------------------------------------------------------------
@dataclass(slots=True)
class Summary:
    """Numbers of ended tasks by outcome, and histograms of their waiting and running times."""

    succeeded: int = 0
    failed: int = 0
    dead: int = 0
    cancelled: int = 0
    wait_counts: list[int] = field(default_factory=lambda: [0] * CLASSES)
    wait_seconds: float = 0.0
    run_counts: list[int] = field(default_factory=lambda: [0] * CLASSES)
    run_seconds: float = 0.0

    def add(self, other: Summary) -> None:
        """Add the counts of `other`."""
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.dead += other.dead
        self.cancelled += other.cancelled
        self.wait_counts = [a + b for a, b in zip(self.wait_counts, other.wait_counts, strict=True)]
        self.wait_seconds += other.wait_seconds
        self.run_counts = [a + b for a, b in zip(self.run_counts, other.run_counts, strict=True)]
        self.run_seconds += other.run_seconds

    @property
    def attempts(self) -> int:
        """Return the number of attempts that succeeded or failed."""
        return self.succeeded + self.failed

    @property
    def failure_rate(self) -> float:
        """Return the fraction of the attempts that failed, 0 to 1."""
        return self.failed / self.attempts if self.attempts else 0.0

    def wait(self, part: float) -> float | None:
        """Return the seconds from due to start that a share `part` of tasks did not exceed."""
        return quantile(self.wait_counts, part)

    def run(self, part: float) -> float | None:
        """Return the seconds of running that the fraction `part` of the attempts did not exceed.

        Return None where no attempt is counted.
        """
        return quantile(self.run_counts, part)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The summary of one actor and queue in one span of time."""

    at: datetime
    actor: str
    queue: str
    summary: Summary


def quantile(counts: Sequence[int], part: float) -> float | None:
    """Return the seconds that the fraction `part` (0 to 1) of the counted values did not exceed.

    The value is interpolated in its class, so the true one is within a factor of two. Return None
    where nothing is counted.
    """
    rank = part * sum(counts)
    if not rank:
        return None
    below = 0
    for place, count in enumerate(counts[:-1]):
        if count and below + count >= rank:
            lower = BOUNDS[place - 1] if place else 0.0
            return lower + (BOUNDS[place] - lower) * (rank - below) / count
        below += count
    return BOUNDS[-1]


def history(period: timedelta, *, span: int) -> tuple[datetime, list[Bucket]]:
    """Return PostgreSQL's time, and how tasks ended in the `period` before it, by `span` seconds.

    Minutes that are not added up yet are counted here, so the newest span grows up to this moment.
    If the rollup has stopped, the newest spans are missing.
    """
    [(now, mark)] = fetch(
        "SELECT statement_timestamp(), (SELECT at FROM jobs_mark WHERE name = %s)",
        (MARK,),
    )
    mark = mark or now - STEP
    facts = {
        "seconds": span,
        "start": now - period,
        "mark": mark,
        "since": mark,
        "until": min(now + timedelta(seconds=1), mark + STEP),
        "bounds": list(BOUNDS),
    }
    with transaction.atomic():
        _scan_by_time()
        rows = fetch(_HISTORY, facts)
    return now, list(_buckets(rows))


def totals() -> list[Bucket]:
    """Return how tasks ended since the installation, up to the last full minute."""
    rows = fetch(
        f"SELECT {_COLUMNS} FROM jobs_taskrollup"  # noqa: S608 - constants only
        f" WHERE seconds = {EVER} ORDER BY actor, queue",
        (),
    )
    return list(_buckets(rows))


def recent(period: timedelta) -> Summary:
    """Return the summary of all tasks that ended in the last `period`, to the minute."""
    _, buckets = history(period, span=MINUTE)
    return total(buckets)


def total(buckets: Iterable[Bucket]) -> Summary:
    """Return the sum of all `buckets`."""
    summary = Summary()
    for bucket in buckets:
        summary.add(bucket.summary)
    return summary


def _buckets(rows: list[tuple[Any, ...]]) -> Iterator[Bucket]:
    for _, at, actor, queue, succeeded, failed, dead, cancelled, waits, waited, runs, ran in rows:
        counts = (int(succeeded), int(failed), int(dead), int(cancelled))
        yield Bucket(
            at, actor, queue, Summary(*counts, list(waits), float(waited), list(runs), float(ran))
        )
