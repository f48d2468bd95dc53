"""Reporting a problem: the form, similar reports near by, and the thanks afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import origins
from accounts.models import User
from jobs.http import limits
from portal import catalogue
from portal.city import map_settings
from portal.form import Form, shown_questions
from portal.home import prepare_cards
from portal.pages import lead_to, page, show, status_of
from reports.errors import (
    IntakeRefused,
    LikelyDuplicate,
    OutsideBoundary,
    PhotoRefused,
    PhotoTooLarge,
    TooManyPhotos,
)
from reports.intake.submission import NewReport, Submission, submit_report
from reports.models import (
    DESCRIPTION_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    PhotoKind,
    Report,
)
from reports.photos import receiving

#: The address of the page holds a token, which no other site may get. Unlike `no-referrer` it
#: leaves forms their Origin, by which they are known to be this site's own.
REFERRER = "strict-origin"


@require_http_methods(["GET", "HEAD", "POST"])
@page
def report_form(request: HttpRequest) -> HttpResponse:
    """Show the form of a new report, and take it; sent twice, it is stored once."""
    if request.method != "POST":
        return _form_page(request, Form.empty())
    form = Form.sent(request.POST)
    photos = request.FILES.getlist("photos")
    new = form.new_report()
    _check_photos(form, photos)
    if new is None or form.faults:
        return _form_page(request, form, status=HTTPStatus.BAD_REQUEST, had_photos=bool(photos))
    is_acknowledged = request.POST.get("acknowledged") == "yes"
    return _sent(request, form, new, photos, is_acknowledged=is_acknowledged)


def _sent(
    request: HttpRequest,
    form: Form,
    new: NewReport,
    photos: Sequence[UploadedFile],
    *,
    is_acknowledged: bool,
) -> HttpResponse:
    """Store the report, and lead to the thanks; or show the form with what stands against it."""
    again: dict[str, Any] = {"had_photos": bool(photos)}
    try:
        count_photos(request, photos)
        submission = _store(request, new, photos, stops_duplicates=not is_acknowledged)
    except OutsideBoundary as error:
        form.fault("latitude", str(error))
        again["status"] = HTTPStatus.BAD_REQUEST
    except TooManyPhotos as error:
        form.fault("photos", str(error))
        again["status"] = HTTPStatus.TOO_MANY_REQUESTS
    except IntakeRefused as error:
        form.fault("description", str(error))
        again |= {"status": status_of(error), "retry_after": error.retry_after}
    except LikelyDuplicate as error:
        candidates = [one.report for one in error.candidates]
        again |= {"status": HTTPStatus.CONFLICT, "candidates": candidates}
    else:
        return _to_thanks(submission)
    return _form_page(request, form, **again)


def _store(
    request: HttpRequest,
    new: NewReport,
    photos: Sequence[UploadedFile],
    *,
    stops_duplicates: bool,
) -> Submission:
    """Store the report with all its photos, or nothing. Raises as `submit_report` and `accept`."""
    reporter = request.user if isinstance(request.user, User) else None
    with ExitStack() as stack:
        originals = [stack.enter_context(receiving.stored(upload)) for upload in photos]
        with transaction.atomic():
            submission = submit_report(
                new,
                reporter=reporter,
                host=origins.of_request(request).host,
                stops_duplicates=settings.DUPLICATE_CHECK_ENABLED and stops_duplicates,
            )
            for original in () if submission.is_repeated else originals:
                kind = PhotoKind.BEFORE
                receiving.accept(original, submission.report, kind=kind, by=reporter)
    return submission


def _check_photos(form: Form, photos: Sequence[UploadedFile]) -> None:
    """Note what is no photo, and photos beyond the number that a report may have."""
    try:
        receiving.check_number(len(photos), PhotoKind.BEFORE)
        for upload in photos:
            receiving.check(upload)
    except (PhotoRefused, PhotoTooLarge, TooManyPhotos) as error:
        form.fault("photos", str(error))


def count_photos(request: HttpRequest, photos: Sequence[UploadedFile]) -> None:
    """Count the photos of this sender against their limit.

    Raises:
        TooManyPhotos: they have sent too many for now.
    """
    user = request.user
    if isinstance(user, User) and user.is_staff:
        return
    sender = user.pk if isinstance(user, User) else origins.of_request(request).host
    rule = receiving.limit_of(sender)
    for _photo in photos:
        if not limits.hit(rule.key, rule.limit, rule.period).allowed:
            raise TooManyPhotos(_("Too many photos came from here; send the report without them."))


def _form_page(
    request: HttpRequest,
    form: Form,
    *,
    status: int = HTTPStatus.OK,
    had_photos: bool = False,
    candidates: list[Report] | None = None,
    retry_after: int | None = None,
) -> HttpResponse:
    prepare_cards(candidates or [])
    context = form_context(form) | {
        "candidates": candidates,
        "had_photos": had_photos,
        "is_signed_in": isinstance(request.user, User),
    }
    response = show(request, "form.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def form_context(form: Form) -> dict[str, Any]:
    """Return what the page of a form shows to everybody."""
    return {
        "form": form,
        "faults": form.by_field(),
        "categories": catalogue.choices(),
        "title_maximum": TITLE_MAX_CHARACTERS,
        "description_maximum": DESCRIPTION_MAX_CHARACTERS,
        "photos_maximum": settings.PHOTOS_PER_REPORT,
        "photos_bytes": settings.PHOTO_MAX_BYTES,
        "photos_megabytes": settings.PHOTO_MAX_BYTES // 1_000_000,
        "map": map_settings(),
    }


@require_safe
@page
def questions_part(request: HttpRequest) -> HttpResponse:
    """Return the questions of a category for the form, which asks for them as it is chosen."""
    questions = shown_questions(request.GET.get("category", ""), {}, {})
    return show(request, "questions.html", {"questions": questions})


def _to_thanks(submission: Submission) -> HttpResponse:
    query = {"report": str(submission.report.pk)}
    if submission.tracking_token:
        query["tracking_token"] = submission.tracking_token
    return lead_to(f"{reverse('portal-thanks')}?{urlencode(query)}")


@require_safe
@page
def thanks_page(request: HttpRequest) -> HttpResponse:
    """Thank whoever sent a report, and show its number and its private link."""
    token = request.GET.get("tracking_token", "")
    try:
        pk = UUID(request.GET.get("report", ""))
    except ValueError:
        raise Http404 from None
    own = Report.objects.sent_by(request.user, tracking_token=token)
    report = get_object_or_404(own, pk=pk)
    path = reverse("report-page", args=[report.pk])
    link = f"{path}?{urlencode({'tracking_token': token})}" if token else path
    context = {"report": report, "link": request.build_absolute_uri(link), "has_token": bool(token)}
    response = show(request, "thanks.html", context)
    response["Referrer-Policy"] = REFERRER
    response["X-Robots-Tag"] = "noindex"
    return response
