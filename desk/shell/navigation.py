"""The navigation of the desk, by what people do; each reader sees the entries they may open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEvent, User
from desk.shell import settings_page
from desk.shell.readers import handles_reports, may_view
from imports.models import Upload
from jobs.models import Dashboard, Task
from matching.models import Opportunity
from notifications.models import Delivery
from reports.models import (
    DispatchPlan,
    DraftReport,
    DuplicatePair,
    ModerationCase,
    PatternFinding,
    Report,
    Source,
)


def _operates(request: HttpRequest) -> bool:
    return may_view(request, Task) or may_view(request, Dashboard)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation: a page, or the list of a table.

    `owns` names further tables whose pages belong to it.
    """

    label: str | Promise
    icon: str
    page: str = ""
    model: type[Model] | None = None
    is_for: Callable[[HttpRequest], bool] | None = None
    owns: tuple[type[Model], ...] = ()

    def address(self) -> str | None:
        """Return the path of the page; None for a page that this version does not have."""
        return _address(self.page, self.model, get_script_prefix())

    def may_open(self, request: HttpRequest) -> bool:
        """Return whether the reader may: by the table's own rule, or by that of the page."""
        if self.model is not None:
            return may_view(request, self.model)
        return self.is_for is None or self.is_for(request)

    def folders(self) -> Iterator[str]:
        """Yield the beginnings of the paths whose pages belong to this entry."""
        if address := self.address():
            yield address
        owned = (_address("", model, get_script_prefix()) for model in self.owns)
        yield from (address for address in owned if address)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the reader sees it."""

    label: str | Promise
    icon: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under one heading."""

    heading: str | Promise
    links: tuple[Link, ...]


ENTRIES: tuple[tuple[str | Promise, tuple[Entry, ...]], ...] = (
    (
        _("Work"),
        (
            Entry(_("Today"), "today", page="index"),
            Entry(_("Triage"), "triage", page="desk_triage", is_for=handles_reports),
            Entry(_("Reports"), "reports", model=Report),
            Entry(_("Map"), "map", page="desk_map", is_for=handles_reports),
            Entry(_("Moderation"), "moderation", model=ModerationCase),
            Entry(_("Duplicates"), "duplicates", model=DuplicatePair),
            Entry(_("Suggestions"), "suggestions", model=DraftReport),
            Entry(_("Crew plans"), "crews", model=DispatchPlan),
        ),
    ),
    (
        _("City"),
        (
            Entry(_("City"), "city", page="desk_city", is_for=handles_reports),
            Entry(_("Patterns"), "patterns", model=PatternFinding),
            Entry(_("People"), "people", model=User),
            Entry(_("Opportunities"), "opportunities", model=Opportunity),
        ),
    ),
    (
        _("Operations"),
        (
            Entry(_("Overview"), "operations", page="desk_operations", is_for=_operates),
            Entry(_("Jobs"), "jobs", model=Task, owns=(Dashboard,)),
            Entry(_("Sources"), "sources", model=Source),
            Entry(_("Messages"), "messages", model=Delivery),
            Entry(_("Imports"), "imports", model=Upload),
            Entry(_("Audit"), "audit", model=AuditEvent),
            Entry(_("All tables"), "tables", page="desk_tables"),
        ),
    ),
    (
        _("This desk"),
        (
            Entry(
                _("Settings"),
                "settings",
                page="desk_settings",
                is_for=settings_page.has_any,
                owns=settings_page.MODELS,
            ),
            Entry(_("Help"), "help", page="desk_help"),
        ),
    ),
)


@cache
def _address(page: str, model: type[Model] | None, _prefix: str) -> str | None:
    """Return the path of a page or of a table's list below a prefix; None if there is none.

    It is kept, since every page asks for all of them.
    """
    try:
        return reverse(f"admin:{page}") if model is None else list_of(model)
    except NoReverseMatch:
        return None


def sections(request: HttpRequest) -> list[Section]:
    """Return the navigation of the reader, with the entry of the present page marked."""
    current = _current(request.path)
    links = [(heading, tuple(_links(request, entries, current))) for heading, entries in ENTRIES]
    return [Section(heading, one) for heading, one in links if one]


def _links(
    request: HttpRequest, entries: tuple[Entry, ...], current: Entry | None
) -> Iterator[Link]:
    for entry in entries:
        address = entry.address()
        if address is not None and entry.may_open(request):
            yield Link(entry.label, entry.icon, address, entry is current)


def _current(path: str) -> Entry | None:
    """Return the entry whose pages include this path: the one that names most of it."""
    home = reverse("admin:index")
    all_entries = [entry for _, entries in ENTRIES for entry in entries]
    fitting = [
        (len(folder), entry)
        for entry in all_entries
        for folder in entry.folders()
        if path == folder or (folder != home and path.startswith(folder))
    ]
    return max(fitting, key=lambda one: one[0])[1] if fitting else None


def name_of(path: str) -> str:
    """Return what the navigation calls the page at this path; empty for a page without an entry."""
    entry = _current(path)
    return str(entry.label) if entry is not None and entry.address() == path else ""


def list_of(model: type[Model]) -> str:
    """Return the path of a table's list."""
    name = f"{model._meta.app_label}_{model._meta.model_name}"  # noqa: SLF001 - documented
    return reverse(f"admin:{name}_changelist")
