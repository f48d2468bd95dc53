"""The address for receipts of the SMS provider, and the development mailbox as a page."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import receipts
from notifications.channels import mailbox
from notifications.provider import IsProvider, ProviderAuthentication
from notifications.serializers import ReceiptSerializer

SHOWN = 100


class ReceiptView(APIView):
    """Take receipts from the SMS provider's server."""

    authentication_classes = (ProviderAuthentication,)
    permission_classes = (IsProvider,)

    @extend_schema(
        tags=["notifications"],
        request=ReceiptSerializer,
        responses={
            204: OpenApiResponse(
                description="Received; the same for known, unknown and repeated ids."
            )
        },
    )
    def post(self, request: Request) -> Response:
        """Receive a delivery receipt of an SMS.

        The provider's server says here whether a message reached its phone. Only the first receipt
        of a message counts; repetitions change nothing.
        """
        serializer = ReceiptSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        receipt = serializer.validated_data
        receipts.receive(receipt["id"], receipt["status"], error=receipt["error"])
        return Response(status=status.HTTP_204_NO_CONTENT)


@never_cache
def development_messages(request: HttpRequest) -> HttpResponse:
    """Show the newest messages of the development mailbox; 404 unless DEBUG is on."""
    if not settings.DEBUG:
        raise Http404
    messages = [
        entry | {"sent_at": parse_datetime(entry["sent_at"])} for entry in mailbox.newest(SHOWN)
    ]
    return render(
        request,
        "notifications/development_messages.html",
        {"messages": messages, "path": mailbox.path()},
    )
