"""The address that webhooks call."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from reports.collection import receiving
from reports.collection.serializers import SentPostsSerializer, TakenPostsSerializer
from reports.collection.signatures import (
    TIMESTAMP_HEADER,
    IsSender,
    Sender,
    SenderAuthentication,
)


class WebhookView(GenericAPIView[Any]):
    """Take posts from the sender of a webhook."""

    authentication_classes = (SenderAuthentication,)
    permission_classes = (IsSender,)
    serializer_class = SentPostsSerializer

    @extend_schema(
        operation_id="collection_webhook",
        tags=["collection"],
        parameters=[
            OpenApiParameter(
                TIMESTAMP_HEADER,
                str,
                OpenApiParameter.HEADER,
                description="The time of the request, in seconds since 1970.",
            )
        ],
        request=SentPostsSerializer,
        responses={
            202: TakenPostsSerializer,
            409: OpenApiResponse(description="The same request was taken before."),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Send posts of an outside source.

        For the server of a source that is set up at the desk, where its address and its secret are
        shown. Each request is signed and has a timestamp; the same request is taken once. A post
        that was sent before is edited, or erased if `is_deleted`.
        """
        serializer = SentPostsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sender = cast("Sender", request.user)
        stored = receiving.receive(sender.source, serializer.items(), signature=sender.signature)
        return Response(TakenPostsSerializer(stored).data, status=status.HTTP_202_ACCEPTED)
