"""The demo city's areas and rules of routing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.models import Area, Category, Department, RoutingRule

#: West, south, east and north of each area.
AREAS: dict[str, tuple[float, float, float, float]] = {
    "Harborside": (-72.935, 41.300, -72.900, 41.3115),
    "North End": (-72.932, 41.3115, -72.900, 41.335),
    "Westside": (-72.965, 41.300, -72.935, 41.325),
    "Station Quarter": (-72.945, 41.280, -72.910, 41.300),
}

#: Names of what stands in the catalogue are slugs here.
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Danger to life",
        {
            "min_severity": "critical",
            "takes_uncertain": True,
            "department": "police",
            "deadline_hours": 4,
        },
    ),
    (
        "Dumping at the harbor",
        {"category": "dumping", "area": "Harborside", "department": "inspections"},
    ),
    (
        "Street lights north",
        {
            "category": "street_light",
            "area": "North End",
            "department": "traffic",
            "deadline_hours": 48,
        },
    ),
    (
        "Drains at night and on holidays",
        {
            "category": "drain",
            "times": {"mon-fri": "00:00-07:00, 17:00-24:00", "sat-sun": "00:00-24:00"},
            "holidays": "US-CT",
            "on_holidays": "all_day",
            "deadline_hours": 24,
        },
    ),
    (
        "Graffiti on the Westside",
        {"category": "graffiti", "area": "Westside", "department": "parks", "is_active": False},
    ),
)


def create(departments: Mapping[str, Department], categories: Mapping[str, Category]) -> None:
    """Create the areas and rules that do not exist yet."""
    areas = {name: _area(name) for name in AREAS}
    rows = {"department": departments, "category": categories, "area": areas}
    for position, (name, values) in enumerate(RULES, start=1):
        fields = {key: rows[key][value] if key in rows else value for key, value in values.items()}
        RoutingRule.objects.get_or_create(name=name, defaults={"position": position, **fields})


def _area(name: str) -> Area:
    west, south, east, north = AREAS[name]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    polygons = {"type": "Polygon", "coordinates": [ring]}
    return Area.objects.get_or_create(name=name, defaults={"polygons": polygons})[0]
