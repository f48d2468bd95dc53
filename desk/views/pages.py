"""The pages of saved views: save one, manage them, and choose the columns of the list."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from desk.models import NAME_MAX_CHARACTERS, QUERY_MAX_CHARACTERS, SavedView, ViewPage
from desk.shell.readers import handles_reports
from desk.views import keeping, saving
from desk.views.errors import ViewRefused
from reports.desk.choosing import COLUMNS_VAR, VIEW_VAR, choose
from reports.desk.columns import chosen_columns, known_columns
from reports.models import Department

#: Parameters of an address that belong to no view, such as the number of the page.
_PASSING = ("p", "e", "all", VIEW_VAR, "_changelist_filters", "bbox", "zoom")
_OF_MAP = "at"  # the centre and the zoom of the map


class ViewForm(forms.Form):
    """A view to save: its name, whose it is, and the query of the page."""

    page = forms.ChoiceField(choices=ViewPage.choices)
    name = forms.CharField(max_length=NAME_MAX_CHARACTERS)
    query = forms.CharField(max_length=QUERY_MAX_CHARACTERS, required=False)
    team = forms.ModelChoiceField(Department.objects.none(), required=False)
    is_default = forms.BooleanField(required=False)

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request
        field = cast("forms.ModelChoiceField[Department]", self.fields["team"])
        field.queryset = teams_of(cast("User", request.user))

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "query" in cleaned and "page" in cleaned:
            cleaned["query"] = stored_query(self.request, cleaned["query"], cleaned["page"])
        return cleaned


def teams_of(user: User) -> Any:
    """Return the departments whose views this person may change."""
    return Department.objects.all() if user.is_superuser else Department.objects.managed_by(user)


def stored_query(request: HttpRequest, text: str, page: str) -> str:
    """Return the query of a page as a view keeps it, with the columns that the list shows.

    Raises:
        ValidationError: it is no query of the list of reports.
    """
    query = QueryDict(text.removeprefix("?"), mutable=True)
    for name in [*_PASSING, *(name for name, value in query.items() if not value)]:
        query.pop(name, None)
    place = query.pop(_OF_MAP, None)
    order = query.pop("o", None)
    try:
        choose(request, query.copy())
    except (IncorrectLookupParameters, SuspiciousOperation) as error:
        raise forms.ValidationError(_("The address has a filter that there is not.")) from error
    if page == ViewPage.MAP and place:
        query[_OF_MAP] = place[0]
    if page == ViewPage.LIST:
        query[COLUMNS_VAR] = ",".join(known_columns(_columns_of(request, query)))
        if order:
            query["o"] = order[0]
    return query.urlencode(safe=",/")


def _columns_of(request: HttpRequest, query: QueryDict) -> list[str]:
    named = query.get(COLUMNS_VAR, "").split(",")
    return named if known_columns(named) else chosen_columns(request)


@require_safe
def views_page(request: HttpRequest) -> HttpResponse:
    """Show the saved views of this person and of their teams, with what may be done with each."""
    user = _reader(request)
    views = SavedView.objects.for_user(user).select_related("department")
    changeable = set(SavedView.objects.changeable_by(user).values_list("pk", flat=True))
    rows = [{"view": view, "may_change": view.pk in changeable} for view in views]
    context = admin.site.each_context(request) | {"title": _("Saved views"), "rows": rows}
    return TemplateResponse(request, "desk/views/views.html", context)


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Save the filters of the page under a name, for oneself or for a team."""
    user = _reader(request)
    form = ViewForm(request.POST, request=request)
    if not form.is_valid():
        return _back(request, form.errors.as_text(), messages.ERROR)
    team = form.cleaned_data.pop("team")
    owner = None if team else user
    view = SavedView(owner=owner, department=team, **form.cleaned_data)
    try:
        saving.save(view, by=user)
    except ViewRefused as error:
        return _back(request, str(error), messages.ERROR)
    messages.success(request, _("Saved as “%(name)s”.") % {"name": view.name})
    return HttpResponseRedirect(view.get_absolute_url())


@require_POST
def change_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Rename a view, give it the page's filters, make it the default or not, or delete it."""
    user = _reader(request)
    view = get_object_or_404(SavedView.objects.for_user(user), pk=view_id)
    try:
        text = _change(request, view, user)
    except forms.ValidationError as error:
        return _back(request, " ".join(error.messages), messages.ERROR)
    except ViewRefused as error:
        return _back(request, str(error), messages.ERROR)
    is_shown = "query" in request.POST and "delete" not in request.POST
    if is_shown:
        messages.success(request, text)
        return HttpResponseRedirect(view.get_absolute_url())
    return _back(request, text, messages.SUCCESS)


def _change(request: HttpRequest, view: SavedView, user: User) -> str:
    """Carry out what the form asks for; return what was done."""
    if "delete" in request.POST:
        saving.delete(view, by=user)
        return _("“%(name)s” was deleted.") % {"name": view.name}
    if "query" in request.POST:
        view.query = stored_query(request, request.POST["query"], view.page)
    if "name" in request.POST:
        field = forms.CharField(max_length=NAME_MAX_CHARACTERS)
        view.name = " ".join(field.clean(request.POST["name"]).split())
    if "default" in request.POST:
        view.is_default = request.POST["default"] == "yes"
    saving.save(view, by=user)
    return _("“%(name)s” was changed.") % {"name": view.name}


@require_POST
def columns_view(request: HttpRequest) -> HttpResponse:
    """Show the list with the chosen columns; keep them for this person if that is asked for."""
    user = _reader(request)
    names = known_columns(request.POST.getlist("columns"))
    query = QueryDict(request.POST.get("query", "").removeprefix("?"), mutable=True)
    query.pop("o", None)  # it counts the columns
    query.pop(COLUMNS_VAR, None)
    if "reset" in request.POST:
        keeping.keep_columns(user, [])
    elif "keep" in request.POST:
        keeping.keep_columns(user, names)
    elif names:
        query[COLUMNS_VAR] = ",".join(names)
    query.setdefault(VIEW_VAR, "")
    page = reverse("admin:reports_report_changelist")
    return HttpResponseRedirect(f"{page}?{query.urlencode(safe=',')}")


def _reader(request: HttpRequest) -> User:
    """Return the person who sent the request, if they work with reports.

    Raises:
        PermissionDenied: they do not.
    """
    if not handles_reports(request):
        raise PermissionDenied
    return cast("User", request.user)


def _back(request: HttpRequest, text: str, level: int) -> HttpResponse:
    """Redirect to the page of all views, which shows this message."""
    messages.add_message(request, level, text)
    return HttpResponseRedirect(reverse("admin:desk_views"))
