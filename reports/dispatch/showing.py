"""Show a plan to people and programs: with all that a page needs, and as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q

from accounts.models import User
from jobs.models import JobResult
from jobs.results.sharing import NONE
from reports.models import (
    Department,
    DispatchPlan,
    DispatchPlanQuerySet,
    DispatchRoute,
    DispatchStop,
    Report,
)


def detailed(plans: DispatchPlanQuerySet) -> DispatchPlanQuerySet:
    """Load everything that one plan shows: its routes, stops and reports, and what is left out."""
    reports = Report.objects.with_related().with_photos()
    stops = DispatchStop.objects.order_by("position").prefetch_related(Prefetch("report", reports))
    routes = DispatchRoute.objects.select_related("crew").prefetch_related(Prefetch("stops", stops))
    plans = plans.select_related("department", "result", "applied_by", "undone_by")
    return plans.prefetch_related(
        Prefetch("routes", routes), Prefetch("left_out__report", Report.objects.with_related())
    )


def shared_with(user: AbstractBaseUser | AnonymousUser) -> Q:
    """Return the condition for kept results of plans of the departments where a person works."""
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return NONE
    mine = Department.objects.worked_in_by(user).values("pk")
    return Q(dispatch_plan__department__in=mine)


def rows(result: JobResult) -> Iterator[dict[str, Any]]:
    """Yield a row for each route, a line on the map, and for each of its stops, a point."""
    plan = detailed(DispatchPlan.objects.filter(result=result)).first()
    for route in plan.routes.all() if plan else ():
        yield {
            "kind": "route",
            "crew": route.crew.name,
            "begins_at": route.begins_at.isoformat(),
            "ends_at": route.ends_at.isoformat(),
            "metres": route.metres,
            "geometry": _line(route),
        }
        yield from (_stop(route, stop) for stop in route.stops.all())


def _line(route: DispatchRoute) -> dict[str, Any] | None:
    places = [list(place) for place in route.line()]
    if not places:
        return None
    if len(places) < 2:  # a line has two ends at least (RFC 7946, section 3.1.4)
        return {"type": "Point", "coordinates": places[0]}
    return {"type": "LineString", "coordinates": places}


def _stop(route: DispatchRoute, stop: DispatchStop) -> dict[str, Any]:
    report = stop.report
    return {
        "kind": "stop",
        "crew": route.crew.name,
        "position": stop.position,
        "report": str(report.pk),
        "title": report.title,
        "category": report.category.slug if report.category else "",
        "severity": report.severity,
        "address": report.address,
        "begins_at": stop.begins_at.isoformat(),
        "ends_at": stop.ends_at.isoformat(),
        "due_at": stop.due_at.isoformat() if stop.due_at else "",
        "is_in_time": stop.is_in_time,
        "metres": stop.metres,
        "state": stop.state,
        "latitude": stop.latitude,
        "longitude": stop.longitude,
    }
