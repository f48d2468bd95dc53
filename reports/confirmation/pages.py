"""The page behind the link in the message that a report is resolved.

Mail scanners fetch links before people do, so reading the page changes nothing; an answer is a
POST. The token alone admits, so that no cookie and no signing in is needed. It is in the query,
which no log of this software holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.base import File
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts import origins
from jobs.http import limits
from jobs.model_fields import PlainFormField
from jobs.plain_text import paragraphs
from reports.confirmation import answering, tokens
from reports.confirmation.answering import Answer
from reports.confirmation.tokens import Resolution
from reports.errors import (
    ConfirmationOver,
    LinkInvalid,
    NothingToConfirm,
    PhotoRefused,
    PhotoTooLarge,
    TooManyPhotos,
)
from reports.models import NOTE_MAX_CHARACTERS, Confirmation, ConfirmedBy, PhotoFile, Report
from reports.photos import receiving

TEMPLATE = "reports/confirmation.html"


class AnswerForm(forms.Form):
    """The answer: one of the two buttons, and perhaps a text and a photo of what is still wrong."""

    answer = forms.ChoiceField(choices=[("yes", "Yes, it is fixed"), ("no", "No, it is not")])
    note = PlainFormField(clean_text=paragraphs, required=False, max_length=NOTE_MAX_CHARACTERS)
    photo = forms.FileField(required=False, allow_empty_file=True)

    def clean(self) -> dict[str, Any]:
        """Drop a photo that came with "yes": it would show what is still wrong."""
        sent = super().clean() or self.cleaned_data
        return sent | {"photo": None} if sent.get("answer") == "yes" else sent


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
        form = AnswerForm(request.POST, request.FILES)
        if not form.is_valid():
            return _standing(request, resolution, form=form, status=400)
        try:
            with _received(request, form.cleaned_data["photo"]) as photo:
                confirmation = answering.answer(resolution, _given(form, photo))
        except (PhotoRefused, PhotoTooLarge, TooManyPhotos) as error:
            form.add_error("photo", str(error))
            return _standing(request, resolution, form=form, status=400)
        except (NothingToConfirm, ConfirmationOver):
            return _standing(request, resolution, status=409)
        return _page(request, _answered(confirmation), report=confirmation.report)


@contextmanager
def _received(request: HttpRequest, upload: File[bytes] | None) -> Iterator[PhotoFile | None]:
    """Store the photo that was sent, if one was; it is deleted again unless an answer takes it.

    Raises:
        PhotoRefused, PhotoTooLarge: it is no photo, or too large.
        TooManyPhotos: this address has sent too many for now.
    """
    if upload is None:
        yield None
        return
    receiving.check(upload)
    rule = receiving.limit_of(origins.of_request(request).host)
    if not limits.hit(rule.key, rule.limit, rule.period).allowed:
        raise TooManyPhotos("Too many photos came from here; send your answer without one.")
    with receiving.stored(upload) as photo:
        yield photo


def _given(form: AnswerForm, photo: PhotoFile | None) -> Answer:
    return Answer(
        is_fixed=form.cleaned_data["answer"] == "yes",
        source=ConfirmedBy.REPORTER,
        note=form.cleaned_data["note"],
        photo=photo,
    )


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
