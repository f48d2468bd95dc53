"""A day's work as numbers: crews, the visits that they could make, and the travel between places.

Times are whole seconds since midnight, places are indexes of the travel matrices.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

Matrix = list[list[int]]
#: For each crew, its visits in their order, as indexes of `Problem.visits`.
Routes = list[list[int]]
#: Of `late_cost` in a second of travel.
LATE_UNITS = 4
#: What ended a search.
BY_ROUNDS, BY_TIME = "rounds", "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A break of a crew: it lasts `seconds`, and begins between `earliest` and `latest`."""

    earliest: int
    latest: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The day of a crew, from `begins` to `ends`, by when it is back home.

    Without a `home` the travel to the first visit and from the last one is not counted.
    """

    begins: int
    ends: int
    home: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A report that a crew could work on.

    `worth` is the travel, in seconds, that it is worth to do it at all; `late_cost` is what each
    second after `due` costs, in quarters of a second of travel. `crews` are the indexes of those
    who can do it.
    """

    place: int
    service: int
    worth: int
    crews: tuple[int, ...]
    due: int | None = None
    late_cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be planned; `seconds` and `metres` are the travel from each place to each."""

    shifts: list[Shift]
    visits: list[Visit]
    seconds: Matrix
    metres: Matrix

    def travel(self, start: int | None, end: int | None) -> tuple[int, int]:
        """Return seconds and metres between two places; none from or to an unknown place."""
        if start is None or end is None:
            return 0, 0
        return self.seconds[start][end], self.metres[start][end]

    def as_json(self) -> str:
        """Return the problem as JSON; `problem_of` reads it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How far to search: so many rounds of so many solutions, and no longer than `seconds`.

    Rounds and solutions bound the search in the same way on every machine; only a search that
    `seconds` end can give another plan when it is repeated.
    """

    seed: int = 1
    rounds: int = 10
    solutions: int = 200
    seconds: float = 120.0


@dataclass(slots=True, kw_only=True)
class Solution:
    """The best routes so far, with their cost and the effort that they took.

    `rounds` have been done; `stopped_by` is empty until the search has ended.
    """

    routes: Routes
    cost: int
    rounds: int = 0
    solutions: int = 0
    stopped_by: str = ""


def problem_of(text: str) -> Problem:
    """Return the problem that `Problem.as_json` wrote."""
    data = json.loads(text)
    return Problem(
        shifts=[_shift_of(shift) for shift in data["shifts"]],
        visits=[Visit(**visit | {"crews": tuple(visit["crews"])}) for visit in data["visits"]],
        seconds=data["seconds"],
        metres=data["metres"],
    )


def _shift_of(data: dict[str, Any]) -> Shift:
    pause = data["pause"]
    return Shift(**data | {"pause": Pause(**pause) if pause else None})
