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
from matching.runs.views import accepted
from matching.serializers import (
    ProfileSerializer,
    StartedRunSerializer,
)
from matching.throttling import (
    ProfileEditThrottle,
    RunThrottle,
)


class ProfileView(APIView):
    """One's own profile."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (ProfileEditThrottle,)

    @extend_schema(
        operation_id="profiles_me_retrieve", responses=ProfileSerializer, tags=["matching"]
    )
    def get(self, request: Request) -> Response:
        """Read your profile; it is empty until you write it."""
        return Response(ProfileSerializer(editing.profile_of(cast("User", request.user))).data)

    @extend_schema(
        operation_id="profiles_me_update",
        request=ProfileSerializer,
        responses=ProfileSerializer,
        tags=["matching"],
    )
    def put(self, request: Request) -> Response:
        """Replace your profile. Your matches follow once you have stopped changing it."""
        taken = ProfileSerializer(data=request.data)
        taken.is_valid(raise_exception=True)
        return Response(
            ProfileSerializer(editing.edit(cast("User", request.user), taken.validated_data)).data
        )


class OnboardingView(APIView):
    """The end of onboarding."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (RunThrottle,)

    @extend_schema(
        operation_id="onboarding_confirm",
        request=ProfileSerializer,
        responses={202: StartedRunSerializer},
        tags=["matching"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Confirm your profile, with any last changes in the body; a match run starts at once."""
        taken = ProfileSerializer(data=request.data, partial=True)
        taken.is_valid(raise_exception=True)
        return accepted(
            editing.confirm_onboarding(cast("User", request.user), taken.validated_data)
        )
