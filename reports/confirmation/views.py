"""The REST API of confirmations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from jobs.http.idempotency import hands_on_its_key, idempotent
from jobs.http.multipart import OneFileParser
from reports.confirmation import answering, neighbours, tokens
from reports.confirmation.answering import Answer
from reports.confirmation.serializers import (
    ConfirmationSerializer,
    RepairAnswerSerializer,
    RepairAnswerWithPhotoSerializer,
)
from reports.confirmation.tokens import Resolution
from reports.errors import LinkInvalid, NotConcerned, NothingToConfirm
from reports.models import ConfirmedBy, PhotoFile, Report
from reports.photos import receiving
from reports.photos.views import UploadThrottle
from reports.tracking import TOKEN_PARAMETERS, tracking_token_of


class ConfirmationView(GenericAPIView[Any]):
    """Say whether the problem of a resolved report is repaired."""

    permission_classes = (AllowAny,)
    parser_classes = (*GenericAPIView.parser_classes, OneFileParser)
    throttle_classes = (UploadThrottle,)
    serializer_class = RepairAnswerSerializer

    @extend_schema(
        operation_id="reports_confirm",
        request={
            "application/json": RepairAnswerSerializer,
            "multipart/form-data": RepairAnswerWithPhotoSerializer,
        },
        parameters=TOKEN_PARAMETERS,
        responses={
            200: ConfirmationSerializer,
            403: OpenApiResponse(
                description="You neither reported it nor are near, or only its reporter may say no."
            ),
            409: OpenApiResponse(
                description="The report is not resolved, or the time for answers has passed."
            ),
            413: OpenApiResponse(description="The photo is larger than 20 MB, or the limit here."),
        },
        tags=["reports"],
    )
    @hands_on_its_key
    def post(self, request: Request, pk: str) -> HttpResponseBase:
        """Say whether a problem is repaired.

        Once a report is resolved its reporter is asked, and has a window of time to answer: signed
        in, with the tracking token, or with the `token` of the link in the message. "Yes" closes
        the report as a confirmed repair, "no" opens it again; a photo of what is still wrong can
        come with "no", in `multipart/form-data`. A second same answer changes nothing.

        A signed-in neighbour can confirm too: whoever said "me too", or is within 200 m
        (`latitude`, `longitude`).
        """
        serializer = RepairAnswerWithPhotoSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        is_by_link = "token" in sent
        respondent = (
            _by_link(sent["token"], pk) if is_by_link else _by_role(request, pk, serializer)
        )
        if "photo" not in sent:
            return self._answer(request, respondent, sent)
        receiving.check(sent["photo"])
        with receiving.stored(sent["photo"]) as photo:
            return self._answer(request, respondent, sent, photo)

    @idempotent
    def _answer(
        self,
        request: Request,
        respondent: Respondent,
        sent: dict[str, Any],
        photo: PhotoFile | None = None,
    ) -> Response:
        resolution = respondent.resolution or answering.resolution_of(
            cast("Report", respondent.report)
        )
        if resolution is None:
            raise NothingToConfirm
        given = Answer(
            is_fixed=sent["is_fixed"],
            source=respondent.source,
            by=request.user if isinstance(request.user, User) else None,
            note=sent["note"],
            photo=photo,
        )
        return Response(ConfirmationSerializer(answering.answer(resolution, given)).data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Respondent:
    """Who answers, and about what: the resolution of a link, or the present one of a report."""

    source: str
    resolution: Resolution | None = None
    report: Report | None = None


def _by_link(token: str, report_id: str) -> Respondent:
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
    return Respondent(source=ConfirmedBy.REPORTER, resolution=resolution)


def _by_role(request: Request, report_id: str, serializer: RepairAnswerSerializer) -> Respondent:
    """Return the report, and as what the sender may answer.

    Raises:
        NotAuthenticated: nobody is signed in, and no token was sent.
        NotConcerned: the sender may not answer, or not in this way.
    """
    token = tracking_token_of(request)
    report = get_object_or_404(
        Report.objects.visible_to(request.user, tracking_token=token), pk=report_id
    )
    source: str = ConfirmedBy.REPORTER
    if not report.is_own(request.user, tracking_token=token):
        if not isinstance(request.user, User):
            raise NotAuthenticated
        if not serializer.validated_data["is_fixed"]:
            raise NotConcerned("Only its reporter may say that the problem is not repaired.")
        if not neighbours.is_neighbour(request.user, report, serializer.position()):
            raise NotConcerned
        source = ConfirmedBy.NEIGHBOUR
    return Respondent(source=source, report=report)
