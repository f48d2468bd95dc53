"""The REST API of match runs: start one, follow it, read its matches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import http_date
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.models import User
from jobs.http import waiting
from jobs.http.idempotency import hands_on_its_key, idempotent
from jobs.models import Task
from jobs.operations import actions
from matching.models import MatchRun
from matching.runs import starting
from matching.serializers import (
    FoundMatchSerializer,
    LegacyAnswerSerializer,
    NothingSerializer,
    RunRequestSerializer,
    RunStatusSerializer,
    StartedRunSerializer,
    WaitQuerySerializer,
    given,
    opportunities_by_id,
)
from matching.throttling import RunThrottle

PAGE_SIZE, PAGE_SIZE_MAX = 100, 200
#: The old synchronous address goes on this day.
LEGACY_DEPRECATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
LEGACY_SUNSET_AT = datetime(2027, 12, 31, tzinfo=UTC)
PAGE_PARAMETERS = [
    OpenApiParameter("after", int, description="Matches after this place; taken from `next`."),
    OpenApiParameter("page_size", int, description=f"1 to {PAGE_SIZE_MAX}; more is taken as that."),
]


class RunStartingView(APIView):
    """What the addresses that start a run have in common."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (RunThrottle,)

    @idempotent
    def started(self, request: Request, wanted: RunRequestSerializer) -> Response:
        """The run `wanted` describes is there when this transaction has ended; only then can
        anybody wait for it.
        """
        fields = wanted.validated_data
        run = starting.start(
            cast("User", request.user),
            starting.RunRequest(
                keywords=fields["keywords"],
                filters=wanted.filters_json(),
                limit=fields["limit"],
                wants_notice=fields["notify"],
            ),
        )
        return accepted(run)


class MatchRunView(RunStartingView):
    """Where match runs start."""

    @extend_schema(
        operation_id="match_runs_create",
        parameters=[WaitQuerySerializer],
        request=RunRequestSerializer,
        responses={200: RunStatusSerializer, 202: StartedRunSerializer},
        tags=["matching"],
    )
    @hands_on_its_key
    def post(self, request: Request) -> HttpResponse:
        """Start a match run: 202 at once. With `wait` the answer is that of the status, once the
        run has ended.

        The wait is bounded: when its time is over the run goes on and the answer says how far it
        is.
        """
        wanted = _wanted(request)
        query = WaitQuerySerializer(data=given(request))
        query.is_valid(raise_exception=True)
        if task_id := waiting.awaited(request):
            return Response(_status(_own(request, task_id), request))
        answer = self.started(request, wanted)
        if answer.status_code != 202 or not (
            wanted.validated_data["wait"] or query.validated_data["wait"]
        ):
            return answer
        run = _run_of(answer, request)
        if waiting.answer_later(request, cast("UUID", run.task_id), settings.MATCHING_WAIT_SECONDS):
            return answer
        return Response(_status(run, request))


class CalculateView(APIView):
    """Finding one's saved matches anew."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (RunThrottle,)

    @extend_schema(
        operation_id="matches_calculate",
        request=NothingSerializer,
        responses={202: StartedRunSerializer},
        tags=["matching"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Find your saved matches anew, by your profile as it is; the body is empty.

        While such a run of yours waits, the answer tells of that one.
        """
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return accepted(
            starting.start(cast("User", request.user), starting.RunRequest(is_saved=True))
        )


class MatchRunStatusView(APIView):
    """One's own match run."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="match_runs_status",
        parameters=PAGE_PARAMETERS,
        responses=RunStatusSerializer,
        tags=["matching"],
    )
    def get(self, request: Request, task_id: UUID) -> Response:
        """Read how far a run is; once completed, `result` holds its matches, best first, page by
        page.
        """
        return Response(_status(_own(request, task_id), request))

    @extend_schema(
        operation_id="match_runs_cancel", responses={200: RunStatusSerializer}, tags=["matching"]
    )
    def delete(self, request: Request, task_id: UUID) -> Response:
        """Cancel a run that has not ended."""
        run = _own(request, task_id)
        actions.cancel([task_id], by=cast("UUID", request.user.pk))
        return Response(_status(run, request))


class LegacyMatchView(RunStartingView):
    """The old synchronous address; every answer says when it goes."""

    @extend_schema(
        operation_id="match_runs_legacy",
        request=RunRequestSerializer,
        responses={200: LegacyAnswerSerializer, 202: StartedRunSerializer},
        deprecated=True,
        tags=["matching"],
    )
    @hands_on_its_key
    def post(self, request: Request) -> HttpResponse:
        """Find matches and answer with them. Deprecated: start a run and follow its status instead.

        The work is done by a worker even so. If it takes too long or is cancelled, the answer is
        202 with its task.
        """
        if task_id := waiting.awaited(request):
            return _legacy_answer(_own(request, task_id))
        answer = self.started(request, _wanted(request))
        if answer.status_code != 202:
            return answer
        run = _run_of(answer, request)
        if waiting.answer_later(request, cast("UUID", run.task_id), settings.MATCHING_WAIT_SECONDS):
            return answer
        run.refresh_from_db()
        return _legacy_answer(run)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["Deprecation"] = f"@{int(LEGACY_DEPRECATED_AT.timestamp())}"  # RFC 9745
        response["Sunset"] = http_date(LEGACY_SUNSET_AT.timestamp())  # RFC 8594
        response["Link"] = '</api/v1/jobs/match/>; rel="successor-version"'
        return super().finalize_response(request, response, *args, **kwargs)


def _wanted(request: Request) -> RunRequestSerializer:
    """The run that the body asks for, validated."""
    wanted = RunRequestSerializer(data=request.data, context={"user": request.user})
    wanted.is_valid(raise_exception=True)
    return wanted


def _run_of(answer: HttpResponse, request: Request) -> MatchRun:
    """The run that an answer of `started` tells of, be it a new or a repeated one."""
    told = answer.data if isinstance(answer, Response) else json.loads(answer.content)
    return _own(request, told["task_id"])


def _legacy_answer(run: MatchRun) -> Response:
    """The matches of a run that has ended, or 202 with its task; raises APIException where it failed."""
    if starting.status_of(run, starting.task_of(run)) == "failed":
        raise exceptions.APIException("The matches could not be found.")
    if run.matches is None:
        return accepted(run)
    matches = _page(run, 0, PAGE_SIZE_MAX)[0]
    return Response({"matches": matches, "total": len(matches)})


def accepted(run: MatchRun) -> Response:
    """Return the answer to whoever started a run: its number, and where to follow it."""
    answer = StartedRunSerializer(
        {"task_id": run.task_id, "status": "pending", "created_at": run.created_at}
    ).data
    return Response(answer, status=202, headers={"Location": run_path(run), "Retry-After": "1"})


def _own(request: Request, task_id: UUID | str) -> MatchRun:
    return get_object_or_404(MatchRun, task_id=task_id, user=cast("User", request.user))


def _status(run: MatchRun, request: Request) -> dict[str, Any]:
    """The status of a run in the API's words; the task is read before the matches, so that they
    belong together.
    """
    task = starting.task_of(run)
    status = starting.status_of(run, task)
    if status == "completed" and run.matches is None:
        run.refresh_from_db()
    matches, next_link = _asked_page(run, request) if status == "completed" else (None, None)
    return {
        "task_id": str(run.task_id),
        "status": status,
        "progress": _progress(status, task),
        "result": matches,
        "next": next_link,
        "error": "The matches could not be found; start another run."
        if status == "failed"
        else None,
        "created_at": run.created_at,
        "updated_at": _updated_at(run, task),
    }


def _progress(status: str, task: Task | None) -> float:
    if status == "completed":
        return 1.0
    return float((task.progress or {}).get("fraction", 0.0)) if task else 0.0


def _updated_at(run: MatchRun, task: Task | None) -> datetime:
    times = [run.updated_at] + ([task.started_at, task.finished_at] if task else [])
    return max(time for time in times if time is not None)


def _asked_page(run: MatchRun, request: Request) -> tuple[list[Any], str | None]:
    after = _whole_number(request, "after", 0, least=0, most=1_000_000)
    size = _whole_number(request, "page_size", PAGE_SIZE, least=1, most=PAGE_SIZE_MAX)
    matches, has_more = _page(run, after, size)
    if not has_more:
        return matches, None
    address = replace_query_param(request.build_absolute_uri(run_path(run)), "after", after + size)
    return matches, replace_query_param(address, "page_size", size)


def run_path(run: MatchRun) -> str:
    """Where the run's status is."""
    return f"/api/v1/jobs/match/status/{run.task_id}/"


def _whole_number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """What the query says; more than `most` is taken as that, as in every list."""
    text = request.query_params.get(name)
    if text is None:
        return default
    digits = text.lstrip("0")[:9] or "0"
    if not (text.isascii() and text.isdigit()) or int(digits) < least:
        raise exceptions.ValidationError(
            {name: [f"A whole number of at least {least} is required."]}
        )
    return min(int(digits), most)


def _page(run: MatchRun, after: int, size: int) -> tuple[list[Any], bool]:
    """The matches at places after `after`, and whether there are more; what closed meanwhile is
    left out.
    """
    found = run.matches or []
    page = found[after : after + size]
    opportunities = opportunities_by_id([UUID(one["opportunity_id"]) for one in page])
    shown = [
        {
            "score": one["score"],
            "reasons": one["reasons"],
            "opportunity": opportunities[UUID(one["opportunity_id"])],
        }
        for one in page
        if UUID(one["opportunity_id"]) in opportunities
    ]
    return list(FoundMatchSerializer(shown, many=True).data), after + size < len(found)
