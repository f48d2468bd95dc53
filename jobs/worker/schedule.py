"""The schedule: send tasks at set times, each tick exactly once for all processes together.

JOBS_SCHEDULE names the list of entries. A tick is a row, unique by name and time, written in one
transaction with its task.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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
from jobs.ledger.database import execute, fetch
from jobs.urgency import Urgency

log = structlog.get_logger(__name__)

#: A tick that is noticed later than this was missed: nothing ran, or PostgreSQL was away.
MISSED_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the schedule.

    Args:
        name: the entry's name, unique; it is stored with each tick.
        cron: five fields, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html
        actor: the actor's name.
        args: the actor's positional arguments.
        catch_up: what to do about ticks missed while no worker ran: `once` sends one task for all
            of them, `skip` sends none.
        is_bulk: whether its task, and the tasks that one sends, are bulk work.
        is_coalesced: whether a tick sends nothing while the task of an earlier one still waits.
        time_zone: the time zone of `cron`, by default TIME_ZONE.
    """

    name: str
    cron: str
    actor: str
    args: tuple[Any, ...] = ()
    catch_up: Literal["once", "skip"] = "once"
    is_coalesced: bool = False
    is_bulk: bool = False
    time_zone: str = ""

    def last_due(self, now: datetime) -> datetime:
        """Return the latest time at or before `now` at which the entry was due."""
        due: datetime = self._times(now + timedelta(microseconds=1)).get_prev(datetime)
        while self._is_repetition(due):
            due = self._times(due).get_prev(datetime)
        return due

    def next_due(self, now: datetime) -> datetime:
        """Return the first time after `now` at which the entry is due."""
        due: datetime = self._times(now).get_next(datetime)
        while self._is_repetition(due):
            due = self._times(due).get_next(datetime)
        return due

    def fault(self, now: datetime) -> str:
        """Return what is wrong with the entry, in a sentence; empty where it can run."""
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
    with transaction.atomic():
        is_ours = execute(
            "INSERT INTO jobs_scheduletick (name, due_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (entry.name, due_at),
        )
        if is_ours and is_sent:
            message = _send(entry)
            execute(
                "UPDATE jobs_scheduletick SET task_id = %s WHERE name = %s AND due_at = %s",
                (message.message_id, entry.name, due_at),
            )
            log.info(
                "jobs.schedule_tick",
                name=entry.name,
                due_at=due_at.isoformat(),
                task_id=message.message_id,
            )
    return bool(is_ours and is_sent)


def _send(entry: Entry) -> Message[Any]:
    actor = get_broker().get_actor(entry.actor)
    unique_key = f"schedule:{entry.name}" if entry.is_coalesced else None
    with entrance.entering(Urgency.BULK if entry.is_bulk else Urgency.ROUTINE):
        return actor.send_with_options(args=entry.args, unique_key=unique_key)


@dataclass(frozen=True, slots=True)
class Line:
    """The state of one entry: the last tick that sent a task, and the time of the next."""

    entry: Entry
    last_due_at: datetime | None
    task_id: UUID | None
    task_state: str | None
    next_due_at: datetime | None
    fault: str


def overview() -> list[Line]:
    """Return the state of every entry, in the schedule's order."""
    [(now,)] = fetch("SELECT statement_timestamp()", ())
    rows = fetch(
        """
        SELECT DISTINCT ON (tick.name) tick.name, tick.due_at, tick.task_id, task.state
        FROM jobs_scheduletick AS tick LEFT JOIN jobs_task AS task ON task.id = tick.task_id
        WHERE tick.task_id IS NOT NULL ORDER BY tick.name, tick.due_at DESC
        """,
        (),
    )
    last = {name: (due_at, task_id, state) for name, due_at, task_id, state in rows}
    never: tuple[Any, Any, Any] = (None, None, None)
    return [_line(entry, now, last.get(entry.name, never)) for entry in entries()]


def _line(entry: Entry, now: datetime, last: tuple[Any, Any, Any]) -> Line:
    fault = entry.fault(now)
    return Line(entry, *last, None if fault else entry.next_due(now), fault)
