"""The message that travels to a worker: a task's id, without its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dramatiq import Message


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task on its way to a worker, without arguments: the claim reads them from the ledger."""

    id: UUID
    actor: str
    queue: str

    def message(self) -> Message[Any]:
        """Return the parcel as a Dramatiq message of its queue."""
        return Message(self.queue, self.actor, (), {}, {}, str(self.id))
