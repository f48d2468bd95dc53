"""The runs of the schedule's entries: the latest and the next of each, and one started by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from jobs.errors import EntryUnknown, RunRefused
from jobs.ledger import database
from jobs.ledger.database import fetch
from jobs.operations import actions
from jobs.states import State
from jobs.worker import schedule
from jobs.worker.schedule import Entry

#: A second press on a button within this time starts no second run.
ONE_PRESS = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Run:
    """The latest tick of an entry that sent a task, and that task, unless it was deleted since."""

    due_at: datetime
    task_id: UUID
    state: str | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_under_way(self) -> bool:
        """Return whether its task waits or runs."""
        return self.state in (State.QUEUED, State.RETRYING, State.RUNNING)

    @property
    def seconds(self) -> float | None:
        """Return how long the task ran, where it has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Line:
    """The state of one entry: its latest run, and when the next is due."""

    entry: Entry
    last: Run | None
    next_due_at: datetime | None
    fault: str


def overview() -> list[Line]:
    """Return the state of every entry, in the schedule's order."""
    entries, now = schedule.entries(), database.now()
    latest = _latest([entry.name for entry in entries])
    return [_line(entry, now, latest.get(entry.name)) for entry in entries]


def run_now(name: str, *, by: UUID | None) -> UUID:
    """Send the task of an entry now, as its tick would, and return the task's id.

    It is bulk work where the entry is, and it is recorded with who did it. Two presses of a button
    send one task, and no run is started while one is under way.

    Raises:
        EntryUnknown: the schedule has no such entry.
        RunRefused: a run is under way or was started a moment ago, or the entry has a fault.
    """
    entry = next((known for known in schedule.entries() if known.name == name), None)
    if entry is None:
        raise EntryUnknown(f"The schedule has no entry {name!r}.")
    with transaction.atomic():
        database.lock(f"schedule {name}")
        now = database.now()
        _assert_may_run(entry, now, _latest([name]).get(name))
        task_id = schedule.record(entry, now, is_sent=True)
        if task_id is None:  # a tick of this very microsecond
            raise RunRefused
        actions.record("schedule.run", f"schedule:{name}", by, {"task": str(task_id)})
    return task_id


def _assert_may_run(entry: Entry, now: datetime, last: Run | None) -> None:
    if fault := entry.fault(now):
        raise RunRefused(fault)
    if last is not None and last.is_under_way:
        raise RunRefused(f"The latest run of {entry.name} is still {last.state}.")
    if last is not None and now - last.due_at < ONE_PRESS:
        raise RunRefused


def _latest(names: list[str]) -> Mapping[str, Run]:
    """Return the latest run of each entry that has run, by one look at the index for each."""
    rows = fetch(
        """
        SELECT line.name, tick.due_at, tick.task_id, task.state, task.started_at, task.finished_at
        FROM unnest(%s::text[]) AS line(name)
        CROSS JOIN LATERAL (
            SELECT due_at, task_id FROM jobs_scheduletick
            WHERE name = line.name AND task_id IS NOT NULL ORDER BY due_at DESC LIMIT 1) AS tick
        LEFT JOIN jobs_task AS task ON task.id = tick.task_id
        """,
        (names,),
    )
    return {name: Run(*facts) for name, *facts in rows}


def _line(entry: Entry, now: datetime, last: Run | None) -> Line:
    fault = entry.fault(now)
    return Line(entry, last, None if fault else entry.next_due(now), fault)
