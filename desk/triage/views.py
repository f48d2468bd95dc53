"""The pages of triage: the page itself, one report's card, and what is done with it, as JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import origins
from accounts.models import User
from desk.models import TriageAction
from desk.triage import acting, looking, queue
from desk.triage.acting import NotYours
from desk.triage.card import Card, reports_for_card
from reports.conversation import replying
from reports.errors import (
    ReportChanged,
    ReportsError,
    StatusChangedMeanwhile,
    StepForbidden,
    StepIncomplete,
)
from reports.models import (
    Category,
    Department,
    FlagReason,
    RejectionReason,
    ReplyTemplate,
    Report,
    ReportQuerySet,
)


@require_safe
def triage_page(request: HttpRequest, report_id: UUID | None = None) -> HttpResponse:
    """Show the first report of the line, or a report by its id and then the line."""
    user = _staff(request)
    try:
        line = queue.line(_chosen(request, user), user)
    except IncorrectLookupParameters:
        return HttpResponse(
            _("The list has no such filter."), status=400, content_type="text/plain"
        )
    if report_id is not None:
        _require_own(user, report_id)
        line = [report_id, *(other_id for other_id in line if other_id != report_id)]
    context = admin.site.each_context(request) | {
        "title": _("Triage"),
        "line": [str(pk) for pk in line],
        "query": request.GET.urlencode(),
        "is_filtered": bool(request.GET),
        "last": acting.last_undoable(user),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "categories": Category.objects.filter(is_active=True)
        .select_related("group", "department")
        .only("slug", "name", "group__name", "department__name")
        .order_by("group__name", "name"),
        "departments": Department.objects.only("name").order_by("name"),
        "rejection_reasons": RejectionReason.choices,
        "flag_reasons": FlagReason.choices,
        "renew_seconds": int(looking.LOOK.total_seconds() // 3),
    }
    return TemplateResponse(request, "desk/triage/page.html", context)


@require_safe
def card_view(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """Return the card of one report, to be put into the page."""
    user = _staff(request)
    card = _card(user, report_id)
    if card is None:
        return _refusal(NotYours())
    return TemplateResponse(request, "desk/triage/card.html", {"card": card})


@require_safe
def line_view(request: HttpRequest) -> HttpResponse:
    """Return the ids of the next reports of the line."""
    user = _staff(request)
    try:
        line = queue.line(_chosen(request, user), user)
    except IncorrectLookupParameters:
        return _refused(HTTPStatus.BAD_REQUEST, _("The list has no such filter."))
    return JsonResponse({"line": line})


@require_safe
def replies_view(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """Return the templates of replies, filled for a report."""
    user = _staff(request)
    report = Report.objects.for_staff(user).with_related().select_related("reporter")
    chosen = report.filter(pk=report_id).first()
    if chosen is None:
        return _refusal(NotYours())
    previews = [
        replying.preview(template, chosen) for template in ReplyTemplate.objects.for_report(chosen)
    ]
    shown = [
        {"name": f"{preview.template.name} ({preview.language})", "text": preview.text}
        for preview in previews
    ]
    return JsonResponse({"templates": shown})


@require_POST
def look_view(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """Note that this person looks at a report; answer who else does, and its present version."""
    user = _staff(request)
    report = Report.objects.for_staff(user).filter(pk=report_id).only("version").first()
    if report is None:
        return _refusal(NotYours())
    other = looking.look(report, by=user)
    return JsonResponse({"other": _name(other) if other else None, "version": report.version})


@require_POST
def act_view(request: HttpRequest, report_id: UUID, name: str) -> HttpResponse:
    """Do something with a report; answer what came of it."""
    user = _staff(request)
    try:
        action = acting.act(name, _asked(request, report_id, user))
    except ValueError:
        return _refused(
            HTTPStatus.BAD_REQUEST,
            "Send Idempotency-Key, a UUID, and If-Match, the version of the report.",
        )
    except ReportsError as error:
        return _refusal(error)
    return JsonResponse(_as_json(action))


def _asked(request: HttpRequest, report_id: UUID, user: User) -> acting.Request:
    """Return the action that was sent. Raises ValueError for headers that cannot be read."""
    return acting.Request(
        key=UUID(request.headers.get("Idempotency-Key", "")),
        report_id=report_id,
        by=user,
        version=int(request.headers.get("If-Match", "").strip('"')),
        sent=request.POST.dict(),
        host=origins.of_request(request).host,
    )


@require_POST
def undo_view(request: HttpRequest) -> HttpResponse:
    """Undo the last action of this person in triage, or the one that is named."""
    user = _staff(request)
    try:
        chosen = UUID(request.POST["action"]) if request.POST.get("action") else None
        action = acting.undo(user, chosen)
        last = acting.last_undoable(user)
    except ValueError:
        return _refused(HTTPStatus.BAD_REQUEST, "action: Expected a UUID.")
    except ReportsError as error:
        return _refusal(error)
    return JsonResponse(_as_json(action) | {"last": _as_json(last) if last else None})


def _chosen(request: HttpRequest, user: User) -> ReportQuerySet:
    """Return the reports of the line: the queue, or the list of reports by these parameters."""
    if not request.GET:
        return queue.waiting(user)
    return queue.filtered(request)


def _staff(request: HttpRequest) -> User:
    """Return the member of staff who sent the request, if they work on reports.

    Raises:
        PermissionDenied: they work in no department.
    """
    user = cast("User", request.user)
    if not admin.site.get_model_admin(Report).has_view_permission(request):
        raise PermissionDenied
    return user


def _require_own(user: User, report_id: UUID) -> None:
    if not Report.objects.for_staff(user).filter(pk=report_id).exists():
        raise Http404


def _card(user: User, report_id: UUID) -> Card | None:
    report = reports_for_card(user).filter(pk=report_id).first()
    return Card(report, user) if report else None


def _as_json(action: TriageAction) -> dict[str, Any]:
    return {
        "action": action.pk,
        "report": action.report_id,
        "label": action.label,
        "is_decided": action.is_decided,
        "can_be_undone": action.can_be_undone,
    }


def _name(user: User) -> str:
    return user.name or str(user)


def _refusal(error: ReportsError) -> HttpResponse:
    """Return why an action was refused, with the status that says of which kind it is."""
    match error:
        case NotYours():
            return _refused(HTTPStatus.NOT_FOUND, str(error))
        case ReportChanged():
            return _refused(HTTPStatus.PRECONDITION_FAILED, _story(error))
        case StatusChangedMeanwhile():
            return _refused(HTTPStatus.PRECONDITION_FAILED, str(error))
        case StepForbidden():
            return _refused(HTTPStatus.FORBIDDEN, str(error))
        case StepIncomplete():
            return _refused(HTTPStatus.BAD_REQUEST, str(error), faults=error.faults)
    return _refused(HTTPStatus.CONFLICT, str(error))


def _story(error: ReportChanged) -> str:
    """Return what has changed since the report was read, by whom and when."""
    parts = [_("Somebody changed this report meanwhile.")]
    for change in error.changes:
        at = date_format(timezone.localtime(change.at), "H:i:s")
        who = _name(change.by) if change.by else _("the system")
        parts.append(f"{at} {who}: {change.get_to_status_display()}. {change.note}".strip())
    return " ".join(parts)


def _refused(status: int, message: str, **more: Any) -> HttpResponse:
    return JsonResponse({"message": message, **more}, status=status)
