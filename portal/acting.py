"""What people do on the page of a report: comment, add photos, follow, confirm or deny a repair."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from accounts.models import User
from jobs.errors import DomainError
from portal.pages import lead_to, page, refused, signed_out, status_of, takes_form_of
from portal.reporting import count_photos
from portal.showing import shown
from reports.conversation import commenting
from reports.conversation.serializers import NewCommentSerializer
from reports.errors import IntakeRefused, PhotoRefused, PhotoTooLarge, TransitionNotAllowed
from reports.following import follows
from reports.models import PhotoKind, Report
from reports.photos import receiving
from reports.steps import taking
from reports.steps.serializers import TakenStepSerializer
from reports.workflow.roles import roles_in
from reports.workflow.table import REPORTER


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody sent about a report that they may read: with its token, or signed in."""

    request: HttpRequest
    report: Report
    token: str

    @property
    def user(self) -> User | None:
        return self.request.user if isinstance(self.request.user, User) else None


Action = Callable[[Sent], str]


def action(do: Action) -> Callable[..., HttpResponse]:
    """Make a view of what is done with a report: it leads back, or says why it was refused.

    `do` returns which sentence of `portal/done.html` is said when it is done.
    """

    @takes_form_of("report-page")
    @page
    def view(request: HttpRequest, pk: UUID) -> HttpResponse:
        token = request.POST.get("tracking_token", "")
        visible = Report.objects.visible_to(request.user, tracking_token=token)
        report = visible.with_related().select_related("reporter").filter(pk=pk).first()
        if report is None:
            raise Http404
        if not (isinstance(request.user, User) or report.is_held(token)):
            return refused(request, HTTPStatus.FORBIDDEN) if token else signed_out(request)
        try:
            done = do(Sent(request, report, token))
        except PermissionDenied:
            return refused(request, HTTPStatus.FORBIDDEN)
        except (ValidationError, PhotoRefused, PhotoTooLarge) as error:
            return _again(request, pk, token, error, HTTPStatus.BAD_REQUEST)
        except TransitionNotAllowed:
            changed = _("The report has changed meanwhile, so this cannot be done any more.")
            return _again(request, pk, token, DomainError(changed), HTTPStatus.CONFLICT)
        except DomainError as error:
            return _again(request, pk, token, error, status_of(error))
        return _back(pk, token, done)

    return view


@action
def comment(sent: Sent) -> str:
    """Comment on a report."""
    body = NewCommentSerializer(data={"text": sent.request.POST.get("text", "")})
    body.is_valid(raise_exception=True)
    commenting.comment(sent.report, body.validated_data["text"], author=sent.user)
    return "commented"


@action
def add_photos(sent: Sent) -> str:
    """Add photos to one's own report: all of them, or none."""
    if not sent.report.is_own(sent.request.user, tracking_token=sent.token):
        raise PermissionDenied
    photos: list[UploadedFile] = sent.request.FILES.getlist("photos")
    if not photos:
        raise PhotoRefused(_("Choose a photo first."))
    receiving.check_number(len(photos), PhotoKind.BEFORE)
    for upload in photos:
        receiving.check(upload)
    count_photos(sent.request, photos)
    with ExitStack() as stack:
        originals = [stack.enter_context(receiving.stored(upload)) for upload in photos]
        with transaction.atomic():
            for original in originals:
                receiving.accept(original, sent.report, kind=PhotoKind.BEFORE, by=sent.user)
    return "photos"


@action
def follow(sent: Sent) -> str:
    """Follow a report, or stop following it."""
    wants_updates, user = sent.request.POST.get("wants") == "yes", sent.user
    if user is None:
        follows.set_updates(sent.report, wants_updates=wants_updates)
    elif wants_updates:
        follows.follow(sent.report, user)
    else:
        follows.unfollow(sent.report.pk, user.pk)
    return "following" if wants_updates else "unfollowed"


@action
def me_too(sent: Sent) -> str:
    """Say that one has this problem too, or take it back."""
    user = sent.user
    if user is None:
        raise PermissionDenied
    if sent.request.POST.get("wants") == "yes":
        follows.add_me_too(sent.report, user)
    else:
        follows.remove_me_too(sent.report, user)
    return "me-too"


@action
def take_step(sent: Sent) -> str:
    """Confirm or deny the repair of one's own report, or withdraw it."""
    roles = roles_in(sent.report, sent.request.user, tracking_token=sent.token) & REPORTER
    if not roles:
        raise PermissionDenied
    fields = {name: sent.request.POST.get(name, "") for name in ("step", "note")}
    body = TakenStepSerializer(data=fields)
    body.is_valid(raise_exception=True)
    taking.take(sent.report, body.step_by(sent.user), roles=roles)
    return "step"


def _back(pk: UUID, token: str, done: str) -> HttpResponse:
    """Lead back to the page of the report, which says what was done."""
    query = {"done": done} | ({"tracking_token": token} if token else {})
    return lead_to(f"{reverse('report-page', args=[pk])}?{urlencode(query)}")


def _again(
    request: HttpRequest, pk: UUID, token: str, error: Exception, status: HTTPStatus
) -> HttpResponse:
    """Show the report with what was refused, and with the text that was typed."""
    texts = error.get_full_details() if isinstance(error, ValidationError) else None
    fault = _first(texts) if texts else str(error)
    typed = {name: request.POST.get(name, "") for name in ("text", "note")}
    response = shown(request, pk, token=token, status=status, fault=fault, typed=typed)
    if isinstance(error, IntakeRefused):
        response["Retry-After"] = str(error.retry_after)
    return response


def _first(details: object) -> str:
    """Return the first text of nested errors."""
    while isinstance(details, dict) and "message" not in details:
        details = next(iter(details.values()))
        if isinstance(details, list):
            details = details[0]
    return str(cast("dict[str, object]", details)["message"])
