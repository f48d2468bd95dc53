"""What people wait for among many reports: duplicates, lists, searches and the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.results import Target
from benchmarks.services import Services

FEW, MANY, MANY_QUICKLY = 10_000, 1_000_000, 100_000
MODULE = "benchmarks.reports_size"
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
    few = services.measure_pages(MODULE, FEW, seconds=SIZE_SECONDS)
    many = MANY_QUICKLY if quick else MANY
    say(f"reports: {many:,} reports")
    figures = services.measure_pages(MODULE, many, seconds=SIZE_SECONDS)
    for name in ("duplicates", *LISTS, *SEARCHES, *DESK):
        figures[f"{name}_p50_of_many_to_few"] = figures[f"{name}_p50_ms"] / few[f"{name}_p50_ms"]
    return figures
