"""The demo city's areas, its rules of routing and escalation, and its templates of replies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.utils import timezone

from reports.demo import texts
from reports.geography import boundary
from reports.models import (
    Area,
    Authority,
    Category,
    Crew,
    Department,
    EscalationRule,
    ReplyTemplate,
    RoutingRule,
)

#: Deadlines of the last days are escalated too, those before them are not.
ESCALATED_DAYS = 2


def load(departments: Mapping[str, Department], categories: Mapping[str, Category]) -> None:
    """Create the areas, rules and templates that do not exist yet, and the city's boundary."""
    areas = {name: _area(name, box) for name, box in texts.read("city")["areas"].items()}
    retired = _retired_crew(departments)
    _load_routing(
        {
            "department": departments,
            "category": categories,
            "area": areas,
            "crew": {retired.name: retired},
        }
    )
    _load_escalation()
    _load_templates()
    _load_boundary()


def _area(name: str, box: tuple[float, float, float, float]) -> Area:
    west, south, east, north = box
    polygon = _polygon([[west, south], [east, south], [east, north], [west, north]])
    return Area.objects.get_or_create(name=name, defaults={"polygons": polygon})[0]


def _polygon(corners: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def _retired_crew(departments: Mapping[str, Department]) -> Crew:
    facts = texts.read("city")["retired_crew"]
    return Crew.objects.get_or_create(
        department=departments[facts["department"]],
        name=facts["name"],
        defaults={"is_active": False},
    )[0]


def _load_routing(rows: Mapping[str, Mapping[str, Model]]) -> None:
    """Create the rules; `rows` are what a rule may name, by field and name."""
    for position, values in enumerate(texts.read("rules")["routing"], start=1):
        fields = {key: rows[key][value] if key in rows else value for key, value in values.items()}
        name = fields.pop("name")
        RoutingRule.objects.get_or_create(name=name, defaults={"position": position, **fields})


def _load_escalation() -> None:
    since = timezone.now() - timedelta(days=ESCALATED_DAYS)
    for values in texts.read("rules")["escalation"]:
        EscalationRule.objects.get_or_create(
            name=values["name"], defaults={**values, "since": since}
        )


def _load_templates() -> None:
    for facts in texts.read("rules")["templates"]:
        translations = {"es": {"body": facts["es"]}}
        ReplyTemplate.objects.get_or_create(
            name=facts["name"], defaults={"body": facts["body"], "translations": translations}
        )


def _load_boundary() -> None:
    """Set the boundary of a city that has none."""
    if Authority.objects.exists():
        return
    city = texts.read("city")
    boundary.load(_features([city["boundary"]]), is_own=True)
    boundary.load(_features(city["neighbours"]), is_own=False)


def _features(authorities: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    features = [
        {
            "type": "Feature",
            "properties": {"name": authority["name"], "url": authority.get("url", "")},
            "geometry": _polygon(authority["corners"]),
        }
        for authority in authorities
    ]
    return {"type": "FeatureCollection", "features": features}
