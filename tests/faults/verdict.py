"""What must hold after a run, and how to see that it does.

Every breach is named with an example.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from tests.faults.provider import Call

LONG_STEPS = 4
CHILDREN = 3


@dataclass
class Promised:
    """What the system said it would do: ids of tasks whose commit was confirmed, reports answered
    201, codes 202.

    `receipts` are the provider's ids of messages whose call-back was answered 2xx: all of them say
    "delivered". Tasks that the schedule sent after `drained_at`, when every other one had ended,
    may be cut off by the end of the run.
    """

    committed: set[UUID] = field(default_factory=set)
    regretted: set[UUID] = field(default_factory=set)
    reports: dict[str, bool] = field(default_factory=dict)
    challenges: list[str] = field(default_factory=list)
    receipts: set[str] = field(default_factory=set)
    drained_at: datetime | None = None

    @classmethod
    def read(cls, path: Path) -> Promised:
        """Read a sender's truth file; a last line cut off by SIGKILL promises nothing."""
        promised = cls()
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            promised.committed.update(map(UUID, entry.get("committed", ())))
            promised.regretted.update(map(UUID, entry.get("regretted", ())))
        return promised


@dataclass
class Verdict:
    """Counts of a run, and its breaches."""

    tasks: int = 0
    states: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    unfinished: int = 0
    calls: int = 0
    repeated_calls: int = 0
    lost_leases: int = 0
    reports: int = 0
    receipts: int = 0
    delivered: int = 0
    dead: dict[str, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def find(self, what: str, cases: Iterable[object]) -> int:
        """Note a breach if there are cases of it; return how many there are."""
        found = list(cases)
        if found:
            self.breaches.append(f"{what}: {len(found)}, such as {found[0]}")
        return len(found)


#: Tasks whose effects are not what their state says, with the number of effects: exactly one each,
#: steps apart.
_WRONG_EFFECTS: LiteralString = """
    SELECT t.id, t.actor, t.state, count(e.key), count(DISTINCT e.key)
    FROM jobs_task t LEFT JOIN fault_effect e ON e.task_id = t.id
    WHERE t.actor IN ('fault_effect', 'fault_parent', 'fault_message', 'fault_long')
    GROUP BY t.id HAVING count(e.key) <> count(DISTINCT e.key)
      OR t.state = 'succeeded' AND count(e.key) <> CASE t.actor WHEN 'fault_long' THEN %(steps)s
          ELSE 1 END
      OR t.state <> 'succeeded' AND t.actor <> 'fault_long' AND count(e.key) > 0
"""
_WRONG_CHILDREN: LiteralString = """
    SELECT p.id, count(c.key) FROM jobs_task p LEFT JOIN fault_effect c
        ON c.key IN (SELECT p.args->>0 || '/' || n FROM generate_series(0, %(children)s - 1) AS n)
    WHERE p.actor = 'fault_parent' AND p.state = 'succeeded' GROUP BY p.id
        HAVING count(c.key) <> %(children)s
"""
_WRONG_REPUTATION: LiteralString = """
    SELECT u.id, u.reputation, coalesce(sum(e.points), 0) FROM accounts_user u
    LEFT JOIN accounts_reputationentry e ON e.user_id = u.id
    GROUP BY u.id HAVING u.reputation <> coalesce(sum(e.points), 0)
"""


def judge(connection: psycopg.Connection[Any], promised: Promised, calls: list[Call]) -> Verdict:
    """Compare what was promised with what the database and the provider hold."""
    found = Verdict()
    tasks: dict[UUID, tuple[str, str]] = {
        row[0]: (row[1], row[2])
        for row in connection.execute("SELECT id, actor, state FROM jobs_task")
    }
    found.tasks = len(tasks)
    found.states = dict(Counter(state for _, state in tasks.values()))
    found.dead = dict(Counter(actor for actor, state in tasks.values() if state == "dead"))
    found.reports = len(promised.reports)
    _check_tasks(found, connection, tasks, promised)
    _check_effects(found, connection)
    _check_calls(found, connection, tasks, calls)
    _check_reports(found, connection, promised)
    _check_receipts(found, connection, promised)
    return found


def _check_tasks(
    found: Verdict,
    connection: psycopg.Connection[Any],
    tasks: dict[UUID, tuple[str, str]],
    promised: Promised,
) -> None:
    found.lost = found.find("committed tasks that vanished", promised.committed - tasks.keys())
    found.find("tasks of a rolled-back transaction", promised.regretted & tasks.keys())
    after = "SELECT id FROM jobs_task WHERE created_at > %s"
    cut_off = {task for (task,) in connection.execute(after, (promised.drained_at,))}
    unfinished = (
        task
        for task, (_, state) in tasks.items()
        if state not in ("succeeded", "dead", "cancelled") and task not in cut_off
    )
    found.unfinished = found.find("tasks that did not end", unfinished)
    half_ended = """
        SELECT id FROM jobs_task
        WHERE (finished_at IS NULL) = (state IN ('succeeded', 'dead', 'cancelled'))
    """
    found.find("tasks that ended without an end", connection.execute(half_ended))
    hopeless = (
        actor for actor in found.dead if actor.startswith("fault_") and actor != "fault_once"
    )
    found.find("actors whose tasks died of the faults", hopeless)


def _check_effects(found: Verdict, connection: psycopg.Connection[Any]) -> None:
    wrong = connection.execute(_WRONG_EFFECTS, {"steps": LONG_STEPS}).fetchall()
    found.doubled = found.find(
        "tasks with doubled effects",
        (row for row in wrong if row[3] > 1 and row[1] != "fault_long"),
    )
    found.doubled += found.find(
        "long tasks with doubled steps", (row for row in wrong if row[3] != row[4])
    )
    rest = [row for row in wrong if row[3] <= 1 or (row[1] == "fault_long" and row[3] == row[4])]
    found.lost += found.find("tasks whose effects are not what their state says", rest)
    found.find(
        "parents with other than their children",
        connection.execute(_WRONG_CHILDREN, {"children": CHILDREN}),
    )
    orphans = """
        SELECT task_id FROM fault_effect e
        WHERE NOT EXISTS (SELECT FROM jobs_task t WHERE t.id = e.task_id)
    """
    found.find("effects of no task", connection.execute(orphans))


def _check_calls(
    found: Verdict,
    connection: psycopg.Connection[Any],
    tasks: dict[UUID, tuple[str, str]],
    calls: list[Call],
) -> None:
    """At most one call where that is promised; else one more for each bad answer and each worker
    lost in the call.
    """
    times = Counter(UUID(call.key) for call in calls)
    bad_answers = Counter(UUID(call.key) for call in calls if call.answer != "ok")
    lost_sql = """
        SELECT task_id, count(*) FROM jobs_attempt WHERE error_type = 'WorkerLost'
        GROUP BY task_id
    """
    lost: Counter[UUID] = Counter(dict(connection.execute(lost_sql).fetchall()))
    found.calls, found.lost_leases = len(calls), lost.total()
    found.repeated_calls = len(calls) - len(times)
    once = {task for task, (actor, _) in tasks.items() if actor in ("send_otp", "fault_once")}
    found.doubled += found.find(
        "messages sent twice that must not be", (task for task in once if times[task] > 1)
    )
    more = [
        task for task in times.keys() - once if times[task] > 1 + bad_answers[task] + lost[task]
    ]
    evidence = (
        f"{task}: {times[task]} calls, {bad_answers[task]} answered badly, "
        f"{_story(connection, task)}"
        for task in more
    )
    found.doubled += found.find("messages sent more often than their call was broken off", evidence)
    sent = {
        task
        for task, (actor, state) in tasks.items()
        if actor == "fault_message" and state == "succeeded"
    }
    found.lost += found.find("messages told to be sent that were not", sent - times.keys())
    twice = "SELECT args->>0 FROM jobs_task WHERE actor = 'send_otp' GROUP BY 1 HAVING count(*) > 1"
    found.find("challenges with two sending tasks", connection.execute(twice))


def _check_reports(found: Verdict, connection: psycopg.Connection[Any], promised: Promised) -> None:
    stored = {str(row[0]) for row in connection.execute("SELECT id FROM reports_report")}
    found.lost += found.find("reports answered 201 that vanished", promised.reports.keys() - stored)
    challenges = {str(row[0]) for row in connection.execute("SELECT id FROM accounts_otpchallenge")}
    found.lost += found.find(
        "challenges answered 202 that vanished", set(promised.challenges) - challenges
    )
    found.find(
        "users whose reputation is not its ledger's sum", connection.execute(_WRONG_REPUTATION)
    )
    audited = Counter(
        subject.removeprefix("report:")
        for (subject,) in connection.execute(
            "SELECT subject FROM accounts_auditevent WHERE event = 'report.submitted'"
        )
    )
    found.lost += found.find(
        "reports without their line in the audit log", (r for r in stored if not audited[r])
    )
    found.doubled += found.find(
        "reports with two lines in the audit log", (r for r in stored if audited[r] > 1)
    )
    credited = {
        key.split(":")[1]
        for (key,) in connection.execute("SELECT event_key FROM accounts_reputationentry")
    }
    signed_in = {report for report, is_signed_in in promised.reports.items() if is_signed_in}
    found.lost += found.find("reports whose reporter was not credited", signed_in - credited)


def _check_receipts(
    found: Verdict, connection: psycopg.Connection[Any], promised: Promised
) -> None:
    """Check that each call-back answered 2xx is kept once, and that its delivery says so.

    Either may have been stored first.
    """
    rows = connection.execute("SELECT provider_id FROM notifications_receipt").fetchall()
    kept = Counter(provider_id for (provider_id,) in rows)
    found.receipts = len(promised.receipts)
    found.lost += found.find("receipts answered 2xx that vanished", promised.receipts - kept.keys())
    found.doubled += found.find(
        "receipts kept twice", (one for one, times in kept.items() if times > 1)
    )
    deliveries = connection.execute(
        "SELECT id, provider_id, status FROM notifications_delivery"
    ).fetchall()
    found.delivered = sum(status == "delivered" for _, _, status in deliveries)
    deaf = (row for row in deliveries if row[1] in promised.receipts and row[2] != "delivered")
    found.lost += found.find("deliveries that their receipt did not reach", deaf)
    told = promised.receipts | kept.keys()
    invented = (
        row for row in deliveries if row[2] in ("delivered", "undelivered") and row[1] not in told
    )
    found.find("deliveries that ended without a receipt", invented)


def _story(connection: psycopg.Connection[Any], task: UUID) -> str:
    """Return the task and its failed attempts in words, as the ledger has them."""
    row = connection.execute(
        "SELECT row_to_json(t) FROM jobs_task t WHERE id = %s", (task,)
    ).fetchone()
    attempts = connection.execute(
        "SELECT number, error_type, error FROM jobs_attempt WHERE task_id = %s", (task,)
    )
    return f"{row}, {attempts.fetchall()}"
