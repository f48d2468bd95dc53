"""The REST API of a citizen's own profile."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from jobs.http.idempotency import idempotent
from matching.profiles import editing
from matching.profiles.serializers import ProfileSerializer
from matching.runs.serializers import StartedRunSerializer
from matching.runs.views import accepted
from matching.schema import TOO_MANY_REQUESTS


class ProfileView(APIView):
    """Read or replace one's own profile."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="profiles_me_retrieve", responses=ProfileSerializer, tags=["profile"]
    )
    def get(self, request: Request) -> Response:
        """Read your profile.

        It is empty until you write it.
        """
        return Response(ProfileSerializer(editing.profile_of(cast("User", request.user))).data)

    @extend_schema(
        operation_id="profiles_me_update",
        request=ProfileSerializer,
        responses={200: ProfileSerializer, 429: TOO_MANY_REQUESTS},
        tags=["profile"],
    )
    def put(self, request: Request) -> Response:
        """Replace your profile.

        A field that the body leaves out becomes empty, except `wants_match_notices`. Your matches
        are computed anew a short time after your last change.
        """
        serializer = ProfileSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        profile = editing.edit(cast("User", request.user), serializer.validated_data)
        return Response(ProfileSerializer(profile).data)


class OnboardingView(APIView):
    """Confirm one's own profile at the end of onboarding."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="onboarding_confirm",
        request=ProfileSerializer,
        responses={202: StartedRunSerializer, 429: TOO_MANY_REQUESTS},
        tags=["profile"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Confirm your profile and compute your matches.

        The body may hold last changes. A match run starts at once; follow it at the address in
        `Location`.
        """
        serializer = ProfileSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return accepted(
            editing.confirm_onboarding(cast("User", request.user), serializer.validated_data)
        )
