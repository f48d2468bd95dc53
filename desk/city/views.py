"""The city's dashboard for staff, and its tables as files."""

from __future__ import annotations

from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from django.contrib.admin import site
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from desk.city import figures
from jobs.results.exporting import FORMS
from reports.figures import timeseries
from reports.figures.serializers import TimeseriesQuerySerializer
from reports.models import Area, Category, CityFigures, Department

#: The filters of the page; the others of a series are for programs.
FILTERS = ("since", "until", "interval", "area", "category", "department")
#: Lengths of periods that the page offers by name, in days.
PERIODS = (30, 90, 365)


@require_safe
def city(request: HttpRequest) -> HttpResponse:
    """Show the city's figures, or with `?export=KEY&as=csv` (or json) one of its tables."""
    query = {name: value for name in FILTERS if (value := request.GET.get(name, "").strip())}
    form = TimeseriesQuerySerializer(data=query)
    if not form.is_valid():
        errors = {name: " ".join(lines) for name, lines in form.errors.items()}
        return _page(request, {"query": query, "errors": errors}, HTTPStatus.BAD_REQUEST)
    chosen, stored = form.validated_data, CityFigures.objects.first()
    tables = _tables(chosen["span"], chosen["choice"], stored)
    if "export" in request.GET:
        return _export(tables, request.GET["export"], request.GET.get("as", "csv"))
    shown = {"figures": tables, "span": chosen["span"], "stored": stored, "query": query}
    return _page(request, shown)


def _tables(
    span: timeseries.Span, choice: timeseries.Choice, stored: CityFigures | None
) -> list[figures.Figure]:
    present = figures.now(stored.content, choice.department) if stored else []
    series = figures.over_time(timeseries.points(span, choice))
    return [*series, *present, figures.leaders(choice)]


def _page(
    request: HttpRequest, shown: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    choices = {
        "title": _("The city"),
        "periods": [(days, _since(days)) for days in PERIODS],
        "intervals": [(interval.value, _INTERVALS[interval]) for interval in timeseries.Interval],
        "areas": Area.objects.order_by("name").defer("polygons")[:200],
        "categories": Category.objects.order_by("name").only("slug", "name")[:200],
        "departments": Department.objects.order_by("name").only("slug", "name")[:200],
        "address": request.GET.urlencode(),
    }
    context = site.each_context(request) | choices | shown
    return TemplateResponse(request, "desk/city/page.html", context, status=status)


def _since(days: int) -> date:
    return timezone.localdate() - timedelta(days=days - 1)


def _export(tables: list[figures.Figure], key: str, form: str) -> HttpResponse:
    table = next((figure for figure in tables if figure.key == key), None)
    if table is None or form not in ("csv", "json"):
        raise Http404
    media_type, write = FORMS[form]
    name = f"city-{key}-{timezone.localdate():%Y-%m-%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(write(table.records()), content_type=media_type, headers=headers)


_INTERVALS = {
    timeseries.Interval.DAY: gettext_lazy("Day by day"),
    timeseries.Interval.WEEK: gettext_lazy("Week by week"),
    timeseries.Interval.MONTH: gettext_lazy("Month by month"),
}
