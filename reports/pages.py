"""The public page of a report, to which messages link; with a tracking token also of one's own."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from reports.dates.showing import expected_date, forecast_of
from reports.models import Report, StatusChange

TEMPLATE = "reports/report.html"


@require_safe
@vary_on_headers("Accept", "Cookie")
def report_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a report to people; programs, which do not ask for HTML, are sent to the API.

    Raises:
        Http404: there is none that this reader may see.
    """
    if "text/html" not in request.headers.get("Accept", ""):
        return redirect("report-detail", pk=pk)
    token = request.GET.get("tracking_token", "")
    reports = Report.objects.visible_to(request.user, tracking_token=token).for_detail()
    report = reports.filter(pk=pk).first()
    if report is None:
        raise Http404
    facts = {
        "report": report,
        "expected": expected_date(report, forecast_of(report)),
        "history": _public_lines(report),
    }
    response = render(request, TEMPLATE, facts)
    response["Referrer-Policy"] = "no-referrer"  # the address may hold the token
    response["Cache-Control"] = "private, no-cache"
    response["X-Robots-Tag"] = "noindex"
    return response


def _public_lines(report: Report) -> list[StatusChange]:
    """Return what everybody may read of the history, the latest first."""
    return [line for line in reversed(report.history.all()) if line.is_public]
