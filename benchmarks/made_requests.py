"""Requests of a made city, in the form of `manage.py evaluate_dates`.

Each of its 40 neighbourhoods has its day of the week, on which most things are done. Some kinds of
problems take longer, every fifth request waits a week more, and nothing is done at weekends.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reports.dates.evaluation import COLUMNS

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
TRAIN_DAYS, TEST_DAYS, A_DAY = 30, 10, 250
KINDS = {"Bulky items": 0, "Street light": 5, "Graffiti": 1, "Illegal dumping": 2}


def write(folder: Path) -> Sequence[Path]:
    """Write two files in time order and return their paths."""
    rng = random.Random(8)
    spans = {"train": range(TRAIN_DAYS), "test": range(TRAIN_DAYS, TRAIN_DAYS + TEST_DAYS)}
    paths = []
    for name, days in spans.items():
        path = folder / f"made_{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(_request(day, number, rng) for day in days for number in range(A_DAY))
        paths.append(path)
    return paths


def _request(day: int, number: int, rng: random.Random) -> list[object]:
    created = BEGIN + timedelta(days=day, hours=rng.uniform(6, 22))
    kind = rng.choice(list(KINDS))
    neighbourhood = rng.randrange(40)
    earliest = created.date() + timedelta(days=1 + KINDS[kind])
    wait = (neighbourhood % 5 - earliest.weekday()) % 7 + (7 if rng.random() < 0.2 else 0)
    done = datetime.combine(earliest + timedelta(days=wait), datetime.min.time(), UTC)
    closed = done + timedelta(hours=rng.uniform(8, 17))
    latitude = 41.2 + neighbourhood // 8 * 0.03 + rng.uniform(0, 0.02)
    longitude = -73.0 + neighbourhood % 8 * 0.03 + rng.uniform(0, 0.02)
    return [
        f"{day}-{number}", created.isoformat(), closed.isoformat(), kind,
        f"Area {neighbourhood // 8}", rng.choice(("Call", "App")), round(latitude, 6),
        round(longitude, 6),
    ]  # fmt: skip
