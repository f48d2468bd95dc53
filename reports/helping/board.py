"""The board on which opportunities are offered to citizens; another app has it.

This app may not import that one. `config` knows both, and registers the functions here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from accounts.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What neighbours are asked to do, and where; `capacity` is None for any number of people."""

    title: str
    description: str
    category: str
    organisation: str
    latitude: float
    longitude: float
    starts_on: date | None = None
    ends_on: date | None = None
    capacity: int | None = None


class Board(Protocol):
    """The place where notices are put up. Each function runs in the caller's transaction.

    Whenever a notice is taken down, here or elsewhere, `ending.end` has to be called in the same
    transaction.
    """

    def add(self, notice: Notice) -> UUID:
        """Put up a notice; return the id of the opportunity."""
        ...

    def take_down(
        self, opportunity_id: UUID, *, is_done: bool, by: User | None = None, note: str = ""
    ) -> None:
        """Take a notice down, if it is there; with `is_done` because its work is done."""
        ...

    def over(self, opportunity_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these were taken down, are past their last day, or were deleted."""
        ...


_boards: list[Board] = []


def register(board: Board) -> None:
    """Name the board, in place of one named before."""
    _boards[:] = [board]


def the_board() -> Board:
    """Return the board.

    Raises:
        LookupError: none is registered.
    """
    if not _boards:
        raise LookupError("No board is registered; `config.apps` registers it.")
    return _boards[0]
