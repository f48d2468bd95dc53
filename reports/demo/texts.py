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
    (one["category"], one["title"], one["description"]) for one in read("reports")
)


def category_of(number: int) -> str:
    """Return the slug of the category of the report of this number; the texts are used in turn."""
    return REPORTS[number % len(REPORTS)][0]
