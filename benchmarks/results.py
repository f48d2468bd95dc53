"""What a benchmark hands on: figures, the targets they are held against, a table and a JSON
file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Figures = Mapping[str, float]

COLUMNS = ("figure", "value", "floor → aim", "")


@dataclass(frozen=True, slots=True)
class Target:
    """A figure passes at its floor; the aim is where it should go."""

    floor: float
    aim: float
    is_ceiling: bool = False  # lower is better

    def is_met(self, value: float) -> bool:
        return value <= self.floor if self.is_ceiling else value >= self.floor

    def __str__(self) -> str:
        relation = "≤" if self.is_ceiling else "≥"
        if self.floor == self.aim:
            return f"{relation} {format_number(self.floor)}"
        return f"{relation} {format_number(self.floor)} → {format_number(self.aim)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One benchmark's run. A target without its figure is not met."""

    name: str
    figures: Figures
    targets: Mapping[str, Target]
    machine: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        return all(
            name in self.figures and target.is_met(self.figures[name])
            for name, target in self.targets.items()
        )

    def write(self, folder: Path) -> Path:
        """Write `folder/NAME.json` and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        document = {
            "figures": dict(self.figures),
            "targets": {
                name: {
                    "floor": target.floor,
                    "aim": target.aim,
                    "better": "lower" if target.is_ceiling else "higher",
                }
                for name, target in self.targets.items()
            },
            "passed": self.passed,
            "machine": dict(self.machine),
        }
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return path

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row for each figure, in the columns of `COLUMNS`.

        A target whose figure is missing has a row too.
        """
        names = [*self.figures, *(name for name in self.targets if name not in self.figures)]
        return [self._row(name) for name in names]

    def _row(self, name: str) -> tuple[str, ...]:
        value, target = self.figures.get(name), self.targets.get(name)
        shown = "missing" if value is None else format_number(value)
        if target is None:
            return f"{self.name}.{name}", shown, "", ""
        return f"{self.name}.{name}", shown, str(target), _verdict(value, target)


def _verdict(value: float | None, target: Target) -> str:
    return "pass" if value is not None and target.is_met(value) else "FAIL"


def table(rows: list[tuple[str, ...]]) -> str:
    """Return the rows below their header, in aligned columns; numbers to the right."""
    lines = [COLUMNS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    name, value, target, _ = widths
    return "\n".join(
        f"{a:<{name}}  {b:>{value}}  {c:<{target}}  {d}".rstrip() for a, b, c, d in lines
    )


def format_number(value: float) -> str:
    """Three digits that matter, thousands apart: 1,347 or 12.3 or 0.45."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all do not exceed (nearest rank).

    There must be a value.
    """
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]
