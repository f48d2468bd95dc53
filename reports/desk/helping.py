"""Asking neighbours for help from a report's page, and ending that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import User
from reports.errors import ReportsError
from reports.helping import asking, ending
from reports.helping.asking import Wish
from reports.helping.serializers import HelpDoneSerializer, HelpWishSerializer
from reports.models import HelpState, Report


class WishForm(forms.Form):
    """What neighbours are asked to do; `HelpWishSerializer` has the rules."""

    title = forms.CharField(max_length=200, required=False, label=_("What is to be done"))
    description = forms.CharField(
        max_length=10_000,
        required=False,
        widget=forms.Textarea({"rows": 3, "cols": 60}),
        help_text=_("Everybody can read it. If it is empty, it is the report's text."),
    )
    starts_on = forms.DateField(
        required=False, label=_("From"), widget=forms.DateInput({"type": "date"})
    )
    ends_on = forms.DateField(
        required=False, label=_("Until"), widget=forms.DateInput({"type": "date"})
    )
    capacity = forms.IntegerField(
        required=False, min_value=1, max_value=10_000, label=_("For how many people at most")
    )


def wish_of(request: HttpRequest) -> Wish:
    """Return the wish that a form of the desk sent.

    Raises:
        ReportsError: a field is wrong, or they do not go together; the message names it.
    """
    form = WishForm(request.POST)
    if not form.is_valid():
        raise ReportsError(_in_words(form.errors))
    given = {name: value for name, value in form.cleaned_data.items() if value}
    days = {name: value.isoformat() for name, value in given.items() if isinstance(value, date)}
    body = HelpWishSerializer(data=given | days)
    if not body.is_valid():
        raise ReportsError(_in_words(body.errors))
    return body.wish


def _in_words(errors: Any) -> str:
    return " ".join(f"{name}: {text}" for name, texts in errors.items() for text in texts)


class HelpOnPage(admin.ModelAdmin[Report]):
    """Adds to a report's page the form by which staff ask neighbours for help."""

    def get_urls(self) -> list[Any]:
        views = {
            "ask_help": self.ask_help_view,
            "complete_help": self.complete_help_view,
            "withdraw_help": self.withdraw_help_view,
        }
        return [
            path(
                f"<uuid:object_id>/{name.replace('_', '-')}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"reports_report_{name}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Report | None = None,
    ) -> Any:
        if obj is not None:
            requests = list(obj.help_requests.all())
            is_asked = any(help_request.state == HelpState.OPEN for help_request in requests)
            context |= {
                "help_requests": requests,
                "help_open": HelpState.OPEN,
                "help_refusal": asking.refusal(obj, is_asked=is_asked),
                "wish_form": WishForm(
                    initial={"title": (_("Lend a hand: %s") % obj.title)[:200]}, auto_id=False
                ),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def ask_help_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask neighbours to mend the problem of a report."""

        def ask(report: Report, by: User) -> str:
            asking.ask(report, wish_of(request), by=by)
            return gettext("Neighbours are asked: the opportunity is offered to citizens near by.")

        return self._do(request, object_id, ask)

    def complete_help_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Note that neighbours have mended it."""

        def complete(report: Report, by: User) -> str:
            body = HelpDoneSerializer(data={"note": request.POST.get("note", "")})
            if not body.is_valid():
                raise ReportsError(_in_words(body.errors))
            ending.complete(report, by=by, note=body.validated_data["note"])
            return gettext("It is resolved, and its reporter is asked whether it is repaired.")

        return self._do(request, object_id, complete)

    def withdraw_help_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask neighbours no more."""

        def withdraw(report: Report, by: User) -> str:
            ending.withdraw(report, by=by)
            return gettext("Neighbours are not asked any more.")

        return self._do(request, object_id, withdraw)

    def _do(
        self, request: HttpRequest, object_id: UUID, act: Callable[[Report, User], str]
    ) -> HttpResponse:
        """Act on a report of this member of staff; show what came of it on its page."""
        user = cast("User", request.user)
        report = get_object_or_404(Report.objects.for_staff(user), pk=object_id)
        try:
            self.message_user(request, act(report, user), messages.SUCCESS)
        except ReportsError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:reports_report_change", args=[report.pk]))
