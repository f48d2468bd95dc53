"""The texts of the demo city's opportunities, which are a file in `data/`."""

from __future__ import annotations

from pathlib import Path

import yaml

_FILE = Path(__file__).parent / "data" / "opportunities.yaml"

#: Kind, title, organisation, category, description.
OPPORTUNITIES: tuple[tuple[str, str, str, str, str], ...] = tuple(
    (one["kind"], one["title"], one["organisation"], one["category"], one["description"])
    for one in yaml.load(_FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)
)
