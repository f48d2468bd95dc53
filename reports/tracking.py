"""The tracking token of an anonymous report, as requests bring it along."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

TOKEN_PARAMETERS = [
    OpenApiParameter(
        "tracking_token",
        OpenApiTypes.STR,
        description="The token that an anonymous report got when it was made.",
    ),
    OpenApiParameter(
        "token",
        OpenApiTypes.STR,
        deprecated=True,
        description="The earlier name of `tracking_token`.",
    ),
    OpenApiParameter(
        "X-Tracking-Token",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description="The same token as a header, which stays out of access logs.",
    ),
]


class SignedInOrHolder(BasePermission):
    """Lets in people who are signed in, and requests with a tracking token, whatever its report."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated or tracking_token_of(request))


def tracking_token_of(request: Request) -> str:
    """Return the tracking token from the header or the query, or "" where there is none."""
    query = request.query_params
    return (
        request.headers.get("X-Tracking-Token")
        or query.get("tracking_token")
        or query.get("token", "")
    )
