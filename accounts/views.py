"""Signing in, sessions and one's own profile over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import email_verification, origins, phone_change, sessions, signin, totp
from accounts.models import Session, User
from accounts.serializers import (
    ChangePhoneSerializer,
    CodeSerializer,
    IssuedSerializer,
    NewPhoneSerializer,
    RefreshSerializer,
    RequestOtpSerializer,
    SecondFactorSerializer,
    SessionSerializer,
    SignedInSerializer,
    TokensSerializer,
    UserSerializer,
    VerifyOtpSerializer,
)
from accounts.signin import SignedIn


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
        return Response(_signed_in(signed_in))


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


class SecondFactorView(SignedInView):
    @extend_schema(tags=["auth"], request=SecondFactorSerializer, responses=SessionSerializer)
    def post(self, request: Request) -> Response:
        """Prove the second factor of staff with a code of their authenticator.

        The session of the access token has staff rights from then on, for as long as
        `STAFF_SECOND_FACTOR_HOURS` says; without it a member of staff has a citizen's.
        """
        data = _validated(SecondFactorSerializer, request)
        if not isinstance(request.auth, Session):
            raise PermissionDenied("A session of the desk proves the second factor when it begins.")
        session = totp.step_up(request.auth, **data)
        return Response(SessionSerializer(session, context={"request": request}).data)


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
        user = User.objects.get(pk=_user(request).pk)  # with the rights that a token may lack
        serializer = UserSerializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)


class RequestPhoneCodeView(SignedInView):
    @extend_schema(tags=["users"], request=NewPhoneSerializer, responses={202: IssuedSerializer})
    def post(self, request: Request) -> Response:
        """Send a one-time code to the number that the account shall have."""
        data = _validated(NewPhoneSerializer, request)
        issued = phone_change.request_code(**data, origin=origins.of_request(request))
        return Response(IssuedSerializer(issued).data, status=status.HTTP_202_ACCEPTED)


class ChangePhoneView(SignedInView):
    @extend_schema(tags=["users"], request=ChangePhoneSerializer, responses=SignedInSerializer)
    def post(self, request: Request) -> Response:
        """Change the account's phone number with the code that the new number received.

        Every session ends, this one goes on with the tokens of the answer, and the old number is
        informed. 409 where another account has the number.
        """
        data = _validated(ChangePhoneSerializer, request)
        origin = origins.of_request(request)
        return Response(_signed_in(phone_change.change_own(_user(request), **data, origin=origin)))


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


def _signed_in(signed_in: SignedIn) -> dict[str, Any]:
    answer = {**asdict(signed_in.tokens), "device_token": signed_in.device_token}
    return dict(SignedInSerializer({**answer, "user": signed_in.user}).data)


def _validated(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - IsAuthenticated saw to it
    return request.user
