"""Conversion of exceptions under /api/ into problem documents: the table and the handler."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error

import accounts.errors
import jobs.errors
import matching.errors
import reports.errors
from config import problems
from config.problems import PROBLEM_TYPES, ProblemType
from jobs.http.queries import InvalidQuery
from reports.duplicates.serializers import CandidatesSerializer
from reports.steps import changes

log = structlog.get_logger(__name__)

#: Exception class → slug of its problem type. The nearest base class of an exception decides.
PROBLEM_OF: dict[type[Exception], str] = {
    # The framework's
    drf.ValidationError: "validation-error",
    drf.ParseError: "malformed-body",
    drf.NotAuthenticated: "not-authenticated",
    drf.AuthenticationFailed: "token-invalid",
    drf.PermissionDenied: "permission-denied",
    drf.NotFound: "not-found",
    drf.MethodNotAllowed: "method-not-allowed",
    drf.NotAcceptable: "not-acceptable",
    drf.UnsupportedMediaType: "unsupported-media-type",
    drf.Throttled: "too-many-requests",
    # Accounts
    accounts.errors.AccountsError: "bad-request",
    accounts.errors.PhoneInvalid: "phone-invalid",
    accounts.errors.CountryNotServed: "country-not-served",
    accounts.errors.TooManyCodes: "too-many-requests",
    accounts.errors.OtpInvalid: "otp-invalid",
    accounts.errors.AccountDisabled: "account-disabled",
    accounts.errors.RefreshInvalid: "refresh-invalid",
    accounts.errors.AccessInvalid: "token-invalid",
    accounts.errors.EmailMissing: "email-missing",
    accounts.errors.EmailUnverified: "email-missing",
    accounts.errors.FreshProofRequired: "fresh-proof-required",
    accounts.errors.PhoneTaken: "conflict",
    accounts.errors.AuthenticatorMissing: "permission-denied",
    # Matching
    matching.errors.MatchingError: "bad-request",
    matching.errors.OpportunityClosed: "conflict",
    matching.errors.ExternalIdTaken: "conflict",
    matching.errors.TooManyRequests: "too-many-requests",
    # Reports
    reports.errors.ReportsError: "bad-request",
    reports.errors.TransitionNotAllowed: "transition-not-allowed",
    reports.errors.StatusChangedMeanwhile: "conflict",
    reports.errors.CategoryUncertain: "category-uncertain",
    reports.errors.StepForbidden: "permission-denied",
    reports.errors.StepIncomplete: "validation-error",
    reports.errors.ReportChanged: "report-changed",
    reports.errors.UndoRefused: "conflict",
    reports.errors.HelpRefused: "conflict",
    reports.errors.TooManyReports: "too-many-requests",
    reports.errors.TooManyReportsHere: "too-many-requests",
    reports.errors.ReportRepeated: "report-repeated",
    reports.errors.LikelyDuplicate: "likely-duplicate",
    reports.errors.MergeRefused: "conflict",
    reports.errors.OutsideBoundary: "outside-boundary",
    reports.errors.PhotoRefused: "photo-refused",
    reports.errors.PhotoTooLarge: "body-too-large",
    reports.errors.TooManyPhotos: "too-many-photos",
    reports.errors.PhotoStateChanged: "conflict",
    reports.errors.PhotoFileMissing: "conflict",
    reports.errors.AlreadyDecided: "conflict",
    reports.errors.WorkHasBegun: "conflict",
    reports.errors.TooManySubscriptions: "conflict",
    reports.errors.CommentRefused: "too-many-requests",
    reports.errors.CommentRepeated: "report-repeated",
    reports.errors.IntakeRefused: "too-many-requests",
    reports.errors.NoContact: "conflict",
    reports.errors.LinkInvalid: "not-found",
    reports.errors.NothingToConfirm: "conflict",
    reports.errors.ConfirmationOver: "conflict",
    reports.errors.NotConcerned: "permission-denied",
    reports.errors.WebhookRepeated: "conflict",
    reports.errors.DraftDecided: "conflict",
    reports.errors.DraftWithoutPosts: "conflict",
    reports.errors.FiguresMissing: "unavailable",
    reports.errors.DispatchUnavailable: "not-installed",
    reports.errors.PlanRefused: "conflict",
    reports.errors.DiscoveryUnavailable: "unavailable",
    reports.errors.PolicyNotApplicable: "conflict",
    reports.errors.PolicyChanged: "conflict",
    reports.errors.NothingToRevert: "conflict",
    # Jobs
    jobs.errors.NotInThatState: "conflict",
    jobs.errors.TooManyActiveJobs: "too-many-active-jobs",
    jobs.errors.TooManyJobs: "too-many-requests",
    jobs.errors.IdempotencyKeyInvalid: "idempotency-key-invalid",
    jobs.errors.IdempotencyKeyInUse: "idempotency-key-in-use",
    jobs.errors.IdempotencyKeyReused: "idempotency-key-reused",
}


class BodyTooLarge(drf.APIException):
    """The body is larger than this resource takes."""

    status_code = 413
    default_detail = "The body is larger than this resource takes."
    default_code = "body_too_large"


class InvalidCursor(drf.APIException):
    """The cursor was not made by this list."""

    status_code = 400
    default_detail = "The cursor was not made by this list; start again without it."
    default_code = "invalid_cursor"


class ChangedMeanwhile(drf.APIException):
    """Another request changed the same resource at the same moment."""

    status_code = 409
    default_detail = (
        "Another request changed the same resource at the same moment; read it and try again."
    )
    default_code = "conflict"


class DatabaseUnavailable(drf.APIException):
    """The database does not answer for the moment."""

    status_code = 503
    default_detail = "The database does not answer for the moment."
    default_code = "unavailable"
    retry_after = 5


PROBLEM_OF |= {BodyTooLarge: "body-too-large", InvalidCursor: "invalid-cursor"}


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem document for an exception, or None for one that is not in the table.

    It is Django REST framework's EXCEPTION_HANDLER. After None the exception is raised again;
    `config.middleware` logs its traceback and answers 500.
    """
    error = _as_api_exception(error)
    problem = problem_type(error)
    if problem is None:
        return None
    request = context["request"]
    members, headers = _members(error, request), _headers(error)
    if "Retry-After" in headers:
        members["retry_after"] = int(headers["Retry-After"])
    body = problems.document(problem, detail=_detail(error), instance=request.path, **members)
    return Response(
        body, status=problem.status, headers=headers, content_type=problems.CONTENT_TYPE
    )


def problem_type(error: Exception) -> ProblemType | None:
    """Return the exception's problem type from the table.

    An APIException that is not listed gets the general type of its status, any other None.
    """
    for base in type(error).__mro__:
        if base in PROBLEM_OF:
            return PROBLEM_TYPES[PROBLEM_OF[base]]
    return (
        problems.type_for_status(error.status_code) if isinstance(error, drf.APIException) else None
    )


def _as_api_exception(error: Exception) -> Exception:
    """Convert Django's exceptions into those of Django REST framework."""
    match error:
        case Http404():
            error = drf.NotFound()
        case PermissionDenied():
            error = drf.PermissionDenied()
        case RequestDataTooBig():
            error = BodyTooLarge()
        case SuspiciousOperation() | UnreadablePostError():
            error = drf.ParseError("The request could not be read.")
        case (
            OperationalError() | InterfaceError()
        ):  # the database restarts, fails over, or a wait ended
            log.error("database_unavailable", exc_info=error)
            error = DatabaseUnavailable()
        case IntegrityError() if isinstance(
            error.__cause__, (UniqueViolation, ForeignKeyViolation)
        ):
            log.error("conflict_in_database", exc_info=error)
            error = ChangedMeanwhile()
        case ModelValidationError():
            error = drf.ValidationError(as_serializer_error(error))
    return error


def _detail(error: Exception) -> str:
    if isinstance(error, drf.ValidationError):
        return ""
    return str(error.detail) if isinstance(error, drf.APIException) else str(error)


def _members(error: Exception, request: HttpRequest) -> dict[str, Any]:
    if isinstance(error, reports.errors.LikelyDuplicate):
        return dict(CandidatesSerializer({"candidates": error.candidates}).data)
    if isinstance(error, reports.errors.OutsideBoundary):
        return {"authority": error.authority}
    if isinstance(error, reports.errors.ReportChanged):
        return changes.members(error, request)
    if isinstance(error, reports.errors.StepIncomplete):
        return {"errors": list(problems.field_errors(error.faults, in_query=False))}
    if not isinstance(error, drf.ValidationError):
        return {}
    in_query = isinstance(error, InvalidQuery) or request.method in {"GET", "HEAD"}
    return {"errors": list(problems.field_errors(error.detail, in_query=in_query))}


def _headers(error: Exception) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    wait = getattr(error, "wait", None) or getattr(error, "retry_after", None)
    if wait:
        headers["Retry-After"] = str(int(wait))
    return headers
