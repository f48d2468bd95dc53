"""The urgency and the sender of tasks, taken from the context in which they are sent.

Code that starts work states both once (an HTTP request, an import, a tick of the schedule), and
every task sent inside has them. A running task passes its own on to the tasks it sends. Without a
statement tasks are routine and have no sender.
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
    """The urgency and the sender of tasks sent in one context; equally urgent ones take turns."""

    urgency: Urgency = Urgency.ROUTINE
    sender: UUID | None = None


_current: ContextVar[Callable[[], Entrance]] = ContextVar("civiclens_entrance", default=Entrance)


def current() -> Entrance:
    """Return the urgency and the sender of a task that is sent here and now."""
    return _current.get()()


@contextmanager
def entering(urgency: Urgency, *, sender: UUID | str | None = None) -> Iterator[None]:
    """Send the tasks inside the `with` block with this urgency, on behalf of this sender.

    `sender` is the id of a user or partner, or a name such as `import:oldtown`, which is stored as
    a UUID made from it. An inner block replaces both values until it ends.
    """
    known = uuid5(NAMESPACE_URL, f"civiclens:{sender}") if isinstance(sender, str) else sender
    with entering_by(lambda: Entrance(urgency, known)):
        yield


@contextmanager
def entering_by(identify: Callable[[], Entrance]) -> Iterator[None]:
    """Call `identify` at each send inside the `with` block to learn urgency and sender.

    A request is authenticated only after it has begun, so it cannot state its sender at once.
    """
    mark = _current.set(identify)
    try:
        yield
    finally:
        _current.reset(mark)
