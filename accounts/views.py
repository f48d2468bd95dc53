"""The REST API of sign-in, of sessions and of one's own account."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import (
    email_verification,
    fresh_proof,
    origins,
    phone_change,
    profile,
    sessions,
    signin,
    totp,
)
from accounts.models import DeskSession, Session, User
from accounts.otp import Issued
from accounts.serializers import (
    ChangePhoneSerializer,
    CodeSerializer,
    FreshProofSerializer,
    IssuedSerializer,
    NewPhoneSerializer,
    ProofChannelSerializer,
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
from jobs.http.views import PublicView

CODE_SENT = {
    202: OpenApiResponse(IssuedSerializer, description="The code will arrive within seconds."),
    400: OpenApiResponse(description="No code can be sent there; `detail` says why."),
    429: OpenApiResponse(
        description="Too many codes were asked for; wait for `Retry-After` seconds."
    ),
}
SESSION_ENDED = OpenApiResponse(description="The session has ended.")
TOO_MANY_GUESSES = OpenApiResponse(
    description="Too many wrong codes; wait for `Retry-After` seconds."
)
FRESH_PROOF_REQUIRED = OpenApiResponse(
    description="Confirm first that it is you: `POST /api/v1/auth/fresh-proof/`."
)
REFRESH_INVALID = OpenApiResponse(
    description="The refresh token is unknown, used or expired, or its session has ended."
)


class SignedInView(APIView):
    """Answer signed-in users only."""

    permission_classes = (IsAuthenticated,)


class RequestOtpView(PublicView):
    @extend_schema(tags=["auth"], request=RequestOtpSerializer, responses=CODE_SENT)
    def post(self, request: Request) -> Response:
        """Send a one-time code to a phone.

        The answer is the same whether or not an account has the number. Sign in with the code and
        the `challenge_id` of the answer.
        """
        data = _validated(RequestOtpSerializer, request)
        issued = signin.request_code(**data, origin=origins.of_request(request))
        return _code_sent(issued)


class VerifyOtpView(PublicView):
    @extend_schema(
        tags=["auth"],
        request=VerifyOtpSerializer,
        responses={
            200: SignedInSerializer,
            403: OpenApiResponse(description="The account is disabled."),
            429: TOO_MANY_GUESSES,
        },
    )
    def post(self, request: Request) -> Response:
        """Sign in with a one-time code.

        The answer holds an access token and a refresh token. The first sign-in with a number
        creates its account. A code that is wrong, expired, used or guessed too often answers 400
        with the type `otp-invalid`.
        """
        data = _validated(VerifyOtpSerializer, request)
        signed_in = signin.sign_in(**data, origin=origins.of_request(request))
        return Response(_signed_in(signed_in))


class RefreshView(PublicView):
    @extend_schema(
        tags=["auth"],
        request=RefreshSerializer,
        responses={200: TokensSerializer, 401: REFRESH_INVALID},
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for new tokens.

        A refresh token is good for one exchange: keep the one of the answer. A request repeated at
        once gets the same answer again; a token that is used later once more may have been stolen,
        and its session ends.
        """
        pair = sessions.rotate(_validated(RefreshSerializer, request)["refresh"])
        return Response(TokensSerializer(asdict(pair)).data)


class LogoutView(PublicView):
    @extend_schema(
        tags=["auth"],
        request=RefreshSerializer,
        responses={204: SESSION_ENDED},
    )
    def post(self, request: Request) -> Response:
        """Sign out.

        The session of the refresh token ends, and its access tokens with it. A token of which
        nothing is known answers 204 too.
        """
        sessions.end(_validated(RefreshSerializer, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionListView(generics.ListAPIView[Session]):
    """List the sessions in which the user is signed in, newest first."""

    permission_classes = (IsAuthenticated,)
    serializer_class = SessionSerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Session]:
        if not isinstance(self.request.user, User):  # the schema generator is not signed in
            return Session.objects.none()
        return self.request.user.sessions.filter(revoked_at=None, expires_at__gt=Now())

    @extend_schema(tags=["auth"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your sessions.

        One for each device on which you are signed in, newest first; `is_current` marks the one
        that asks.
        """
        return super().get(request, *args, **kwargs)


class SecondFactorView(SignedInView):
    @extend_schema(
        tags=["auth"],
        request=SecondFactorSerializer,
        responses={
            200: SessionSerializer,
            403: OpenApiResponse(
                description="The account has no authenticator, or the session is not of the API."
            ),
            429: TOO_MANY_GUESSES,
        },
    )
    def post(self, request: Request) -> Response:
        """Prove the second factor of staff.

        Send the present code of the authenticator. The session of the access token then has staff
        rights for the hours that the operator has set; until then a member of staff has the rights
        of a citizen.
        """
        data = _validated(SecondFactorSerializer, request)
        if not isinstance(request.auth, Session):
            raise PermissionDenied("A session of the desk proves the second factor when it begins.")
        session = totp.step_up(request.auth, **data)
        return Response(SessionSerializer(session, context={"request": request}).data)


class RequestFreshProofView(SignedInView):
    @extend_schema(tags=["auth"], request=ProofChannelSerializer, responses=CODE_SENT)
    def post(self, request: Request) -> Response:
        """Send a code that confirms that it is you.

        It goes to the account's present phone number or verified email address. A change of either
        requires it, unless you signed in a moment ago.
        """
        channel = _validated(ProofChannelSerializer, request)["channel"]
        issued = fresh_proof.request_code(_user(request), channel, origins.of_request(request))
        return _code_sent(issued)


class FreshProofView(SignedInView):
    @extend_schema(
        tags=["auth"],
        request=FreshProofSerializer,
        responses={
            200: SessionSerializer,
            403: OpenApiResponse(description="The session is not of the API."),
            429: TOO_MANY_GUESSES,
        },
    )
    def post(self, request: Request) -> Response:
        """Confirm that it is you.

        Send the code that the account received. The session of the access token may then change the
        phone number and the email address, for the minutes that the operator has set.
        """
        data = _validated(FreshProofSerializer, request)
        if not isinstance(request.auth, Session):
            raise PermissionDenied("Sign in to the desk anew instead.")
        session = fresh_proof.prove(request.auth, **data, origin=origins.of_request(request))
        return Response(SessionSerializer(session, context={"request": request}).data)


class SessionView(SignedInView):
    @extend_schema(tags=["auth"], responses={204: SESSION_ENDED})
    def delete(self, request: Request, session_id: UUID) -> Response:
        """End one of your sessions.

        The device of that session is signed out; it may also be the one that asks.
        """
        if not sessions.revoke_own(_user(request), session_id):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(SignedInView):
    @extend_schema(tags=["users"], responses=UserSerializer)
    def get(self, request: Request) -> Response:
        """Read your account.

        The account of the access token, with its reputation: points for useful reports.
        """
        return Response(UserSerializer(_user(request)).data)

    @extend_schema(
        tags=["users"],
        request=UserSerializer,
        responses={200: UserSerializer, 403: FRESH_PROOF_REQUIRED},
    )
    def patch(self, request: Request) -> Response:
        """Change your account.

        Only the fields in the body change. Another email address requires a fresh proof, as
        `POST /api/v1/auth/fresh-proof/` gives it, and has to be verified before messages go there.
        The phone number is changed by `POST /api/v1/users/me/phone/verify/`.
        """
        user = User.objects.get(pk=_user(request).pk)  # with the rights that a token may lack
        serializer = UserSerializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        profile.edit_own(user, serializer.validated_data, session=_session(request))
        return Response(UserSerializer(user).data)


class RequestPhoneCodeView(SignedInView):
    @extend_schema(
        tags=["users"],
        request=NewPhoneSerializer,
        responses={**CODE_SENT, 403: FRESH_PROOF_REQUIRED},
    )
    def post(self, request: Request) -> Response:
        """Send a one-time code to your new phone number.

        The first of two steps to change the number of your account. Both require a fresh proof: a
        sign-in of a moment ago, or `POST /api/v1/auth/fresh-proof/`.
        """
        data = _validated(NewPhoneSerializer, request)
        fresh_proof.require(_session(request))
        issued = phone_change.request_code(**data, origin=origins.of_request(request))
        return _code_sent(issued)


class ChangePhoneView(SignedInView):
    @extend_schema(
        tags=["users"],
        request=ChangePhoneSerializer,
        responses={
            200: SignedInSerializer,
            403: FRESH_PROOF_REQUIRED,
            409: OpenApiResponse(description="Another account has this number."),
            429: TOO_MANY_GUESSES,
        },
    )
    def post(self, request: Request) -> Response:
        """Change your phone number.

        Send the code that the new number received. Every session of the account ends; go on with
        the tokens of the answer. The old number gets a message about the change.
        """
        data = _validated(ChangePhoneSerializer, request)
        signed_in = phone_change.change_own(
            _user(request),
            session=_session(request),
            **data,
            origin=origins.of_request(request),
        )
        return Response(_signed_in(signed_in))


class RequestEmailCodeView(SignedInView):
    @extend_schema(tags=["users"], request=None, responses=CODE_SENT)
    def post(self, request: Request) -> Response:
        """Send a one-time code to your email address.

        The first of two steps to verify it. Without an email address, or with one that is verified
        already, the answer is 400.
        """
        issued = email_verification.request_code(_user(request), origins.of_request(request))
        return _code_sent(issued)


class VerifyEmailView(SignedInView):
    @extend_schema(
        tags=["users"],
        request=CodeSerializer,
        responses={200: UserSerializer, 429: TOO_MANY_GUESSES},
    )
    def post(self, request: Request) -> Response:
        """Verify your email address.

        Send the code that the address received. From then on messages go there.
        """
        data = _validated(CodeSerializer, request)
        user = email_verification.verify(_user(request), **data, origin=origins.of_request(request))
        return Response(UserSerializer(user).data)


def _code_sent(issued: Issued) -> Response:
    return Response(IssuedSerializer(issued).data, status=status.HTTP_202_ACCEPTED)


def _signed_in(signed_in: SignedIn) -> dict[str, Any]:
    answer = {**asdict(signed_in.tokens), "device_token": signed_in.device_token}
    return dict(SignedInSerializer({**answer, "user": signed_in.user}).data)


def _validated(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


def _session(request: Request) -> Session | DeskSession | None:
    """Return the session in which the request was made: of the API, or of the desk."""
    if isinstance(request.auth, Session):
        return request.auth
    key = request.session.session_key or ""
    return DeskSession.objects.with_key(key).first()


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - IsAuthenticated saw to it
    return request.user
