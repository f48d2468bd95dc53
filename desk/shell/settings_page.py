"""The page of settings: every table by which a city arranges its desk, each with what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from desk.shell.readers import may_view
from georeport.models import ApiKey
from matching.models import Partner
from reports.models import (
    Area,
    Authority,
    BlockedWord,
    Category,
    CategoryGroup,
    Crew,
    Department,
    DepartmentMembership,
    EscalationRule,
    NamedPlace,
    Policy,
    ReplyTemplate,
    RoutingRule,
    SeverityRule,
    Source,
    TopicList,
)

#: Groups of tables, each table with what it is for.
GROUPS: tuple[tuple[str | Promise, tuple[tuple[type[Model], str | Promise], ...]], ...] = (
    (
        gettext_lazy("Catalogue"),
        (
            (Category, gettext_lazy("Kinds of problems, with their deadlines and questions.")),
            (CategoryGroup, gettext_lazy("Headings under which citizens choose a category.")),
            (SeverityRule, gettext_lazy("Words in a report that raise its severity.")),
        ),
    ),
    (
        gettext_lazy("Departments"),
        (
            (Department, gettext_lazy("Who handles reports, with addresses and opening hours.")),
            (DepartmentMembership, gettext_lazy("Who works where, and who manages.")),
            (Crew, gettext_lazy("Groups of people to which reports are assigned.")),
            (Group, gettext_lazy("Rights given to several people at once.")),
        ),
    ),
    (
        gettext_lazy("Ways of a report"),
        (
            (RoutingRule, gettext_lazy("Which reports go to which department, and by when.")),
            (EscalationRule, gettext_lazy("Whom to tell, and when, about a missed deadline.")),
            (Policy, gettext_lazy("The order of the queue, and what moves a report up.")),
            (ReplyTemplate, gettext_lazy("Texts for answers that are often given.")),
            (BlockedWord, gettext_lazy("Words that hold a text back until staff has read it.")),
        ),
    ),
    (
        gettext_lazy("Places"),
        (
            (Area, gettext_lazy("Parts of the city, for rules, subscriptions and figures.")),
            (NamedPlace, gettext_lazy("Streets and squares that are recognised in texts.")),
            (Authority, gettext_lazy("Who is responsible beyond the city's boundary.")),
        ),
    ),
    (
        gettext_lazy("Outside"),
        (
            (Source, gettext_lazy("Feeds, mailboxes and webhooks from which posts are collected.")),
            (TopicList, gettext_lazy("Subjects by which collected posts are sorted.")),
            (Partner, gettext_lazy("Organisations that add opportunities, and their keys.")),
            (ApiKey, gettext_lazy("Programs that send requests by Open311, and their keys.")),
        ),
    ),
)
MODELS = tuple(model for _heading, rows in GROUPS for model, _purpose in rows)


@dataclass(frozen=True, slots=True)
class Setting:
    """A table of settings on the page."""

    name: str
    purpose: str | Promise
    address: str
    add_address: str | None


def has_any(request: HttpRequest) -> bool:
    """Return whether the reader may open a table besides the policies, which all staff may."""
    return any(may_view(request, model) for model in MODELS if model is not Policy)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the settings that the reader may open."""
    if not has_any(request):
        raise PermissionDenied
    context = admin.site.each_context(request) | {
        "title": _("Settings"),
        "groups": groups_for(request),
    }
    return TemplateResponse(request, "desk/shell/settings.html", context)


def groups_for(request: HttpRequest) -> list[tuple[str | Promise, list[Setting]]]:
    """Return the tables that the reader may open, under their headings."""
    groups = [(heading, list(_settings(request, rows))) for heading, rows in GROUPS]
    return [(heading, settings) for heading, settings in groups if settings]


def _settings(
    request: HttpRequest, rows: tuple[tuple[type[Model], str | Promise], ...]
) -> Iterator[Setting]:
    for model, purpose in rows:
        if not may_view(request, model):
            continue
        meta = model._meta  # noqa: SLF001 - documented
        route = f"admin:{meta.app_label}_{meta.model_name}"
        may_add = admin.site.get_model_admin(model).has_add_permission(request)
        yield Setting(
            name=str(meta.verbose_name_plural).capitalize(),
            purpose=purpose,
            address=reverse(f"{route}_changelist"),
            add_address=reverse(f"{route}_add") if may_add else None,
        )
