"""Programs that send reports and comments for people, such as another city's app."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program, and the person for whom it sends something, as far as it says who that is.

    `name` and `person` count in limits; `person` is "" where the program does not say. What a
    program sends that `is_vouched_for` is public at once, unless its words have to wait.
    """

    name: str
    person: str = ""
    is_vouched_for: bool = False

    @property
    def author(self) -> str | None:
        """Return what stands for the person in limits; None where it is not known who it is."""
        return f"program:{self.name}:{self.person}" if self.person else None
