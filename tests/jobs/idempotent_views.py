"""A creating view for the tests of the Idempotency-Key; it creates rows of the limiter, one a
title.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.urls import path
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from uuid_utils.compat import uuid7

from jobs.http.idempotency import idempotent
from jobs.models import RateLimit

#: What a test wants to happen in the handler after the row is made.
during: dict[str, Callable[[], None]] = {}


def make_thing(title: str) -> str:
    thing = f"{title} {uuid7()}"
    RateLimit.objects.create(key=thing, hits=1, window_ends_at=Now() + timedelta(hours=1))
    return thing


class ThingView(APIView):
    permission_classes = (AllowAny,)

    @idempotent
    def post(self, request: Request) -> Response:
        title = request.data["title"]
        thing = make_thing(title)
        during.get(title, lambda: None)()
        return Response(
            {"thing": thing, "text": "é"}, status=201, headers={"Location": f"/things/{thing}"}
        )


class AttemptView(APIView):
    """Its failed attempts count although the answer is 4xx."""

    permission_classes = (AllowAny,)

    @idempotent
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            make_thing("attempt")
        raise exceptions.ValidationError({"code": ["Wrong."]})


class BrokenView(APIView):
    permission_classes = (AllowAny,)

    @idempotent
    def post(self, request: Request) -> Response:
        make_thing("broken")
        raise exceptions.APIException


class EmptyView(APIView):
    permission_classes = (AllowAny,)

    @idempotent
    def post(self, request: Request) -> Response:
        make_thing("empty")
        return Response(status=204)


urlpatterns = [
    path("api/v1/things/", ThingView.as_view()),
    path("api/v1/attempts/", AttemptView.as_view()),
    path("api/v1/broken/", BrokenView.as_view()),
    path("api/v1/empty/", EmptyView.as_view()),
]
