"""The REST API of the conversation about a report."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from jobs.http.idempotency import idempotent
from reports.conversation import commenting, replying
from reports.conversation.serializers import (
    CommentSerializer,
    HidingSerializer,
    LanguageSerializer,
    NewCommentSerializer,
    NewReplySerializer,
    ReplyPreviewSerializer,
    StaffNoteSerializer,
)
from reports.models import Comment, ReplyTemplate, Report, StaffNote, SubjectKind
from reports.moderation.views import FlagView
from reports.tracking import TOKEN_PARAMETERS, SignedInOrHolder, tracking_token_of

OLDEST_FIRST = ("created_at", "id")
TOO_MANY = OpenApiResponse(description="Too many comments by you; wait for `Retry-After` seconds.")


def readable_report(request: Request, pk: UUID) -> Report:
    """Return the report if this user, or the holder of its token, may read it. Raises Http404."""
    reports = Report.objects.visible_to(request.user, tracking_token=tracking_token_of(request))
    return get_object_or_404(reports.with_related().select_related("reporter"), pk=pk)


def report_of_staff(request: Request, pk: UUID) -> Report:
    """Return the report if this user works on it. Raises Http404 and PermissionDenied."""
    report = readable_report(request, pk)
    if not report.may_be_changed_by(cast("User", request.user)):
        raise PermissionDenied("Only staff of the report's department may do that.")
    return report


class CommentListView(ListAPIView[Comment]):
    """The comments on a report; write one."""

    permission_classes = (AllowAny,)
    serializer_class = CommentSerializer
    ordering = OLDEST_FIRST

    def get_queryset(self) -> QuerySet[Comment]:
        comments = Comment.objects.readable_by(
            self.request.user, on=self.report, tracking_token=tracking_token_of(self.request)
        )
        return comments.select_related("department")

    def get_serializer_context(self) -> dict[str, Any]:
        report: Report | None = getattr(self, "report", None)
        return super().get_serializer_context() | {
            "report": report,
            "is_holder": report is not None and report.is_held(tracking_token_of(self.request)),
        }

    @extend_schema(operation_id="comments_list", parameters=TOKEN_PARAMETERS, tags=["reports"])
    def get(self, request: Request, pk: UUID) -> Response:
        """List the comments on a report and the official replies, the oldest first.

        Your own comments that wait for moderation are in it too, with `is_public` false.
        """
        self.report = readable_report(request, pk)
        return self.list(request)

    @extend_schema(
        operation_id="comments_create",
        parameters=TOKEN_PARAMETERS,
        request=NewCommentSerializer,
        responses={
            201: CommentSerializer,
            409: OpenApiResponse(description="You sent the same words before."),
            429: TOO_MANY,
        },
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Comment on a report.

        The comment is public at once, or waits for moderation: then `is_public` is false. For those
        who are signed in, and for the reporter of an anonymous report, by its tracking token.
        """
        author = request.user if isinstance(request.user, User) else None
        token = tracking_token_of(request)
        if author is None and not token:
            raise NotAuthenticated("Sign in to comment.")
        self.report = readable_report(request, pk)
        if author is None and not self.report.is_held(token):
            raise NotAuthenticated("Sign in to comment; this is not the report's tracking token.")
        body = NewCommentSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        text = body.validated_data["text"]
        written = commenting.comment(self.report, text, author=author)
        return Response(self.get_serializer(written).data, status=201)


class CommentView(GenericAPIView[Any]):
    """One comment."""

    permission_classes = (SignedInOrHolder,)
    serializer_class = serializers.Serializer

    @extend_schema(
        operation_id="comments_delete",
        parameters=TOKEN_PARAMETERS,
        responses={204: OpenApiResponse(description="It is deleted.")},
        tags=["reports"],
    )
    def delete(self, request: Request, pk: UUID, comment_id: UUID) -> Response:
        """Delete your own comment.

        Its text is not kept. What you wrote with a tracking token you delete with it.
        """
        user, token = request.user, tracking_token_of(request)
        report = get_object_or_404(Report, pk=pk)
        own = Comment.objects.own(user, on=report, tracking_token=token)
        by = user if isinstance(user, User) else None
        commenting.delete(get_object_or_404(own, pk=comment_id), by=by)
        return Response(status=204)


class CommentHideView(GenericAPIView[Any]):
    """Hiding a comment."""

    permission_classes = (IsAuthenticated,)
    serializer_class = HidingSerializer

    @extend_schema(
        operation_id="comments_hide",
        responses={204: OpenApiResponse(description="It is hidden.")},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID, comment_id: UUID) -> Response:
        """Hide a comment from the public, as staff of the report's department.

        Its author is told the reason. Approving it in moderation shows it again.
        """
        report = report_of_staff(request, pk)
        comment = get_object_or_404(Comment, report=report, pk=comment_id, deleted_at=None)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        commenting.hide(comment, by=cast("User", request.user), **body.validated_data)
        return Response(status=204)


class CommentFlagView(FlagView):
    """Flagging a comment."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="comments_flag",
        responses={204: OpenApiResponse(description="Noted; the same for a repeated flag.")},
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID, comment_id: UUID) -> Response:
        """Say that a comment is improper.

        Staff look at it. A person's second flag changes nothing.
        """
        report = readable_report(request, pk)
        comment = get_object_or_404(Comment.objects.public(), report=report, pk=comment_id)
        may_hide = not comment.is_official
        return self.flag(request, report, SubjectKind.COMMENT, comment.pk, may_hide=may_hide)


class StaffNoteListView(ListAPIView[StaffNote]):
    """The notes among staff about a report; write one."""

    permission_classes = (IsAuthenticated,)
    serializer_class = StaffNoteSerializer
    ordering = OLDEST_FIRST

    def get_queryset(self) -> QuerySet[StaffNote]:
        return StaffNote.objects.filter(report=self.report).select_related("author")

    @extend_schema(operation_id="notes_list", tags=["staff"])
    def get(self, request: Request, pk: UUID) -> Response:
        """List the notes among staff about a report, the oldest first.

        For staff of the report's department. Notes are never public.
        """
        self.report = report_of_staff(request, pk)
        return self.list(request)

    @extend_schema(
        operation_id="notes_create",
        request=NewCommentSerializer,
        responses={201: StaffNoteSerializer},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Write a note for the other staff who work on a report.

        Neither its reporter nor anybody else outside sees it.
        """
        report = report_of_staff(request, pk)
        body = NewCommentSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = cast("User", request.user)
        written = commenting.note(report, body.validated_data["text"], author=user)
        return Response(self.get_serializer(written).data, status=201)


class ReplyTemplateListView(GenericAPIView[Any]):
    """The templates of official replies to a report."""

    permission_classes = (IsAuthenticated,)
    serializer_class = ReplyPreviewSerializer
    pagination_class = None

    @extend_schema(
        operation_id="reply_templates_list",
        parameters=[LanguageSerializer],
        responses=ReplyPreviewSerializer(many=True),
        tags=["staff"],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """List the templates of replies, each filled for this report.

        For staff of the report's department: those for its department and category, and those for
        any. The texts are in the reporter's language where a
        template has it, unless `language` names another.
        """
        language = LanguageSerializer.read(request)["language"]
        report = report_of_staff(request, pk)
        templates = ReplyTemplate.objects.for_report(report)
        previews = [replying.preview(template, report, language=language) for template in templates]
        return Response(self.get_serializer(previews, many=True).data)


class ReplyView(GenericAPIView[Any]):
    """Official replies."""

    permission_classes = (IsAuthenticated,)
    serializer_class = NewReplySerializer

    @extend_schema(
        operation_id="replies_create",
        responses={201: CommentSerializer},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Reply to a report in the name of its department.

        The reply is a public comment marked as official. The reporter and everybody who follows the
        report are notified.
        """
        report = report_of_staff(request, pk)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        text = self._text(report, body.validated_data)
        written = replying.reply(report, text, by=cast("User", request.user))
        context = {**self.get_serializer_context(), "report": report}
        return Response(CommentSerializer(written, context=context).data, status=201)

    def _text(self, report: Report, body: dict[str, Any]) -> str:
        if "text" in body:
            return str(body["text"])
        template = ReplyTemplate.objects.for_report(report).filter(pk=body["template"]).first()
        if template is None:
            message = "There is no such template for this report."
            raise serializers.ValidationError({"template": message})
        return replying.preview(template, report, language=body["language"]).text
