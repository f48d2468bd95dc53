"""The pages of the map: the map itself, and the reports of a box as JSON."""

from __future__ import annotations

import hashlib
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError as InvalidField

from accounts.models import User
from desk.map import clusters, layers, showing
from desk.models import ViewPage
from desk.shell.readers import handles_reports
from desk.views import keeping
from reports.desk.choosing import ChosenReports, choose, query_of
from reports.fields import BoundingBoxField
from reports.geography import background
from reports.models import BoundingBox, Report

#: Parameters of the map's own; all others are those of the list of reports.
OWN_PARAMETERS = ("bbox", "zoom", "at", "p", "o", "all")
#: Reports that are shown one by one: anywhere, or where the map is near enough to tell them apart.
FEW, FEW_WHEN_NEAR, NEAR_ZOOM = 40, 150, 16
#: Around a report, in degrees of latitude: about 330 metres.
AROUND_DEGREES, AROUND_MAXIMUM = 0.003, 50
REFRESH_SECONDS = 30
#: The filters that are always in sight; the others are under "More filters".
SHOWN_FIELDS = (
    "state",
    "status__exact",
    "category__id__exact",
    "department__id__exact",
    "deadline",
    "created",
)
PRESETS = (
    (gettext_lazy("Open"), "?state=open"),
    (gettext_lazy("Last 24 hours"), "?created=24h"),
    (gettext_lazy("Overdue"), "?deadline=overdue"),
    (gettext_lazy("Nobody's yet"), "?assigned=nobody"),
)


@require_safe
def map_page(request: HttpRequest) -> HttpResponse:
    """Show the map with its filters; without a query, the default view or all open reports."""
    if not request.GET:
        opening = keeping.opening(cast("User", request.user), ViewPage.MAP)
        return HttpResponseRedirect(f"?{opening or 'state=open'}")
    chosen = _chosen(request)
    if isinstance(chosen, HttpResponse):
        return chosen
    context = admin.site.each_context(request) | {
        "title": _("Map"),
        "words": chosen.words,
        "shown": [field for field in chosen.fields if field.name in SHOWN_FIELDS],
        "hidden": [field for field in chosen.fields if field.name not in SHOWN_FIELDS],
        "presets": PRESETS,
        "layers": layers.layers_for(request),
        "query": chosen.get_query_string(),
        "bounds": _bounds(chosen),
        "refresh_seconds": REFRESH_SECONDS,
    }
    return TemplateResponse(request, "desk/map/map.html", context)


def _bounds(chosen: ChosenReports) -> list[float] | None:
    """Return [west, south, east, north] of the city, or around the newest of the reports."""
    if bounds := background.bounds():
        return bounds
    newest = chosen.reports.order_by("-created_at", "-id").first()
    if newest is None:
        return None
    x, y = newest.longitude, newest.latitude
    return [x - 0.06, y - 0.04, x + 0.06, y + 0.04]


@require_safe
def reports_view(request: HttpRequest) -> HttpResponseBase:
    """Return the reports of a box as clusters, and one by one where there are few."""
    chosen = _chosen(request)
    if isinstance(chosen, HttpResponse):
        return chosen
    try:
        box = BoundingBoxField().run_validation(request.GET.get("bbox", ""))
        zoom = min(max(int(request.GET.get("zoom", "")), 0), clusters.ZOOM_MAXIMUM)
    except InvalidField as error:
        return _refused(f"bbox: {', '.join(map(str, error.detail))}")
    except ValueError:
        return _refused(_("zoom: Expected a whole number."))
    return _unless_known(request, _answer(chosen, box, zoom))


def _answer(chosen: ChosenReports, box: BoundingBox, zoom: int) -> dict[str, Any]:
    few = FEW_WHEN_NEAR if zoom >= NEAR_ZOOM else FEW
    newest = clusters.newest_in(chosen.reports, box, words=chosen.words)
    counted = clusters.count(newest, box, zoom=zoom, few=few)
    single = [pk for cell in counted.cells for pk in cell.named][:FEW_WHEN_NEAR]
    known = set(single)
    return {
        "total": counted.total,
        "overdue": counted.overdue,
        "is_capped": counted.is_capped,
        "clusters": [
            showing.cluster(cell)
            for cell in counted.cells
            if not (cell.named and known.issuperset(cell.named))
        ],
        "reports": showing.reports(showing.with_shown(Report.objects.filter(pk__in=single))),
    }


@require_safe
def around_view(request: HttpRequest, report_id: UUID) -> HttpResponseBase:
    """Return a report and those around it on which the reader works, the newest first."""
    mine = showing.with_shown(Report.objects.for_staff(cast("User", request.user)))
    report = get_object_or_404(mine, pk=report_id)
    south, north = report.latitude - AROUND_DEGREES, report.latitude + AROUND_DEGREES
    box = BoundingBox(
        report.longitude - 1.5 * AROUND_DEGREES,
        south,
        report.longitude + 1.5 * AROUND_DEGREES,
        north,
    )
    near = mine.in_box(box).exclude(pk=report.pk)
    rows = [report, *near[:AROUND_MAXIMUM]]
    return _unless_known(request, {"here": str(report.pk), "reports": showing.reports(rows)})


@require_safe
def patterns_view(request: HttpRequest) -> HttpResponseBase:
    """Return the patterns in public reports as GeoJSON, to whoever works with reports."""
    if not handles_reports(request):
        raise PermissionDenied
    return _unless_known(request, layers.patterns(request))


@require_safe
def background_view(request: HttpRequest) -> HttpResponseBase:
    """Return the outlines of the city and its areas as GeoJSON."""
    return _unless_known(request, background.outlines())


@require_safe
def streets_view(request: HttpRequest, x: int, y: int) -> HttpResponseBase:
    """Return the named streets and places of a tile at zoom STREETS_ZOOM as GeoJSON."""
    return _unless_known(request, background.streets(x, y))


def _chosen(request: HttpRequest) -> ChosenReports | HttpResponse:
    """Return the reports that the query chooses, or the answer to a query that is none."""
    try:
        return choose(request, query_of(request, *OWN_PARAMETERS))
    except IncorrectLookupParameters:
        return _refused(_("The address has a filter that there is not."))


def _refused(reason: str) -> HttpResponse:
    return HttpResponse(f"{reason}\n", status=400, content_type="text/plain; charset=utf-8")


def _unless_known(request: HttpRequest, content: dict[str, Any]) -> HttpResponseBase:
    """Return the content as JSON, or 304 to a browser that has it already."""
    response = JsonResponse(content)
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)
    return get_conditional_response(request, etag=etag, response=response) or response
