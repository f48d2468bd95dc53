"""The REST API of confirmations."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from jobs.http.idempotency import idempotent
from reports.confirmation import answering, neighbours, tokens
from reports.confirmation.answering import Answer
from reports.confirmation.serializers import AnswerSerializer, ConfirmationSerializer
from reports.confirmation.tokens import Resolution
from reports.errors import LinkInvalid, NotConcerned, NothingToConfirm
from reports.models import ConfirmedBy, Report
from reports.tracking import TOKEN_PARAMETERS, tracking_token_of


class ConfirmationView(GenericAPIView[Any]):
    """Say whether the problem of a resolved report is repaired."""

    permission_classes = (AllowAny,)
    serializer_class = AnswerSerializer

    @extend_schema(
        operation_id="reports_confirm",
        request=AnswerSerializer,
        parameters=TOKEN_PARAMETERS,
        responses={
            200: ConfirmationSerializer,
            403: OpenApiResponse(
                description="You neither reported it nor are near, or only its reporter may say no."
            ),
            409: OpenApiResponse(
                description="The report is not resolved, or the time for answers has passed."
            ),
        },
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Say whether a problem is repaired.

        Once a report is resolved its reporter is asked, and has a window of time to answer: signed
        in, with the tracking token, or with the `token` of the link in the message. "Yes" closes
        the report as a confirmed repair, "no" opens it again. A second same answer changes nothing.

        A signed-in neighbour can confirm too: whoever said "me too", or is within 200 m
        (`latitude`, `longitude`).
        """
        serializer = AnswerSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        source: str = ConfirmedBy.REPORTER
        if "token" in sent:
            resolution = _by_link(sent["token"], pk)
        else:
            resolution, source = _by_role(request, pk, serializer)
        given = Answer(
            is_fixed=sent["is_fixed"],
            source=source,
            by=request.user if isinstance(request.user, User) else None,
            note=sent["note"],
        )
        return Response(ConfirmationSerializer(answering.answer(resolution, given)).data)


def _by_link(token: str, report_id: str) -> Resolution:
    """Return the resolution that the token of a link names, if it is one of this report.

    Raises:
        NotFound: it is not.
    """
    try:
        resolution = tokens.read(token)
    except LinkInvalid as error:
        raise NotFound(str(error)) from error
    if str(resolution.report_id) != str(report_id):
        raise NotFound(str(LinkInvalid()))
    return resolution


def _by_role(
    request: Request, report_id: str, serializer: AnswerSerializer
) -> tuple[Resolution, str]:
    """Return the report's resolution, and as what the sender may answer.

    Raises:
        NotAuthenticated: nobody is signed in, and no token was sent.
        NotConcerned: the sender may not answer, or not in this way.
        NothingToConfirm: the report is not resolved.
    """
    token = tracking_token_of(request)
    report = get_object_or_404(
        Report.objects.visible_to(request.user, tracking_token=token), pk=report_id
    )
    source = ConfirmedBy.REPORTER
    if not report.is_own(request.user, tracking_token=token):
        if not isinstance(request.user, User):
            raise NotAuthenticated
        if not serializer.validated_data["is_fixed"]:
            raise NotConcerned("Only its reporter may say that the problem is not repaired.")
        if not neighbours.is_neighbour(request.user, report, serializer.position()):
            raise NotConcerned
        source = ConfirmedBy.NEIGHBOUR
    resolution = answering.resolution_of(report)
    if resolution is None:
        raise NothingToConfirm
    return resolution, source
