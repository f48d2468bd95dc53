"""Where work enters: who sends the tasks of this context, and how urgent they are.

Each entrance says it once (an HTTP request, an import, a tick of the schedule), and every task that
is sent inside has it. A running task is the entrance of its children. Code without an entrance
sends routine tasks of nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from jobs.urgency import Urgency


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the tasks sent here have in common; senders of one urgency take turns."""

    urgency: Urgency = Urgency.ROUTINE
    sender: UUID | None = None


_current: ContextVar[Callable[[], Entrance]] = ContextVar("civiclens_entrance", default=Entrance)


def current() -> Entrance:
    """Return the entrance of this context."""
    return _current.get()()


@contextmanager
def entering(urgency: Urgency, *, sender: UUID | str | None = None) -> Iterator[None]:
    """Give the tasks sent inside this urgency and this sender.

    A sender that is no user or partner is a name, such as `import:oldtown`.
    """
    known = uuid5(NAMESPACE_URL, f"civiclens:{sender}") if isinstance(sender, str) else sender
    with entering_by(lambda: Entrance(urgency, known)):
        yield


@contextmanager
def entering_by(identify: Callable[[], Entrance]) -> Iterator[None]:
    """Ask `identify` at each send inside: a request learns late who makes it."""
    mark = _current.set(identify)
    try:
        yield
    finally:
        _current.reset(mark)
