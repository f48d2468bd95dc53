"""What people wait for among many reports: duplicates, lists, searches and the desk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services

FEW, MANY, MANY_QUICKLY = 10_000, 1_000_000, 100_000
SIZE_SECONDS = 1800
LISTS = (
    "list",
    "list_of_category",
    "list_of_status",
    "list_of_rare_statuses",
    "list_deep",
    "map",
    "map_of_category",
    "mine",
    "overdue",
    "not_overdue",
    "answer_overdue",
    "due_before",
    "confirmed",
    "with_photo",
    "without_photo",
    "assigned_to_me",
    "assigned_to_my_crews",
    "assigned_to_nobody",
    "of_crew",
    "made_here",
    "imported",
    "of_source",
)
SEARCHES = (
    "search_rare",
    "search_common",
    "search_two_words",
    "search_nothing",
    "search_on_map",
    "search_of_rare_statuses",
)
DESK = ("admin_list", "admin_search", "admin_filter")
TARGETS: Mapping[str, Target] = {
    "duplicates_p99_ms": Target(30, 20, is_ceiling=True),
    **{f"{name}_p99_ms": Target(50, 25, is_ceiling=True) for name in (*LISTS, *SEARCHES)},
    **{f"{name}_p99_ms": Target(150, 75, is_ceiling=True) for name in DESK},
    **{
        f"{name}_p50_of_many_to_few": Target(4, 2, is_ceiling=True)
        for name in ("duplicates", "list", "search_common", "admin_list")
    },
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures among many reports, and how they grew from few."""
    services.run_child("citizens", 1)  # and the demo city with it
    say(f"reports: {FEW:,} reports")
    few = _measure(services, FEW)
    many = MANY_QUICKLY if quick else MANY
    say(f"reports: {many:,} reports")
    figures = _measure(services, many)
    for name in ("duplicates", *LISTS, *SEARCHES, *DESK):
        figures[f"{name}_p50_of_many_to_few"] = figures[f"{name}_p50_ms"] / few[f"{name}_p50_ms"]
    return figures


def _measure(services: Services, rows: int) -> dict[str, float]:
    """In a process of its own, as a web process has it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reports_size", str(rows)],
        cwd=BASE_DIR,
        env=services.environment(
            STAFF_TOTP_REQUIRED="off", DJANGO_SETTINGS_MODULE="config.settings"
        ),
        capture_output=True,
        text=True,
        timeout=SIZE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"Measuring {rows} reports failed:\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures
