"""The findings of a run as flat rows, for exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.models import JobResult
from reports.models import PatternFinding


def rows(result: JobResult) -> Iterator[dict[str, Any]]:
    """Yield the findings of a run in their order; those with a box have it as their geometry."""
    findings = PatternFinding.objects.filter(result=result).select_related("category")
    for finding in findings.order_by("number"):
        yield {
            "id": str(finding.pk),
            "kind": finding.kind,
            "summary": str(finding),
            "category": finding.category.slug if finding.category else None,
            "first_day": finding.first_day.isoformat(),
            "last_day": finding.last_day.isoformat(),
            "reports": finding.reports,
            "expected": finding.expected,
            "strength": finding.strength,
            "p_value": finding.p_value,
            **finding.facts,
            "latitude": finding.latitude,
            "longitude": finding.longitude,
            "geometry": _polygon(finding.box) if finding.box else None,
        }


def _polygon(box: list[float]) -> dict[str, Any]:
    """Return a box as GeoJSON (RFC 7946); beyond the 180th meridian longitudes go on."""
    west, south, east, north = box
    east += 360 if east < west else 0
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
