"""The schedule: send tasks at set times, each tick exactly once for all processes together.

JOBS_SCHEDULE names the list of entries. A tick is a row, unique by name and time, written in one
transaction with its task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from croniter import CroniterBadDateError, croniter
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils.module_loading import import_string
from dramatiq import ActorNotFound, Message, get_broker

from jobs.errors import JobsError
from jobs.execution import entrance
from jobs.ledger import database
from jobs.ledger.database import execute, fetch
from jobs.urgency import Urgency

log = structlog.get_logger(__name__)

#: A tick that is noticed later than this was missed: nothing ran, or PostgreSQL was away.
MISSED_AFTER = timedelta(minutes=1)
#: From here the periods of `every` are counted.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the schedule.

    Args:
        name: the entry's name, unique; it is stored with each tick.
        actor: the actor's name.
        cron: five fields, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html
        every: instead of `cron`, the period, counted from 1970, such as 90 seconds or 30 minutes.
        after_start: when it is due beside that, so long after a worker process has started. Of
            processes that start together one sends it.
        args, kwargs: the actor's arguments.
        catch_up: what to do about ticks missed while no worker ran: `once` sends one task for all
            of them, `skip` sends none.
        is_bulk: whether its task, and the tasks that one sends, are bulk work.
        is_coalesced: whether a tick sends nothing while the task of an earlier one still waits.
        time_zone: the time zone of `cron`, by default TIME_ZONE.
    """

    name: str
    actor: str
    cron: str = ""
    every: timedelta | None = None
    after_start: timedelta | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    catch_up: Literal["once", "skip"] = "once"
    is_coalesced: bool = False
    is_bulk: bool = False
    time_zone: str = ""

    def last_due(self, now: datetime) -> datetime:
        """Return the latest time at or before `now` at which the entry was due."""
        if self.every is not None:
            return now - (now - EPOCH) % self.every
        due: datetime = self._times(now + timedelta(microseconds=1)).get_prev(datetime)
        while self._is_repetition(due):
            due = self._times(due).get_prev(datetime)
        return due

    def next_due(self, now: datetime) -> datetime:
        """Return the first time after `now` at which the entry is due."""
        if self.every is not None:
            return self.last_due(now) + self.every
        due: datetime = self._times(now).get_next(datetime)
        while self._is_repetition(due):
            due = self._times(due).get_next(datetime)
        return due

    def fault(self, now: datetime) -> str:
        """Return what is wrong with the entry, in a sentence; empty where it can run."""
        if bool(self.cron) == bool(self.every):
            return "An entry has either cron or every."
        try:
            get_broker().get_actor(self.actor)
            self.next_due(now)
        except ActorNotFound:
            return f"There is no actor {self.actor!r}."
        except CroniterBadDateError:
            return f"No day ever fits {self.cron!r}."
        except (ValueError, KeyError) as error:  # croniter's and zoneinfo's own errors are both
            return str(error)
        return ""

    @property
    def timing(self) -> str:
        """Return in words when the entry is due."""
        return self.cron or f"every {self.every}"

    def _times(self, start: datetime) -> croniter:
        return croniter(self.cron, start.astimezone(ZoneInfo(self.time_zone or settings.TIME_ZONE)))

    def _is_repetition(self, due: datetime) -> bool:
        """Return whether `due` lies in the second pass of an hour that autumn repeats.

        An entry that names its hours has run in the first pass already. For one of every hour the
        repeated hour is an hour like others.
        """
        first = due.replace(fold=0)
        is_repeated = due.fold == 1 and first.utcoffset() != due.utcoffset()
        return is_repeated and "*" not in self.cron.split()[1]


def entries() -> list[Entry]:
    """Return the entries of the schedule."""
    return list(import_string(settings.JOBS_SCHEDULE)) if settings.JOBS_SCHEDULE else []


def tick() -> int:
    """Send the tasks of all entries that have come due; return how many were sent."""
    schedule = {entry.name: entry for entry in entries()}
    rows = fetch(
        """
        SELECT line.name, statement_timestamp(), (SELECT max(due_at) FROM jobs_scheduletick
            WHERE name = line.name)
        FROM unnest(%s::text[]) AS line(name)
        """,
        (list(schedule),),
    )
    return sum(_tick_alone(schedule[name], now, last) for name, now, last in rows)


def _tick_alone(entry: Entry, now: datetime, last: datetime | None) -> bool:
    """Send the task of an entry that has come due; return whether one was sent.

    A faulty entry is logged and does not keep the others from running.
    """
    if fault := entry.fault(now):
        log.error("jobs.schedule_entry_faulty", name=entry.name, fault=fault)
        return False
    try:
        return _tick(entry, now, last)
    except (DatabaseError, JobsError, TypeError, ValueError) as error:
        if isinstance(error, (OperationalError, InterfaceError)):
            raise  # PostgreSQL is down: no entry can run
        log.exception("jobs.schedule_entry_failed", name=entry.name)
        return False


def _tick(entry: Entry, now: datetime, last: datetime | None) -> bool:
    due_at = entry.last_due(now)
    if last is not None and due_at <= last:
        return False
    # An entry seen for the first time has missed nothing: it begins with its next tick.
    is_sent = last is not None and (entry.catch_up == "once" or now - due_at <= MISSED_AFTER)
    return record(entry, due_at, is_sent=is_sent) is not None


def record(entry: Entry, due_at: datetime, *, is_sent: bool) -> UUID | None:
    """Store a tick of the entry, with its task if one `is_sent`; return the task's id.

    Return None where none was sent, as for a tick that another process has stored already.
    """
    with transaction.atomic():
        is_ours = execute(
            "INSERT INTO jobs_scheduletick (name, due_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (entry.name, due_at),
        )
        if not (is_ours and is_sent):
            return None
        task_id = UUID(_send(entry).message_id)
        execute(
            "UPDATE jobs_scheduletick SET task_id = %s WHERE name = %s AND due_at = %s",
            (task_id, entry.name, due_at),
        )
        log.info(
            "jobs.schedule_tick",
            name=entry.name,
            due_at=due_at.isoformat(),
            task_id=str(task_id),
        )
    return task_id


def _send(entry: Entry) -> Message[Any]:
    actor = get_broker().get_actor(entry.actor)
    unique_key = f"schedule:{entry.name}" if entry.is_coalesced else None
    with entrance.entering(Urgency.BULK if entry.is_bulk else Urgency.ROUTINE):
        return actor.send_with_options(
            args=entry.args, kwargs=dict(entry.kwargs), unique_key=unique_key
        )


class FirstTicks:
    """Sends, for one worker process, the tasks that are due some time after its start."""

    def __init__(self) -> None:
        self._started_at: datetime | None = None
        self._done: set[str] = set()

    def tick(self) -> int:
        """Send the tasks whose time after the start has come; return how many were sent.

        The first call counts as the start.
        """
        now = database.now()
        started_at = self._started_at = self._started_at or now
        sent = 0
        for entry in entries():
            if entry.after_start is None or entry.name in self._done:
                continue
            if started_at + entry.after_start <= now:
                sent += _send_first(entry, started_at, started_at + entry.after_start)
                self._done.add(entry.name)
        return sent


def _send_first(entry: Entry, started_at: datetime, due_at: datetime) -> bool:
    """Send the entry's first task after a start, unless one was sent since then already.

    That one came from another process that started at the same time, or from the clock.
    """
    if fault := entry.fault(due_at):
        log.error("jobs.schedule_entry_faulty", name=entry.name, fault=fault)
        return False
    since = "SELECT FROM jobs_scheduletick WHERE name = %s AND due_at > %s AND task_id IS NOT NULL"
    with transaction.atomic():
        database.lock(f"schedule {entry.name}")
        if fetch(since, (entry.name, started_at)):
            return False
        return record(entry, due_at, is_sent=True) is not None
