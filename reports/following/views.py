"""The REST API of following and area subscriptions, and the page that ends messages."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from jobs.http.idempotency import idempotent
from reports.following import areas, follows, unsubscribing
from reports.following.serializers import (
    AreaSubscriptionSerializer,
    NewAreaSubscriptionSerializer,
    StandingSerializer,
)
from reports.models import AreaSubscription, Report
from reports.tracking import TOKEN_PARAMETERS, SignedInOrHolder, tracking_token_of

NO_CONTACT = OpenApiResponse(
    description="The reporter of this anonymous report left no address to which to write."
)


class TakingPartView(GenericAPIView[Any]):
    """A person's part in a report that they may read."""

    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticated,)
    serializer_class = serializers.Serializer

    def report(self, pk: UUID) -> tuple[Report, User]:
        user = cast("User", self.request.user)
        return get_object_or_404(Report.objects.visible_to(user), pk=pk), user

    def answer(self, report: Report, user: User) -> Response:
        standing = follows.standings([report.pk], user.pk).get(report.pk, follows.Standing())
        return Response(StandingSerializer(standing).data)


class FollowView(TakingPartView):
    """Following a report: as a user, or with the tracking token of an anonymous report."""

    permission_classes = (SignedInOrHolder,)

    @extend_schema(
        operation_id="reports_follow",
        parameters=TOKEN_PARAMETERS,
        request=None,
        responses={200: StandingSerializer, 409: NO_CONTACT},
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Follow a report.

        You are notified of its steps and of official replies. Whoever reports a problem, comments
        on it or has it too follows it without this. With the tracking token of an anonymous report
        you are told at the address that you left with it.
        """
        if report := self._held(pk):
            return self._set_updates(report, wants_updates=True)
        report, user = self.report(pk)
        follows.follow(report, user)
        return self.answer(report, user)

    @extend_schema(
        operation_id="reports_unfollow",
        parameters=TOKEN_PARAMETERS,
        responses={200: StandingSerializer, 409: NO_CONTACT},
        tags=["reports"],
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """Stop following a report.

        Also the reports that were merged into it, and your own: you get no more messages. With the
        tracking token of an anonymous report nothing more is sent to the address left with it.
        """
        if report := self._held(pk):
            return self._set_updates(report, wants_updates=False)
        report, user = self.report(pk)
        follows.unfollow(report.pk, user.pk)
        return self.answer(report, user)

    def _held(self, pk: UUID) -> Report | None:
        """Return the report whose tracking token was sent; None for people who are signed in.

        Raises:
            NotAuthenticated: nobody is signed in, and the token is not of this report.
        """
        if isinstance(self.request.user, User):
            return None
        report = Report.objects.filter(pk=pk).first()
        if report is None or not report.is_held(tracking_token_of(self.request)):
            raise NotAuthenticated("Sign in, or send the tracking token of the report.")
        return report

    def _set_updates(self, report: Report, *, wants_updates: bool) -> Response:
        follows.set_updates(report, wants_updates=wants_updates)
        return Response(StandingSerializer(follows.holders_standing(report)).data)


class MeTooView(TakingPartView):
    """Having the problem of a report too."""

    @extend_schema(
        operation_id="reports_me_too",
        request=None,
        responses={200: StandingSerializer},
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Say that you have this problem too.

        You count once, and follow the report from then on. For your own report nothing changes.
        """
        report, user = self.report(pk)
        follows.add_me_too(report, user)
        return self.answer(report, user)

    @extend_schema(
        operation_id="reports_not_me_too", responses={200: StandingSerializer}, tags=["reports"]
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """Take back that you have this problem too.

        You still follow the report.
        """
        report, user = self.report(pk)
        follows.remove_me_too(report, user)
        return self.answer(report, user)


class AreaSubscriptionListView(ListAPIView[AreaSubscription]):
    """Your area subscriptions; add one."""

    permission_classes = (IsAuthenticated,)
    serializer_class = AreaSubscriptionSerializer

    def get_queryset(self) -> QuerySet[AreaSubscription]:
        return AreaSubscription.objects.filter(user=cast("User", self.request.user))

    @extend_schema(operation_id="area_subscriptions_list", tags=["reports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your area subscriptions.

        Newest first.
        """
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="area_subscriptions_create",
        request=NewAreaSubscriptionSerializer,
        responses={
            201: AreaSubscriptionSerializer,
            409: OpenApiResponse(description="You have as many as one person may."),
        },
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Subscribe to new public reports within a circle or a polygon.

        You are notified at once or once a day. What goes beyond a number of messages a day waits
        for the next day's message.
        """
        body = NewAreaSubscriptionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        shape = "circle" if "circle" in body.validated_data else "polygon"
        fields = {**body.validated_data}
        area = fields.pop(shape)
        try:
            made = areas.subscribe(cast("User", request.user), area=area, **fields)
        except areas.AreaInvalid as error:
            raise serializers.ValidationError({shape: str(error)}) from error
        return Response(self.get_serializer(made).data, status=201)


class AreaSubscriptionView(GenericAPIView[AreaSubscription]):
    """One area subscription."""

    permission_classes = (IsAuthenticated,)
    serializer_class = AreaSubscriptionSerializer

    @extend_schema(
        operation_id="area_subscriptions_delete",
        responses={204: OpenApiResponse(description="It is deleted.")},
        tags=["reports"],
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """Delete one of your area subscriptions.

        You get no more messages about it.
        """
        mine = AreaSubscription.objects.filter(user=cast("User", request.user))
        get_object_or_404(mine, pk=pk).delete()
        return Response(status=204)


@csrf_exempt  # a mail program posts here without a cookie; the token is the proof
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """End messages by the link in an email: a page with one button, or one tap (RFC 8058).

    Only POST ends anything, since mail scanners open every link.
    """
    try:
        kind = unsubscribing.read(token)[0]
        if request.method == "POST":
            unsubscribing.unsubscribe(token)
    except unsubscribing.LinkInvalid as error:
        raise Http404 from error
    facts = {"is_done": request.method == "POST", "is_contact": kind == unsubscribing.CONTACT}
    response = render(request, "reports/unsubscribe.html", facts)
    response["Referrer-Policy"] = "no-referrer"  # the address holds the token
    return response
