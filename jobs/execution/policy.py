"""The options of an actor, as the code that sends and runs its tasks uses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol

Kind = Literal["transactional", "external", "long"]
Delivery = Literal["at_least_once", "at_most_once"]
DEFAULT_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The options of an actor that the ledger uses; `jobs.actor` explains each of them."""

    kind: Kind = "transactional"
    outlasts: timedelta | None = None
    max_attempts: int = DEFAULT_ATTEMPTS
    min_backoff: timedelta = timedelta(seconds=1)
    max_backoff: timedelta = timedelta(minutes=30)
    transaction_timeout: timedelta | None = None
    is_at_most_once: bool = False
    is_sealed: bool = False
    is_bulk: bool = False
    is_waiting: bool = False


class DeclaredActor(Protocol):
    """The part of an actor that sending, running and ending its tasks needs."""

    actor_name: str
    queue_name: str
    priority: int
    policy: Policy
    fn: Callable[..., Any]
    record_fn: Callable[..., None] | None
    mirror_fn: Callable[..., None] | None
