"""The REST API of match runs: start one, follow it, read its matches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import http_date
from drf_spectacular.utils import OpenApiResponse, extend_schema
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
from matching.models import MatchRun, Opportunity
from matching.runs import starting
from matching.runs.serializers import (
    RUN_PAGE_SIZE_MAX,
    FoundMatchSerializer,
    LegacyAnswerSerializer,
    NothingSerializer,
    RunPageSerializer,
    RunRequestSerializer,
    RunStatusSerializer,
    StartedRunSerializer,
    WaitQuerySerializer,
)
from matching.schema import TOO_MANY_REQUESTS

#: When the old synchronous address was deprecated, and when it will be removed.
LEGACY_DEPRECATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
LEGACY_SUNSET_AT = datetime(2027, 12, 31, tzinfo=UTC)


class RunStartingView(APIView):
    """Start a match run for a signed-in citizen, within the hourly limit."""

    permission_classes = (IsAuthenticated,)

    @idempotent
    def started(self, request: Request, serializer: RunRequestSerializer) -> Response:
        """Start the run that the validated serializer describes; return the answer 202.

        The run exists for others once the transaction of this method has ended, so wait for its end
        only after the call.
        """
        fields = serializer.validated_data
        run = starting.start(
            cast("User", request.user),
            starting.RunRequest(
                keywords=fields["keywords"],
                filters=serializer.filters_json(),
                limit=fields["limit"],
                wants_notice=fields["notify"],
            ),
        )
        return accepted(run)


class MatchRunView(RunStartingView):
    """Start a match run, and wait for its end if the client asks for that."""

    @extend_schema(
        operation_id="match_runs_create",
        parameters=[WaitQuerySerializer],
        request=RunRequestSerializer,
        responses={
            200: OpenApiResponse(
                RunStatusSerializer, description="With `wait`: the run, which has ended."
            ),
            202: OpenApiResponse(StartedRunSerializer, description="The run goes on."),
            429: TOO_MANY_REQUESTS,
        },
        tags=["matches"],
    )
    @hands_on_its_key
    def post(self, request: Request) -> HttpResponse:
        """Start a match run.

        It looks for opportunities that suit your profile and the wishes in the body. The answer
        comes at once; `Location` holds the address to follow the run. With `wait` the answer comes
        when the run has ended, with its matches, or after a bounded time without them.
        """
        serializer = _run_request(request)
        query = WaitQuerySerializer.read(request)
        if task_id := waiting.awaited(request):
            return Response(_status(_own(request, task_id), request))
        answer = self.started(request, serializer)
        if answer.status_code != 202 or not (serializer.validated_data["wait"] or query["wait"]):
            return answer
        run = _run_of(answer, request)
        if waiting.answer_later(request, cast("UUID", run.task_id), settings.MATCHING_WAIT_SECONDS):
            return answer
        return Response(_status(run, request))


class CalculateView(APIView):
    """Compute one's saved matches anew."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="matches_calculate",
        request=NothingSerializer,
        responses={202: StartedRunSerializer, 429: TOO_MANY_REQUESTS},
        tags=["matches"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Compute your saved matches anew.

        Starts a match run with your profile as it is; the body is empty. While such a run of yours
        waits already, the answer names that one.
        """
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return accepted(
            starting.start(cast("User", request.user), starting.RunRequest(is_saved=True))
        )


class MatchRunStatusView(APIView):
    """Read or cancel one's own match run."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="match_runs_status",
        parameters=[RunPageSerializer],
        responses=RunStatusSerializer,
        tags=["matches"],
    )
    def get(self, request: Request, task_id: UUID) -> Response:
        """Read a match run and its matches.

        `status` and `progress` say how far it is. Once it is completed, `result` holds a page of
        its matches, best first, and `next` the address of the next page.
        """
        return Response(_status(_own(request, task_id), request))

    @extend_schema(
        operation_id="match_runs_cancel", responses={200: RunStatusSerializer}, tags=["matches"]
    )
    def delete(self, request: Request, task_id: UUID) -> Response:
        """Cancel a match run.

        A run that has ended stays as it is; the answer shows it.
        """
        run = _own(request, task_id)
        actions.cancel([task_id], by=cast("UUID", request.user.pk))
        return Response(_status(run, request))


class LegacyMatchView(RunStartingView):
    """Answer at the deprecated address; each answer says when the address will be removed."""

    @extend_schema(
        operation_id="match_runs_legacy",
        request=RunRequestSerializer,
        responses={
            200: LegacyAnswerSerializer,
            202: OpenApiResponse(
                StartedRunSerializer, description="The run takes longer, or it was cancelled."
            ),
            429: TOO_MANY_REQUESTS,
        },
        deprecated=True,
        tags=["matches"],
    )
    @hands_on_its_key
    def post(self, request: Request) -> HttpResponse:
        """Find matches and wait for them (deprecated).

        Use `POST /api/v1/jobs/match/` instead; the header `Sunset` says when this address will be
        removed.
        """
        if task_id := waiting.awaited(request):
            return _legacy_answer(_own(request, task_id))
        answer = self.started(request, _run_request(request))
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


def _run_request(request: Request) -> RunRequestSerializer:
    """Return the serializer of the body, validated."""
    serializer = RunRequestSerializer(data=request.data, context={"user": request.user})
    serializer.is_valid(raise_exception=True)
    return serializer


def _run_of(answer: HttpResponse, request: Request) -> MatchRun:
    """Return the run named by an answer of `started`; the answer may be a stored one."""
    body = answer.data if isinstance(answer, Response) else json.loads(answer.content)
    return _own(request, body["task_id"])


def _legacy_answer(run: MatchRun) -> Response:
    """Return the matches of a run, or 202 with its task while there are none.

    Raises:
        APIException: the run failed.
    """
    if starting.status_of(run, starting.task_of(run)) == "failed":
        raise exceptions.APIException("The matches could not be found.")
    if run.matches is None:
        return accepted(run)
    matches = _page(run, 0, RUN_PAGE_SIZE_MAX)[0]
    return Response({"matches": matches, "total": len(matches)})


def accepted(run: MatchRun) -> Response:
    """Return the answer to the start of a run: its id, and the address to follow it."""
    answer = StartedRunSerializer(
        {"task_id": run.task_id, "status": "pending", "created_at": run.created_at}
    ).data
    return Response(answer, status=202, headers={"Location": run_path(run), "Retry-After": "1"})


def _own(request: Request, task_id: UUID | str) -> MatchRun:
    return get_object_or_404(MatchRun, task_id=task_id, user=cast("User", request.user))


def _status(run: MatchRun, request: Request) -> dict[str, Any]:
    """Return the state of a run and a page of its matches, as the API answers them.

    The task is read before the matches: a run whose task has succeeded has its matches stored.
    """
    page = RunPageSerializer.read(request)
    task = starting.task_of(run)
    status = starting.status_of(run, task)
    if status == "completed" and run.matches is None:
        run.refresh_from_db()
    matches, next_link = _asked_page(run, page, request) if status == "completed" else (None, None)
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


def _asked_page(
    run: MatchRun, page: dict[str, int], request: Request
) -> tuple[list[Any], str | None]:
    after, size = page["after"], page["page_size"]
    matches, has_more = _page(run, after, size)
    if not has_more:
        return matches, None
    address = replace_query_param(request.build_absolute_uri(run_path(run)), "after", after + size)
    return matches, replace_query_param(address, "page_size", size)


def run_path(run: MatchRun) -> str:
    """Return the path at which the run is read."""
    return f"/api/v1/jobs/match/status/{run.task_id}/"


def _page(run: MatchRun, after: int, size: int) -> tuple[list[Any], bool]:
    """Return the next `size` matches after the first `after`, and whether there are more.

    Opportunities that closed since the run are left out, so a page may be shorter than `size`.
    """
    stored = run.matches or []
    page = stored[after : after + size]
    opportunities = _open_opportunities([UUID(match["opportunity_id"]) for match in page])
    shown = [
        {
            "score": match["score"],
            "reasons": match["reasons"],
            "opportunity": opportunities[UUID(match["opportunity_id"])],
        }
        for match in page
        if UUID(match["opportunity_id"]) in opportunities
    ]
    return list(FoundMatchSerializer(shown, many=True).data), after + size < len(stored)


def _open_opportunities(ids: list[UUID]) -> dict[UUID, Opportunity]:
    """Return those of the opportunities that exist and are open, by id."""
    today = timezone.localdate()
    return Opportunity.objects.open_on(today).defer("search").in_bulk(ids)
