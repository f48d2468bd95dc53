"""What the city's dashboard shows of the newest forecast of arrivals."""

from __future__ import annotations

from typing import Any

from jobs.models import JobResult


def compute() -> dict[str, Any] | None:
    """Return the weeks that are forecast for the city and each category; None if none are."""
    newest = (
        JobResult.objects.filter(job_type="forecast", is_partial=False)
        .order_by("-created_at")
        .first()
    )
    kinds = {kind["kind"]: kind for kind in newest.result["kinds"]} if newest else {}
    if newest is None or "city" not in kinds:
        return None
    city = kinds["city"]
    return {
        "begins_on": newest.result["begins_on"],
        "method": city["method"],
        "error": city["error"],
        "coverage": city["coverage"],
        "weeks": city["expected"],
        "by_category": kinds["category"]["expected"] if "category" in kinds else [],
    }
