"""Which public reports a client asks for, one page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from georeport.errors import BadRequest, NotFound
from georeport.parameters import Parameters
from reports.models import OPEN_STATUSES, Category, Report, ReportQuerySet

ROWS_MAXIMUM = 1_000
SPAN = timedelta(days=90)
PAGES_MAXIMUM = 10_000
#: Every page costs all rows before it, so a list is read no further than this.
DEPTH_MAXIMUM = 50_000
#: How far around `lat` and `long` requests are searched where there is no `radius`.
RADIUS_METRES, RADIUS_MAXIMUM_METRES = 1_000, 100_000
OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: its number, counted from 1, and how many entries it may have."""

    number: int
    size: int

    @classmethod
    def of(cls, parameters: Parameters) -> Page:
        """Return the page that a client asks for; the first, and as large as may be, by default.

        Raises:
            BadRequest: it asks for more rows than a page may have, or lies too deep in the list.
        """
        size = parameters.whole("page_size", default=ROWS_MAXIMUM, most=ROWS_MAXIMUM)
        page = cls(parameters.whole("page", default=1, most=PAGES_MAXIMUM), size)
        if page.rows.stop > DEPTH_MAXIMUM:
            raise BadRequest(
                f"Pages reach no further than {DEPTH_MAXIMUM:,} entries; go on with start_date and"
                " end_date, or ask for requests with updated_after."
            )
        return page

    @property
    def rows(self) -> slice:
        first = (self.number - 1) * self.size
        return slice(first, first + self.size)


def public_reports() -> ReportQuerySet:
    """Return the reports that the interface shows: public ones that have a category.

    A request without a service code would not be valid; one gets its category within seconds.
    """
    return Report.objects.published().filter(category__isnull=False)


def report_with(service_request_id: str) -> ReportQuerySet:
    """Return the report of this id, or none; an id that is no UUID names none."""
    return public_reports().filter(pk__in=ids_of([service_request_id]))


def chosen(parameters: Parameters) -> ReportQuerySet:
    """Return the reports that the parameters ask for, newest first.

    With `updated_after` and no dates, requests of any age are asked for, the latest change first.

    Raises:
        BadRequest: a parameter cannot be read, or the span has more than 90 days.
        NotFound: there is no such service.
    """
    reports = public_reports().order_by("-created_at", "-id")
    if (ids := parameters.listed("service_request_id")) is not None:
        return reports.filter(pk__in=ids_of(ids))
    if (codes := parameters.listed("service_code")) is not None:
        reports = reports.filter(category__in=_categories(codes))
    reports = _with_status(reports, parameters.listed("status"))
    if (box := parameters.box("bbox")) is not None:
        reports = reports.in_box(box)
    reports = _near(reports, parameters)
    if (updated_before := parameters.moment("updated_before")) is not None:
        reports = reports.filter(updated_at__lt=updated_before)
    updated_after = parameters.moment("updated_after")
    if updated_after is None:
        return reports.filter(created_at__range=span(parameters))
    reports = reports.filter(updated_at__gt=updated_after)
    if parameters.names() & {"start_date", "end_date"}:
        return reports.filter(created_at__range=span(parameters))
    return reports.order_by("-updated_at", "-id")


def span(parameters: Parameters) -> tuple[Any, Any]:
    """Return the first and the last moment that a client asks for, for a query.

    Where both are missing, these are the latest 90 days by the database's clock.
    """
    first, last = moments(parameters)
    return first or Now() - SPAN, last or Now()


def moments(parameters: Parameters) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last moment that a client asks for; both or none.

    Where one is missing it is 90 days from the other.

    Raises:
        BadRequest: there are more than 90 days between them, or the last comes before the first.
    """
    first, last = parameters.moment("start_date"), parameters.moment("end_date", is_end=True)
    if first is None:
        return (last - SPAN, last) if last else (None, None)
    if last is None:
        return first, first + SPAN
    if last < first:
        raise BadRequest("end_date lies before start_date.")
    end = parameters.moment("end_date")  # without what is left of its second, or of its day
    if end and end - first > SPAN:
        raise BadRequest("The span between start_date and end_date may have at most 90 days.")
    return first, last


def ids_of(texts: list[str]) -> list[UUID]:
    """Return the ids that can be ids of reports; a client may ask for others, which find none."""
    ids = []
    for text in texts:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids


def _categories(codes: list[str]) -> list[int]:
    """Return the categories of these codes, retired ones included, whose requests remain."""
    stored = dict(Category.objects.filter(slug__in=codes).values_list("slug", "pk"))
    missing = [code for code in codes if code not in stored]
    if missing:
        raise NotFound(f"service_code {', '.join(missing)[:200]} was not found.")
    return list(stored.values())


def _near(reports: ReportQuerySet, parameters: Parameters) -> ReportQuerySet:
    """Return the reports within `radius` metres of `lat` and `long`, where these are given."""
    place = parameters.place()
    if place is None:
        if parameters.text("radius"):
            raise BadRequest("radius needs lat and long.")
        return reports
    metres = parameters.number("radius", limit=RADIUS_MAXIMUM_METRES)
    if metres is not None and metres <= 0:
        raise BadRequest("radius must be more than 0 metres.")
    return reports.near(*place, metres=metres or RADIUS_METRES)


def _with_status(reports: ReportQuerySet, statuses: list[str] | None) -> ReportQuerySet:
    named = {status.lower() for status in statuses or ()}
    if named - {OPEN, CLOSED}:
        raise BadRequest("status must be open, closed, or both with a comma between them.")
    if named == {OPEN}:
        return reports.filter(status__in=OPEN_STATUSES)
    if named == {CLOSED}:
        return reports.exclude(status__in=OPEN_STATUSES)
    return reports
