"""The page behind the link in the message that a report is resolved.

Mail scanners fetch links before people do, so reading the page changes nothing; an answer is a
POST. The token alone admits, so that no cookie and no signing in is needed. It is in the query,
which no log of this software holds.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from jobs.model_fields import PlainFormField
from jobs.plain_text import paragraphs
from reports.confirmation import answering, tokens
from reports.confirmation.answering import Answer
from reports.confirmation.tokens import Resolution
from reports.errors import ConfirmationOver, LinkInvalid, NothingToConfirm
from reports.models import NOTE_MAX_CHARACTERS, Confirmation, ConfirmedBy, Report

TEMPLATE = "reports/confirmation.html"


class AnswerForm(forms.Form):
    """The answer: one of the two buttons, and perhaps what is still wrong."""

    answer = forms.ChoiceField(choices=[("yes", "Yes, it is fixed"), ("no", "No, it is not")])
    note = PlainFormField(clean_text=paragraphs, required=False, max_length=NOTE_MAX_CHARACTERS)


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class ConfirmRepairPage(View):
    """Ask the reporter whether the problem is repaired, and take the answer."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            resolution = tokens.read(request.GET.get("token", ""))
        except LinkInvalid:
            return _page(request, "invalid", status=404)
        return _standing(request, resolution)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            resolution = tokens.read(request.GET.get("token", ""))
        except LinkInvalid:
            return _page(request, "invalid", status=404)
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return _standing(request, resolution, form=form, status=400)
        given = Answer(
            is_fixed=form.cleaned_data["answer"] == "yes",
            source=ConfirmedBy.REPORTER,
            note=form.cleaned_data["note"],
        )
        try:
            confirmation = answering.answer(resolution, given)
        except (NothingToConfirm, ConfirmationOver):
            return _standing(request, resolution, status=409)
        return _page(request, _answered(confirmation), report=confirmation.report)


def _standing(
    request: HttpRequest, resolution: Resolution, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Return the page for how the question stands: open, answered, over, or no longer asked."""
    report = Report.objects.filter(pk=resolution.report_id).first()
    if report is None:
        return _page(request, "invalid", status=404)
    context |= {"report": report}
    last = Confirmation.objects.filter(resolution=resolution.change_id).order_by("pk").last()
    if last is not None and not last.is_fixed:
        return _page(request, "denied", status=status, **context)
    if answering.resolution_of(report) != resolution:
        return _page(request, "void", status=status, **context)
    if answering.is_over(report):
        return _page(request, "over", status=status, answer=last, **context)
    return _page(request, "confirmed" if last else "open", status=status, **context)


def _answered(confirmation: Confirmation) -> str:
    return "confirmed" if confirmation.is_fixed else "denied"


def _page(request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {
        "state": state,
        "window_days": settings.CONFIRMATION_WINDOW_DAYS,
        "note_maximum": NOTE_MAX_CHARACTERS,
    }
    response = render(request, TEMPLATE, context, status=status)
    response["Referrer-Policy"] = "no-referrer"  # the address holds the token
    response["X-Robots-Tag"] = "noindex"
    return response
