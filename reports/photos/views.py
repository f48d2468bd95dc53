"""The REST API of photos."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import origins
from accounts.models import User
from jobs.http.idempotency import hands_on_its_key, idempotent
from jobs.http.multipart import OneFileParser
from jobs.http.throttling import LimitThrottle
from reports.imaging import files
from reports.models import Photo, PhotoFile, PhotoKind, Report
from reports.photos import moderating, receiving
from reports.photos.serializers import (
    NewPhotoSerializer,
    PhotoDetailSerializer,
    TakedownSerializer,
    detailed,
)
from reports.tracking import TOKEN_PARAMETERS, tracking_token_of

#: How long a cache that many share may show a photo that was taken down meanwhile.
SHARED_CACHE_SECONDS = 600
NO_SENDER = "Sign in, or send the tracking token of the report."


class Reader(NamedTuple):
    """What a person is to a report."""

    is_staff: bool
    is_sender: bool

    @classmethod
    def of(cls, request: Request, report: Report) -> Reader:
        """Return what the sender of this request is to the report."""
        user = request.user
        is_sender = report.is_own(user, tracking_token=tracking_token_of(request))
        is_staff = isinstance(user, User) and report.may_be_changed_by(user)
        return cls(is_staff=is_staff, is_sender=is_sender)


class UploadThrottle(LimitThrottle):
    """So many photos from one citizen, or one address, in an hour."""

    def key(self, request: Request, view: APIView) -> str | None:
        """Return the key of the sender; None for staff, and for a request without a file."""
        user = request.user
        has_file = request.method == "POST" and "multipart/" in (request.content_type or "")
        if not has_file or (isinstance(user, User) and user.is_staff):
            return None
        sender = user.pk if isinstance(user, User) else origins.of_request(request).host
        rule = receiving.limit_of(sender)
        self.limit, self.period = rule.limit, rule.period
        return rule.key


class ReportPhotosView(GenericAPIView[Photo]):
    """The photos of a report: list them, add one."""

    permission_classes = (AllowAny,)
    parser_classes = (OneFileParser,)
    throttle_classes = (UploadThrottle,)
    serializer_class = PhotoDetailSerializer
    pagination_class = None

    @extend_schema(
        operation_id="reports_photos",
        parameters=TOKEN_PARAMETERS,
        responses={200: PhotoDetailSerializer(many=True)},
        tags=["photos"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """List the photos of a report.

        The earliest first. The report's sender and staff also see those that are being processed,
        were refused or were taken down.
        """
        report = _report(request, pk)
        reader = Reader.of(request, report)
        return Response(detailed(report.photos.all(), **reader._asdict()))

    @extend_schema(
        operation_id="reports_add_photo",
        parameters=TOKEN_PARAMETERS,
        request={"multipart/form-data": NewPhotoSerializer},
        responses={
            202: PhotoDetailSerializer,
            400: OpenApiResponse(description="The file is empty or no photo."),
            403: OpenApiResponse(description="You neither sent the report nor work on it."),
            409: OpenApiResponse(description="The report has as many photos as it may have."),
            413: OpenApiResponse(description="The photo is larger than 20 MB, or the limit here."),
        },
        tags=["photos"],
    )
    @hands_on_its_key
    def post(self, request: Request, pk: str) -> HttpResponseBase:
        """Add a photo to a report.

        For whoever sent the report (signed in, or with the tracking token) and for staff. It is
        taken at once and processed within seconds: read its `state` at the address in `Location`.
        Everything but the picture is removed from it: the camera's notes, its position above all.
        They are offered as `taken_at` and `suggested_place` to the report's sender and staff.
        """
        report = _report(request, pk)
        reader = Reader.of(request, report)
        if not any(reader):
            raise _refusal(request)
        body = NewPhotoSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["kind"] == PhotoKind.REPAIR and not reader.is_staff:
            raise PermissionDenied("Only staff of the report's department add photos of a repair.")
        upload: UploadedFile = body.validated_data["photo"]
        receiving.check(upload)
        with receiving.stored(upload) as original:
            return self._accept(request, report, original, body.validated_data["kind"])

    @idempotent
    def _accept(self, request: Request, report: Report, original: PhotoFile, kind: str) -> Response:
        sender = request.user if isinstance(request.user, User) else None
        photo = receiving.accept(original, report, kind=kind, by=sender)
        reader = Reader.of(request, report)
        [answer] = detailed([photo], **reader._asdict())
        where = reverse("photo-detail", args=[photo.pk])
        return Response(answer, status=202, headers={"Location": where})


class PhotoView(GenericAPIView[Photo]):
    """One photo, without its picture."""

    permission_classes = (AllowAny,)
    serializer_class = PhotoDetailSerializer

    @extend_schema(operation_id="photos_retrieve", parameters=TOKEN_PARAMETERS, tags=["photos"])
    def get(self, request: Request, pk: str) -> Response:
        """Read the state of a photo.

        `pending` until it is processed, then `ready` or `refused` with the reason.
        """
        photo = get_object_or_404(Photo.objects.select_related("report"), pk=pk)
        report = _report(request, photo.report_id)
        for answer in detailed([photo], **Reader.of(request, report)._asdict()):
            return Response(answer)
        raise Http404


class AnyFormatRenderer(JSONRenderer):
    """Answers errors in JSON also to whoever accepts nothing but pictures."""

    media_type = "*/*"


class PhotoFileView(APIView):
    """The picture of a photo in one size."""

    permission_classes = (AllowAny,)
    renderer_classes = (AnyFormatRenderer,)

    @extend_schema(
        operation_id="photos_picture",
        parameters=[
            *TOKEN_PARAMETERS,
            OpenApiParameter(
                "size", OpenApiTypes.STR, OpenApiParameter.PATH, enum=PhotoFile.SHOWN_SIZES
            ),
        ],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
        tags=["photos"],
    )
    def get(self, request: Request, pk: str, size: str) -> HttpResponseBase:
        """Read the picture of a photo.

        Of a public report everybody may, and the picture never changes, so that it can be cached
        for long. Others are for the report's sender and staff, and ask to be checked again.
        """
        shown = Photo.objects.shown_to(
            request.user, tracking_token=tracking_token_of(request)
        ).select_related("report")
        photo = get_object_or_404(shown, pk=pk)
        file = get_object_or_404(photo.files, size=size)
        if size not in PhotoFile.SHOWN_SIZES:
            raise Http404
        answer = _picture(file)
        for name, text in _headers(photo, file).items():
            answer[name] = text
        return answer


class StaffPhotoView(GenericAPIView[Photo]):
    """What staff of a report's department do with its photos."""

    permission_classes = (IsAuthenticated,)

    def photo(self, request: Request, pk: str) -> Photo:
        """Return the photo. Raises Http404, and PermissionDenied for all but its staff."""
        photo = get_object_or_404(Photo.objects.select_related("report"), pk=pk)
        report = _report(request, photo.report_id)
        if not report.may_be_changed_by(cast("User", request.user)):
            raise PermissionDenied("Only staff of the report's department may do that.")
        return photo

    def answer(self, photo: Photo) -> Response:
        [answer] = detailed([photo], is_staff=True, is_sender=False)
        return Response(answer)


class TakeDownView(StaffPhotoView):
    """Taking a photo down."""

    serializer_class = TakedownSerializer

    @extend_schema(
        operation_id="photos_take_down",
        responses={
            200: PhotoDetailSerializer,
            409: OpenApiResponse(description="The photo is not ready."),
        },
        tags=["photos"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Take a photo down.

        For staff of the report's department, who alone see it from then on. It can be restored.
        """
        photo = self.photo(request, pk)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        moderating.take_down(
            photo, reason=body.validated_data["reason"], by=cast("User", request.user)
        )
        return self.answer(photo)


class RestoreView(StaffPhotoView):
    """Restoring a photo."""

    @extend_schema(
        operation_id="photos_restore",
        request=None,
        responses={
            200: PhotoDetailSerializer,
            409: OpenApiResponse(description="The photo was not taken down."),
        },
        tags=["photos"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Restore a photo that was taken down.

        For staff of the report's department. Everybody who may read the report sees it again.
        """
        photo = self.photo(request, pk)
        moderating.restore(photo, by=cast("User", request.user))
        return self.answer(photo)


def _report(request: Request, pk: Any) -> Report:
    """Return the report if this request may read it. Raises Http404."""
    readable = Report.objects.visible_to(request.user, tracking_token=tracking_token_of(request))
    return get_object_or_404(readable, pk=pk)


def _refusal(request: Request) -> Exception:
    if isinstance(request.user, User):
        return PermissionDenied("Only whoever sent the report, and staff, may add photos to it.")
    return NotAuthenticated(NO_SENDER)


def _picture(file: PhotoFile) -> HttpResponse:
    """Return the picture, or the order to the web server in front to send it."""
    if settings.PHOTO_ACCEL_PREFIX:
        name = f"{settings.PHOTO_ACCEL_PREFIX.rstrip('/')}/{file.name}"
        return HttpResponse(headers={"X-Accel-Redirect": name})
    try:
        with files.open_file(file.name) as content:
            return HttpResponse(content.read())
    except FileNotFoundError:
        raise Http404 from None


def _headers(photo: Photo, file: PhotoFile) -> dict[str, str]:
    if photo.report.published_at and photo.is_public:
        caching = (
            f"public, max-age={settings.PHOTO_CACHE_SECONDS},"
            f" s-maxage={SHARED_CACHE_SECONDS}, immutable"
        )
    else:
        caching = "private, no-cache"
    return {
        "Content-Type": "image/jpeg",
        "Content-Disposition": f'inline; filename="{photo.pk}-{file.size}.jpg"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": caching,
        "ETag": f'"{photo.pk}-{file.size}"',
    }
