"""Fail points: named places at which a build for fault tests fails on purpose.

In any other build they do nothing. `JOBS_FAILPOINTS` says what happens where: comma-separated
`POINT=ACTION[:SECONDS]@N` (at the Nth time this process passes the point) or
`POINT=ACTION[:SECONDS]%P` (each time with probability P, drawn from `JOBS_FAILPOINTS_SEED`). It
takes effect only under settings with `JOBS_IS_FAULT_BUILD = True`. The actions:

- `kill`: SIGKILL to this process.
- `stop`: SIGSTOP to this process; whoever started it sends SIGCONT after SECONDS.
- `raise`: `SystemExit`, which ends the thread of a loop.
- `sleep`: wait for SECONDS.

Before each action a line is appended to `JOBS_FAILPOINTS_LOG`: time, process, point, task, action,
seconds. While the file `JOBS_FAILPOINTS_LOG.off` exists no action is taken.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

_RULE = re.compile(
    r"(?P<point>[\w.-]+)=(?P<action>kill|stop|raise|sleep)(:(?P<seconds>[\d.]+))?(?P<when>[@%][\d.]+)"
)


class ThreadKilled(SystemExit):
    """A fail point has ended this thread, as an unforeseen fault would."""


@dataclass(frozen=True, slots=True)
class _Rule:
    action: str
    seconds: float
    nth: int | None
    probability: float
    passed: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def is_due(self, chance: random.Random) -> bool:
        if self.nth is not None:
            return next(self.passed) == self.nth
        return chance.random() < self.probability


class Plan:
    """The actions planned for each fail point; `log` is the file that records those taken."""

    def __init__(self, rules: str, *, seed: str, log: Path) -> None:
        self._rules: dict[str, list[_Rule]] = {}
        self._chance = random.Random(seed)  # noqa: S311 - to be repeatable, not unguessable
        self._log = log
        for text in filter(None, rules.split(",")):
            point, rule = _parse(text)
            self._rules.setdefault(point, []).append(rule)

    def reach(self, point: str, task_id: UUID | str | None) -> None:
        """Take the actions that are due at `point`, if any."""
        for rule in self._rules.get(point, ()):
            if (
                rule.is_due(self._chance)
                and not self._log.with_name(self._log.name + ".off").exists()
            ):
                self._write(point, task_id, rule)
                _ACT[rule.action](rule.seconds)

    def _write(self, point: str, task_id: UUID | str | None, rule: _Rule) -> None:
        hit = {
            "at": time.time(),
            "pid": os.getpid(),
            "point": point,
            "task": str(task_id) if task_id else None,
            "action": rule.action,
            "seconds": rule.seconds,
        }
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, json.dumps(hit).encode() + b"\n")
        finally:
            os.close(descriptor)


def _parse(text: str) -> tuple[str, _Rule]:
    match = _RULE.fullmatch(text)
    if match is None:
        raise ValueError(f"JOBS_FAILPOINTS: {text!r} is not POINT=ACTION[:SECONDS]@N or %P.")
    when, number = match["when"][0], match["when"][1:]
    rule = _Rule(
        action=match["action"],
        seconds=float(match["seconds"] or 0),
        nth=int(number) if when == "@" else None,
        probability=float(number) if when == "%" else 0.0,
    )
    return match["point"], rule


def _end_thread(_seconds: float) -> None:
    raise ThreadKilled


_ACT: dict[str, Callable[[float], None]] = {
    "kill": lambda _seconds: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda _seconds: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _end_thread,
    "sleep": time.sleep,
}


def _plan() -> Plan | None:
    rules = os.environ.get("JOBS_FAILPOINTS", "")
    if not rules or not getattr(settings, "JOBS_IS_FAULT_BUILD", False):
        return None
    seed = os.environ.get("JOBS_FAILPOINTS_SEED", "")
    return Plan(rules, seed=seed, log=Path(os.environ["JOBS_FAILPOINTS_LOG"]))


_active = _plan()


def failpoint(point: str, task_id: UUID | str | None = None) -> None:
    """Fail on purpose at this place, if a build for fault tests plans to."""
    if _active is not None:
        _active.reach(point, task_id)


@register
def check_no_failpoints(**_: Any) -> list[CheckMessage]:
    """Refuse to start with JOBS_FAILPOINTS set, except in a build for fault tests."""
    if not os.environ.get("JOBS_FAILPOINTS") or getattr(settings, "JOBS_IS_FAULT_BUILD", False):
        return []
    hint = "Unset it. Only `make faults` runs with fail points, under settings of its own."
    return [Error("JOBS_FAILPOINTS is set outside a fault test.", hint=hint, id="jobs.E010")]
