"""What staff wait for at the desk, among many reports and as many tasks: statements, time, size."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.results import Target
from benchmarks.services import Services

FEW, MANY, MANY_QUICKLY = 10_000, 1_000_000, 50_000
MODULE = "benchmarks.desk_size"
SIZE_SECONDS = 1800
#: Boxes of the map, in degrees: all reports, a quarter of them, and some streets.
CITY, QUARTER = "-72.95,41.28,-72.70,41.53", "-72.95,41.28,-72.825,41.405"
CORNER = "-72.92,41.31,-72.91,41.318"
#: Each page by its name: the name of its address, and its query. `benchmarks.desk_size` fills in
#: the ids of a report and a task.
PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "home": ("index", {}),
    "report_list": ("reports_report_changelist", {}),
    "report_search": ("reports_report_changelist", {"q": "pothole chapel"}),
    "report_filter": ("reports_report_changelist", {"status__exact": "in_progress"}),
    "report": ("reports_report_change", {}),
    "triage": ("desk_triage", {}),
    "triage_report": ("desk_triage_report", {}),
    "triage_line": ("desk_triage_line", {}),
    "triage_card": ("desk_triage_card", {}),
    "map": ("desk_map", {"state": "open"}),
    "map_of_city": ("desk_map_reports", {"state": "open", "bbox": CITY, "zoom": "11"}),
    "map_of_corner": ("desk_map_reports", {"state": "open", "bbox": CORNER, "zoom": "16"}),
    "map_around": ("desk_map_around", {}),
    "map_of_quarter": ("desk_map_reports", {"bbox": QUARTER, "zoom": "13"}),
    "find": ("desk_find", {"q": "pothole chapel"}),
    "views": ("desk_views", {}),
    "city": ("desk_city", {}),
    "settings": ("desk_settings", {}),
    "operations": ("desk_operations", {}),
    "dashboard": ("jobs_dashboard_changelist", {}),
    "task_list": ("jobs_task_changelist", {}),
    "task_filter": ("jobs_task_changelist", {"state__exact": "dead"}),
    "task": ("jobs_task_change", {}),
    "schedule": ("jobs_scheduletick_changelist", {}),
    "results": ("jobs_jobresult_changelist", {}),
    "deliveries": ("notifications_delivery_changelist", {}),
    "audit": ("accounts_auditevent_changelist", {}),
    "users": ("accounts_user_changelist", {}),
    "opportunities": ("matching_opportunity_changelist", {}),
    "sources": ("reports_source_changelist", {}),
    "drafts": ("reports_draftreport_changelist", {}),
    "duplicates": ("reports_duplicatepair_changelist", {}),
    "moderation": ("reports_moderationcase_changelist", {}),
    "plans": ("reports_dispatchplan_changelist", {}),
    "patterns": ("reports_patternfinding_changelist", {}),
    "rules": ("reports_routingrule_changelist", {}),
    "history": ("reports_statuschange_changelist", {}),
}
TARGETS: Mapping[str, Target] = {
    **{f"{name}_statements": Target(20, 12, is_ceiling=True) for name in PAGES},
    **{f"{name}_p95_ms": Target(150, 75, is_ceiling=True) for name in PAGES},
    **{f"{name}_kb": Target(150, 80, is_ceiling=True) for name in PAGES},
    **{f"{name}_p50_of_many_to_few": Target(4, 1.5, is_ceiling=True) for name in PAGES},
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures among many reports and tasks, and how they grew from few."""
    services.run_child("citizens", 1)  # and the demo city with it
    say(f"desk: {FEW:,} reports and tasks")
    few = services.measure_pages(MODULE, FEW, seconds=SIZE_SECONDS)
    many = MANY_QUICKLY if quick else MANY
    say(f"desk: {many:,} reports and tasks")
    figures = services.measure_pages(MODULE, many, seconds=SIZE_SECONDS)
    growth = {
        f"{name}_p50_of_many_to_few": figures[f"{name}_p50_ms"] / few[f"{name}_p50_ms"]
        for name in PAGES
    }
    return figures | growth
