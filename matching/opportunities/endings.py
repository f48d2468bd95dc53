"""Tell other apps that an opportunity has ended: it was withdrawn, or what it asked for is done.

They register a function, which is called in the transaction of the change, so that what follows
from an end happens once with it or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An opportunity that has ended; `is_done` if somebody said that its work is done, `by` whom.

    `note` is what they wrote about it.
    """

    opportunity_id: UUID
    is_done: bool
    by: User | None = None
    note: str = ""


Listener = Callable[[Ending], object]
_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Have a function called at the end of every opportunity; a second time changes nothing."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(ending: Ending) -> None:
    """Call the registered functions; an error of theirs is raised, and undoes the end."""
    for listener in _listeners:
        listener(ending)
