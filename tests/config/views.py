"""Views that fail in every way, for the tests of what surrounds a view."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.urls import include, path
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import AccessInvalid, OtpInvalid, TooManyCodes
from config.urls import urlpatterns as product_urls
from jobs.http.views import PublicView
from reports.errors import ReportsError, StatusChangedMeanwhile


class _Point(serializers.Serializer[Any]):
    latitude = serializers.FloatField(min_value=-90, max_value=90)


class _Body(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=20)
    place = _Point(required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=3), required=False)


class UnlistedReportsError(ReportsError):
    """A new kind of refusal."""


ERRORS: dict[str, Exception] = {
    "validation": exceptions.ValidationError({"bbox": ["Four numbers are required."]}),
    "permission": PermissionDenied(),
    "suspicious": SuspiciousOperation("secret path /etc/passwd"),
    "throttled": exceptions.Throttled(wait=30),
    "unavailable": exceptions.APIException("secret"),
    "otp": OtpInvalid(),
    "codes": TooManyCodes(17),
    "access": AccessInvalid(),
    "meanwhile": StatusChangedMeanwhile(),
    "unlisted": UnlistedReportsError(),
    "database": OperationalError("secret host"),
    "crash": RuntimeError("secret of the database"),
}


class FailView(PublicView):
    def get(self, request: Request, kind: str) -> Response:
        raise ERRORS[kind]


class EchoView(PublicView):
    def post(self, request: Request) -> Response:
        body = _Body(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(body.data, status=201)


class RawView(PublicView):
    def post(self, request: Request) -> Response:
        return Response(request.data)


class RoomyView(RawView):
    json_max_bytes = 600_000


class SlowlyFailingView(PublicView):
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")
        return Response()


class PrivateView(APIView):
    def get(self, request: Request) -> Response:
        return Response({"hello": "you"})


urlpatterns = [
    path("api/v1/test/", include([
        path("fail/<slug:kind>/", FailView.as_view()),
        path("echo/", EchoView.as_view()),
        path("bare", EchoView.as_view()),
        path("raw/", RawView.as_view()),
        path("roomy/", RoomyView.as_view()),
        path("database/", SlowlyFailingView.as_view()),
        path("private/", PrivateView.as_view()),
    ])),
    *product_urls,
]  # fmt: skip
