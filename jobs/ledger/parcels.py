"""What travels to a worker: which task, no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dramatiq import Message


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task on its way to RabbitMQ: no arguments travel, the claim reads them from the ledger."""

    id: UUID
    actor: str
    queue: str

    def message(self) -> Message[Any]:
        """The parcel as a Dramatiq message of the logical queue."""
        return Message(self.queue, self.actor, (), {}, {}, str(self.id))
