"""The texts of the demo city, which are files in `data/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "data"


@cache
def read(name: str) -> Any:
    """Return the contents of `data/<name>.yaml`; callers must not change them."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader)


#: Of each report: the slug of its category, its title, and its description with a `{street}`.
REPORTS: tuple[tuple[str, str, str], ...] = tuple(
    (report["category"], report["title"], report["description"]) for report in read("reports")
)


#: The reports from this number on are about one kind of problem, which crowds at one corner.
FIRST_OF_CROWD, CROWDED_CATEGORY = 300, "dumping"
_CROWD = [report for report in REPORTS if report[0] == CROWDED_CATEGORY]


def report_of(number: int) -> tuple[str, str, str]:
    """Return category, title and description of the report of this number; texts are in turn."""
    choice = _CROWD if number >= FIRST_OF_CROWD else REPORTS
    return choice[number % len(choice)]


def category_of(number: int) -> str:
    """Return the slug of the category of the report of this number."""
    return report_of(number)[0]
