"""How a task's values and times look on the operator's pages: short, exact, without secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs.models import Task
from jobs.redaction import redact_part, redact_value, shown_arguments

#: A page shows so many characters of a value; PostgreSQL and a browser take millions.
PART_CHARACTERS = 20_000
LINE_CHARACTERS = 80
VALUES = ("arguments", "checkpoint", "result", "progress")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a long value, as JSON over many lines."""

    text: str
    start: int
    end: int
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.end - self.start == self.total


def part(task: Task, name: str, *, start: int = 0) -> Part:
    """Return the part of one of VALUES that begins at a character; secrets are taken out."""
    value = (
        shown_arguments(task, text=_as_it_is)
        if name == "arguments"
        else redact_value(getattr(task, name), text=_as_it_is)
    )
    text = json.dumps(value, indent=2, ensure_ascii=False)
    start = min(max(start, 0), len(text))
    end = min(start + PART_CHARACTERS, len(text))
    return Part(redact_part(text, start, end), start, end, len(text))


def line(value: Any) -> str:
    """Return the beginning of a JSON value on one line."""
    text = json.dumps(redact_value(value, text=_as_it_is), ensure_ascii=False)
    shown = redact_part(text, 0, min(len(text), LINE_CHARACTERS))
    return f"{shown}…" if len(text) > LINE_CHARACTERS else shown


def exact(at: datetime | None) -> str:
    """Return a time in TIME_ZONE to the millisecond."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S.%f}"[:-3] if at else "-"


def duration(begun: datetime | None, ended: datetime | None) -> str:
    """Return how long something took, to the millisecond, in the largest unit that says it well."""
    if begun is None or ended is None:
        return "-"
    took = ended - begun
    if took < timedelta(minutes=1):
        return f"{took.total_seconds():.3f} s"
    return str(timedelta(milliseconds=int(took.total_seconds() * 1000)))[:-3]


def _as_it_is(text: str) -> str:
    return text
