"""The findings of a run as flat rows, for exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.models import JobResult
from reports.models import PatternFinding


def rows(result: JobResult) -> Iterator[dict[str, Any]]:
    """Yield the findings of a run in their order; those with a box have it as their geometry."""
    findings = PatternFinding.objects.filter(result=result).select_related("category")
    for one in findings.order_by("number"):
        yield {
            "id": str(one.pk),
            "kind": one.kind,
            "summary": str(one),
            "category": one.category.slug if one.category else None,
            "first_day": one.first_day.isoformat(),
            "last_day": one.last_day.isoformat(),
            "reports": one.reports,
            "expected": one.expected,
            "strength": one.strength,
            "p_value": one.p_value,
            **one.facts,
            "latitude": one.latitude,
            "longitude": one.longitude,
            "geometry": _polygon(one.box) if one.box else None,
        }


def _polygon(box: list[float]) -> dict[str, Any]:
    """Return a box as GeoJSON (RFC 7946); beyond the 180th meridian longitudes go on."""
    west, south, east, north = box
    east += 360 if east < west else 0
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
