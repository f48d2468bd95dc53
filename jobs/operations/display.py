"""Format a task's values and times for the operators' pages: short, exact, without secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs.models import Task
from jobs.redaction import readable_arguments, redact_part, redact_value

#: How many characters of a value one page shows; a value may have millions.
PART_CHARACTERS = 20_000
LINE_CHARACTERS = 80
VALUES = ("arguments", "checkpoint", "result", "progress")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a long value, as JSON on many lines; `start`, `end` and `total` are characters."""

    text: str
    start: int
    end: int
    total: int

    @property
    def is_whole(self) -> bool:
        """Return whether the part is the whole value."""
        return self.end - self.start == self.total


def part(task: Task, name: str, *, start: int = 0) -> Part:
    """Return the part of one of VALUES that begins at the character `start`, without secrets."""
    value = (
        readable_arguments(task, text=_as_it_is)
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
    beginning = redact_part(text, 0, min(len(text), LINE_CHARACTERS))
    return f"{beginning}…" if len(text) > LINE_CHARACTERS else beginning


def exact(at: datetime | None) -> str:
    """Return a time in TIME_ZONE to the millisecond, or `-` for None."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S.%f}"[:-3] if at else "-"


def duration(begun: datetime | None, ended: datetime | None) -> str:
    """Return how long something took, to the millisecond, or `-` where it has not ended."""
    if begun is None or ended is None:
        return "-"
    took = ended - begun
    if took < timedelta(minutes=1):
        return f"{took.total_seconds():.3f} s"
    return str(timedelta(milliseconds=int(took.total_seconds() * 1000)))[:-3]


def _as_it_is(text: str) -> str:
    return text
