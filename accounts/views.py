"""Signing in, sessions and one's own profile over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import email_verification, origins, sessions, signin
from accounts.models import Session, User
from accounts.serializers import (
    CodeSerializer,
    IssuedSerializer,
    RefreshSerializer,
    RequestOtpSerializer,
    SessionSerializer,
    SignedInSerializer,
    TokensSerializer,
    UserSerializer,
    VerifyOtpSerializer,
)


class PublicView(APIView):
    """Open to all; a stale access token in the header does no harm."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class SignedInView(APIView):
    """For a signed-in user."""

    permission_classes = (IsAuthenticated,)


class RequestOtpView(PublicView):
    @extend_schema(tags=["auth"], request=RequestOtpSerializer, responses={202: IssuedSerializer})
    def post(self, request: Request) -> Response:
        """Send a one-time code to a phone; the answer is the same whether or not anybody uses the
        number.
        """
        data = _validated(RequestOtpSerializer, request)
        issued = signin.request_code(**data, origin=origins.of_request(request))
        return Response(IssuedSerializer(issued).data, status=status.HTTP_202_ACCEPTED)


class VerifyOtpView(PublicView):
    @extend_schema(tags=["auth"], request=VerifyOtpSerializer, responses=SignedInSerializer)
    def post(self, request: Request) -> Response:
        """Sign in with the code; the first sign-in makes the user.

        Wrong, expired, used and too often guessed codes all answer 400 `otp-invalid`.
        """
        data = _validated(VerifyOtpSerializer, request)
        signed_in = signin.sign_in(**data, origin=origins.of_request(request))
        answer = {
            **asdict(signed_in.tokens),
            "device_token": signed_in.device_token,
            "user": signed_in.user,
        }
        return Response(SignedInSerializer(answer).data)


class RefreshView(PublicView):
    @extend_schema(tags=["auth"], request=RefreshSerializer, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for new tokens; each is good once, and reuse ends the session."""
        pair = sessions.rotate(_validated(RefreshSerializer, request)["refresh"])
        return Response(TokensSerializer(asdict(pair)).data)


class LogoutView(PublicView):
    @extend_schema(
        tags=["auth"],
        request=RefreshSerializer,
        responses={204: OpenApiResponse(description="Ended.")},
    )
    def post(self, request: Request) -> Response:
        """End the session of a refresh token."""
        sessions.end(_validated(RefreshSerializer, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["auth"])
class SessionListView(generics.ListAPIView[Session]):
    """The sessions in which the user is signed in, newest first."""

    permission_classes = (IsAuthenticated,)
    serializer_class = SessionSerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Session]:
        if not isinstance(self.request.user, User):  # the schema generator asks as nobody
            return Session.objects.none()
        return self.request.user.sessions.filter(revoked_at=None, expires_at__gt=timezone.now())


class SessionView(SignedInView):
    @extend_schema(tags=["auth"], responses={204: OpenApiResponse(description="Ended.")})
    def delete(self, request: Request, session_id: UUID) -> Response:
        """End one of the user's sessions."""
        if not sessions.revoke_own(_user(request), session_id):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(SignedInView):
    @extend_schema(tags=["users"], responses=UserSerializer)
    def get(self, request: Request) -> Response:
        """The signed-in user."""
        return Response(UserSerializer(_user(request)).data)

    @extend_schema(tags=["users"], request=UserSerializer, responses=UserSerializer)
    def patch(self, request: Request) -> Response:
        """Change the profile; a changed email address has to be verified anew."""
        serializer = UserSerializer(_user(request), data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)


class RequestEmailCodeView(SignedInView):
    @extend_schema(tags=["users"], request=None, responses={202: IssuedSerializer})
    def post(self, request: Request) -> Response:
        """Send a one-time code to the user's unverified email address."""
        issued = email_verification.request_code(_user(request), origins.of_request(request))
        return Response(IssuedSerializer(issued).data, status=status.HTTP_202_ACCEPTED)


class VerifyEmailView(SignedInView):
    @extend_schema(tags=["users"], request=CodeSerializer, responses=UserSerializer)
    def post(self, request: Request) -> Response:
        """Verify the user's email address with the code."""
        data = _validated(CodeSerializer, request)
        user = email_verification.verify(_user(request), **data, origin=origins.of_request(request))
        return Response(UserSerializer(user).data)


def _validated(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - IsAuthenticated saw to it
    return request.user
