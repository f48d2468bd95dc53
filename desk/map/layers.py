"""Layers to switch on over the map: patterns in public reports, and the routes of crews' plans."""

from __future__ import annotations

import math
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from reports.desk.patterns import chosen_run
from reports.models import DispatchPlan, PatternFinding

PATTERNS_MAXIMUM, PLANS_MAXIMUM = 200, 5
_METRES_PER_DEGREE = 111_320


def layers_for(request: HttpRequest) -> list[dict[str, str]]:
    """Return the layers that the reader may switch on: name, address of GeoJSON and kind."""
    plans = DispatchPlan.objects.for_staff(cast("User", request.user)).order_by("-pk")
    routes = [
        {
            "kind": "route",
            "name": _("Routes: %(plan)s") % {"plan": plan},
            "address": reverse("admin:dispatchplan_geojson", args=[plan.pk]),
        }
        for plan in plans.select_related("department")[:PLANS_MAXIMUM]
    ]
    patterns = {
        "kind": "pattern",
        "name": _("Patterns"),
        "address": reverse("admin:desk_map_patterns"),
    }
    return [patterns, *routes]


def patterns(request: HttpRequest) -> dict[str, Any]:
    """Return the places of the newest run's findings as GeoJSON, each with its radius in metres."""
    run = chosen_run(request)
    placed = PatternFinding.objects.filter(result=run, box__isnull=False).select_related("category")
    features = [_circle(finding) for finding in placed[:PATTERNS_MAXIMUM]] if run else []
    return {"type": "FeatureCollection", "features": features}


def _circle(finding: PatternFinding) -> dict[str, Any]:
    west, south, east, north = finding.box or (0.0, 0.0, 0.0, 0.0)
    width = ((east - west) % 360) * math.cos(math.radians((south + north) / 2))
    longest = max(width, north - south)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [finding.longitude, finding.latitude]},
        "properties": {
            "kind": finding.kind,
            "name": str(finding),
            "radius": max(round(longest / 2 * _METRES_PER_DEGREE), 40),
            "url": reverse("admin:reports_patternfinding_change", args=[finding.pk]),
        },
    }
