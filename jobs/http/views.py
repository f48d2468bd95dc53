"""Base classes of views."""

from __future__ import annotations

from rest_framework.permissions import AllowAny
from rest_framework.views import APIView


class PublicView(APIView):
    """Answer everybody without authentication, and so without the database.

    An access token in the header is not looked at, so that a stale one does no harm.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
