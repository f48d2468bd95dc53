"""The first page: what this is, the newest reports, and figures that the city answers for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from portal import languages
from portal.catalogue import name_categories
from portal.pages import SHARED, page, refused, show
from reports.models import CityFigures, Photo, Report
from reports.photos.serializers import addresses

NEWEST = 6


@require_safe
@page
def home_page(request: HttpRequest) -> HttpResponse:
    """Show the first page."""
    reports = list(Report.objects.published().with_related().with_photos().order_by(
        "-created_at", "-id"
    )[:NEWEST])  # fmt: skip
    prepare_cards(reports)
    context = {"reports": reports, "figures": _figures()}
    return show(request, "home.html", context, caching=SHARED)


@require_safe
@page
def choose_language(request: HttpRequest, language: str) -> HttpResponse:
    """Remember a language for this reader, and lead back to where they were."""
    if language not in languages.offered():
        return refused(request, HTTPStatus.NOT_FOUND)
    back = request.GET.get("back", "")
    is_here = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    response = HttpResponseRedirect(back if is_here else reverse("home"))
    response.set_cookie(
        languages.COOKIE,
        language,
        max_age=languages.COOKIE_SECONDS,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    response["Cache-Control"] = "no-store"
    return response


def prepare_cards(reports: list[Report]) -> None:
    """Set what the cards of reports show beside their fields: category and first public photo."""
    name_categories(reports)
    for report in reports:
        report.card_photo = _first_photo(report)  # type: ignore[attr-defined]  # for templates


def _first_photo(report: Report) -> str:
    photos: list[Photo] = list(report.photos.all()) if report.published_at else []
    public = [photo for photo in photos if photo.is_public]
    return addresses(public[0])["small"] if public else ""


def _figures() -> dict[str, Any] | None:
    """Return the figures that the city answers for; None while they were never computed."""
    figures = CityFigures.objects.only("content").first()
    if figures is None:
        return None
    of_city = figures.content["city"]
    return {
        "days": figures.content["period_days"],
        "open": of_city["open"],
        "repaired": of_city["repair"]["repaired"],
        "confirmed": of_city["confirmed_repairs"]["confirmed"],
    }
