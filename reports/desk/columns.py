"""What the desk's list and a report's page show of a report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib import admin
from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.dates.showing import expected_date, forecast_of
from reports.desk import preferences
from reports.desk.choosing import COLUMNS_VAR, ReportList
from reports.models import (
    OPEN_STATUSES,
    PhotoFile,
    PhotoState,
    QueuePlace,
    Report,
    ReportQuerySet,
)
from reports.photos.serializers import addresses

#: All columns that the list can show, in their order; the first is always there.
COLUMNS = {
    "title": _("title"),
    "photo": _("photo"),
    "excerpt": _("text"),
    "status": _("status"),
    "severity": _("severity"),
    "kind": _("category"),
    "department": _("department"),
    "assigned": _("assigned"),
    "created": _("created"),
    "due": _("due"),
    "address": _("address"),
    "reputation": _("reporter's reputation"),
    "source": _("source"),
    "is_public": _("public"),
    "map_link": _("map"),
}
DEFAULT_COLUMNS = (
    "title",
    "status",
    "severity",
    "kind",
    "department",
    "assigned",
    "created",
    "due",
    "is_public",
    "map_link",
)
EXCERPT_CHARACTERS = 140
_LOADED = {"photo": "photos", "reputation": "reporter"}
#: What all columns show of a report and of the rows beside it, except its text.
_SHOWN = (
    "title",
    "status",
    "severity",
    "category__name",
    "category_confidence",
    "department__name",
    "assignee__name",
    "crew__name",
    "created_at",
    "queue_place__at",
    "queue_place__is_urgent",
    "queue_place__is_escalated",
    "due_at",
    "response_due_at",
    "responded_at",
    "address",
    "latitude",
    "longitude",
    "reporter",
    "source",
    "published_at",
)

MAP_URL = "https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=18/{lat}/{lon}"


class ReportColumns(admin.ModelAdmin[Report]):
    """Shows in words what several fields of a report say together."""

    @admin.display(description=_("photo"))
    def photo(self, report: Report) -> str:
        """Return a small picture of the problem, if there is one to see."""
        shown = (photo for photo in report.photos.all() if photo.state == PhotoState.READY)
        first = next(shown, None)
        if first is None:
            return ""
        address = addresses(first)[PhotoFile.Size.SMALL]
        return format_html(
            '<img class="thumbnail" src="{}" alt="{}" loading="lazy" width="72" height="54">',
            address,
            _("Photo of the report"),
        )

    @admin.display(description=_("text"))
    def excerpt(self, report: Report) -> str:
        """Return how the reporter's text begins."""
        return Truncator(report.description).chars(EXCERPT_CHARACTERS)

    @admin.display(description=_("reporter's reputation"), ordering="reporter__reputation")
    def reputation(self, report: Report) -> str:
        """Return the points of the person who reported it; "-" for nobody signed in."""
        return "-" if report.reporter is None else str(report.reporter.reputation)

    @admin.display(description=_("category"), ordering="category__name")
    def kind(self, report: Report) -> str:
        """Return the category, with its confidence where the classifier chose it."""
        confidence = report.category_confidence
        sure = "" if confidence is None else f" ({confidence:.0%})"
        return f"{report.category}{sure}" if report.category else "-"

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, report: Report) -> str:
        """Return when it was reported, and where the policy of triage moves it in the queue."""
        at, place = short_time(report.created_at), self.place(report)
        return format_html("{}<br>{}", at, place) if place else at

    @admin.display(description=_("due"), ordering="due_at")
    def due(self, report: Report) -> str:
        """Return both deadlines, that of the first answer while it was not given."""
        lines = [("", self.repair_due(report))]
        if (
            report.response_due_at
            and report.responded_at is None
            and report.status in OPEN_STATUSES
        ):
            lines.append((gettext("answer") + " ", self.answer_due(report)))
        return format_html_join(mark_safe("<br>"), "{}{}", lines)

    def place(self, report: Report) -> str:
        """Return why the report is moved up in the queue, or how far it is from its arrival.

        Empty for a report that stands where its arrival puts it, or has no place in the queue.
        """
        place: QueuePlace | None = getattr(report, "queue_place", None)
        if place is None:
            return ""
        marks = [
            (gettext("urgent"), place.is_urgent),
            (gettext("escalated"), place.is_escalated),
        ]
        named = [name for name, is_on in marks if is_on]
        return ", ".join(named) or _shift(place.at - report.created_at)

    @admin.display(description=_("due at"))
    def repair_due(self, report: Report) -> str:
        return _deadline(report.due_at, is_over=report.is_overdue)

    @admin.display(description=_("likely done"))
    def likely_done(self, report: Report) -> str:
        """Return the forecast in words; a deadline stands in a field of its own."""
        expected = expected_date(report, forecast_of(report))
        return expected.in_words if expected else "-"

    @admin.display(description=_("first answer due at"))
    def answer_due(self, report: Report) -> str:
        return _deadline(report.response_due_at, is_over=report.is_answer_overdue)

    @admin.display(description=_("assigned"))
    def assigned(self, report: Report) -> str:
        """Return the person or the crew that works on it."""
        if report.assignee is not None:
            return report.assignee.name or str(report.assignee)
        return str(report.crew or "-")

    @admin.display(description=_("waits"))
    def waits(self, report: Report) -> str:
        if report.waiting_until is None:
            return "-"
        words = {"what": report.get_waiting_for_display(), "at": short_time(report.waiting_until)}
        return gettext("for %(what)s, until %(at)s") % words

    @admin.display(description=_("deadline's rule"))
    def deadline_rule(self, report: Report) -> str:
        """Return the rule that applied when the report got its deadline."""
        if report.sla_hours is None:
            return "-"
        words = {
            "hours": report.sla_hours,
            "kind": gettext("working hours") if report.sla_in_working_hours else gettext("hours"),
            "version": _version(report.sla_version),
        }
        rule = gettext("%(hours)s %(kind)s at medium severity%(version)s")
        if report.sla_is_exact:
            rule = gettext("%(hours)s %(kind)s by the rule of routing")
        answer = gettext("first answer within %s") % report.response_hours
        return f"{rule % words}; {answer}{_version(report.response_version)}"

    @admin.display(description=_("classifier's suggestions"))
    def suggestions(self, report: Report) -> str:
        """Return the first three categories with their confidence, and what each one rests on."""
        lines = [
            (
                f"{suggestion['category']} ({suggestion['confidence']:.0%})",
                _reasons(suggestion["reasons"]),
            )
            for suggestion in report.category_suggestions
        ]
        return format_html_join(mark_safe("<br>"), "<strong>{}</strong>{}", lines) or "-"

    @admin.display(description=_("answers"))
    def answers_in_words(self, report: Report) -> str:
        """Return the answers to the questions of the category, each in the version asked."""
        lines = [(answer.question.label, answer.in_words) for answer in report.answers.all()]
        return format_html_join(mark_safe("<br>"), "{} <strong>{}</strong>", lines) or "-"

    @admin.display(description=_("public"), boolean=True)
    def is_public(self, report: Report) -> bool:
        return report.published_at is not None

    @admin.display(description=_("map"))
    def map_link(self, report: Report) -> str:
        url = MAP_URL.format(lat=report.latitude, lon=report.longitude)
        link = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'
        return format_html(link, url, gettext("map"))


class ReportTable(ReportList):
    """The list as a table, which reads of the reports what its columns show."""

    def get_results(self, request: HttpRequest) -> None:
        """Read a page, and of all reports with it no more than the columns show."""
        columns = [str(name) for name in self.list_display]
        self.queryset = _only_shown(cast("ReportQuerySet", self.queryset), columns)
        super().get_results(request)
        self.result_list = with_columns(self.result_list, columns)


def _only_shown(reports: ReportQuerySet, columns: Iterable[str]) -> ReportQuerySet:
    beside = ("category", "department", "assignee", "crew", "queue_place")
    text = ("description",) if "excerpt" in columns else ()
    related = reports.select_related(None).select_related(*beside)
    return related.defer(None).only(*_SHOWN, *text)


def chosen_columns(request: HttpRequest) -> list[str]:
    """Return the columns that a query names, else those that the person chose before."""
    named = known_columns(request.GET.get(COLUMNS_VAR, "").split(","))
    return named or _kept_columns(request) or list(DEFAULT_COLUMNS)


def _kept_columns(request: HttpRequest) -> list[str]:
    """Return the columns that the person chose before, read once for a request."""
    keeper: Any = request
    if not hasattr(keeper, "kept_columns"):
        keeper.kept_columns = known_columns(preferences.columns(cast("User", request.user)))
    return list(keeper.kept_columns)


def known_columns(names: Iterable[str]) -> list[str]:
    """Return those of the names that are columns, each once, with the title first; none if none."""
    known = [name for name in dict.fromkeys(names) if name in COLUMNS and name != "title"]
    return ["title", *known] if known else []


def with_columns(reports: Iterable[Report], columns: Iterable[str]) -> list[Report]:
    """Return the reports with what these columns show of other tables, each read once for all."""
    rows = list(reports)
    prefetch_related_objects(rows, *(_LOADED[name] for name in columns if name in _LOADED))
    return rows


def _shift(moved: timedelta) -> str:
    """Return by how much a report stands earlier or later than by its arrival."""
    hours = round(moved / timedelta(hours=1))
    if not hours:
        return ""
    text = gettext("%s h earlier") if hours < 0 else gettext("%s h later")
    return text % abs(hours)


def _version(number: int | None) -> str:
    return gettext(", version %s") % number if number else ""


def _reasons(reasons: list[dict[str, Any]]) -> str:
    """Return the phrases and the links to earlier reports that a suggestion rests on."""
    near = [
        format_html(
            '<a href="{}">{}</a>', _page_of(reason["report_id"]), gettext("an earlier report")
        )
        if reason["report_id"]
        else f"“{reason['phrase']}”"
        for reason in reasons
    ]
    return (
        format_html(
            ": {} {}", gettext("near"), format_html_join(", ", "{}", [(link,) for link in near])
        )
        if near
        else ""
    )


def _page_of(report_id: str) -> str:
    return reverse("admin:reports_report_change", args=[report_id])


def _deadline(at: datetime | None, *, is_over: bool) -> str:
    if at is None:
        return "-"
    if not is_over:
        return short_time(at)
    text = gettext("%s overdue") % short_time(at)
    return format_html('<strong class="overdue">{}</strong>', text)


def short_time(moment: datetime) -> str:
    """Return a time in a form that fits a narrow column."""
    local, this_year = timezone.localtime(moment), timezone.localdate().year
    day = f"{local.day} {str(MONTHS_3[local.month]).title()}"  # date_format takes six times as long
    return f"{day} {local:%H:%M}" if local.year == this_year else f"{day} {local.year}"
