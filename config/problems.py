"""Problem documents (RFC 9457): the list of problem types, and the writing of a document.

A type's URI, `/problems/<slug>`, never changes, since clients decide by it; it is also the address
of a page that explains it (`config.views.problem_page`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: its stable slug, its HTTP status, and its meaning for the client."""

    slug: str
    status: int
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        return f"/problems/{self.slug}"


PROBLEM_TYPES = {
    problem.slug: problem
    for problem in (
        ProblemType("bad-request", 400, "Bad request", "The request could not be understood."),
        ProblemType(
            "malformed-body",
            400,
            "Malformed body",
            "The body is not valid JSON in UTF-8 with finite numbers.",
        ),
        ProblemType(
            "validation-error",
            400,
            "Invalid input",
            "Some fields or parameters are not valid; `errors` names each.",
        ),
        ProblemType(
            "invalid-cursor",
            400,
            "Invalid cursor",
            "The cursor is not from this list; follow the links `next` and `previous`.",
        ),
        ProblemType(
            "phone-invalid",
            400,
            "Invalid phone number",
            "Phone numbers are written as +12025550123.",
        ),
        ProblemType(
            "country-not-served",
            400,
            "Country not served",
            "Codes are not sent to phone numbers of this country.",
        ),
        ProblemType(
            "otp-invalid",
            400,
            "Invalid code",
            "The code is wrong, expired or used; ask for a new one and try again.",
        ),
        ProblemType(
            "email-missing", 400, "No email to verify", "Give the account an email address first."
        ),
        ProblemType(
            "outside-boundary",
            400,
            "Outside the city",
            "Another authority serves this place; `authority` names it where it is known.",
        ),
        ProblemType(
            "photo-refused",
            400,
            "Photo not taken",
            "The file is empty or no photo; send a JPEG, PNG, WebP or HEIC.",
        ),
        ProblemType(
            "idempotency-key-invalid",
            400,
            "Invalid Idempotency-Key",
            "Send 1 to 255 printable ASCII characters.",
        ),
        ProblemType(
            "not-authenticated",
            401,
            "Sign in first",
            "Send an access token: `Authorization: Bearer …`.",
        ),
        ProblemType(
            "token-invalid", 401, "Invalid token", "Refresh the access token, or sign in again."
        ),
        ProblemType("refresh-invalid", 401, "Invalid refresh token", "Sign in again."),
        ProblemType("permission-denied", 403, "Not allowed", "This account may not do that."),
        ProblemType(
            "fresh-proof-required",
            403,
            "Fresh proof required",
            "Sign in anew, or send the code that `POST /api/v1/auth/fresh-proof/` takes.",
        ),
        ProblemType(
            "account-disabled", 403, "Account disabled", "Ask the operator of this service."
        ),
        ProblemType(
            "not-found", 404, "Not found", "There is nothing here, or nothing that you may see."
        ),
        ProblemType(
            "method-not-allowed",
            405,
            "Method not allowed",
            "`Allow` lists the methods of this resource.",
        ),
        ProblemType(
            "not-acceptable", 406, "Not acceptable", "Answers are JSON: accept `application/json`."
        ),
        ProblemType(
            "conflict",
            409,
            "Conflict",
            "The resource has changed or is not in a state that allows this.",
        ),
        ProblemType(
            "category-uncertain",
            409,
            "Category uncertain",
            "Send the step again with `category`, or with `accept_guess`.",
        ),
        ProblemType(
            "transition-not-allowed",
            409,
            "Status not reachable",
            "The workflow has no step from the present status to this one.",
        ),
        ProblemType(
            "likely-duplicate",
            409,
            "Probably reported before",
            "Open reports near by are probably about the same problem; `candidates` lists them.",
        ),
        ProblemType(
            "report-repeated",
            409,
            "Report sent before",
            "You sent a report in the same words before; say what is different.",
        ),
        ProblemType(
            "too-many-photos",
            409,
            "Too many photos",
            "The report has as many photos as it may have.",
        ),
        ProblemType(
            "too-many-active-jobs",
            409,
            "Too many jobs under way",
            "Wait for one of them, or cancel it.",
        ),
        ProblemType(
            "job-cancelled",
            409,
            "Job cancelled",
            "A job was cancelled before it had a result; start another.",
        ),
        ProblemType(
            "idempotency-key-in-use",
            409,
            "Request in progress",
            "The same request is being answered; retry shortly.",
        ),
        ProblemType(
            "report-changed",
            412,
            "Report changed",
            "It is not as the `ETag` of `If-Match` says; `changes` lists what was done since.",
        ),
        ProblemType(
            "body-too-large",
            413,
            "Body too large",
            "The body is larger than this resource accepts; send less.",
        ),
        ProblemType(
            "unsupported-media-type", 415, "Unsupported media type", "Send `application/json`."
        ),
        ProblemType(
            "idempotency-key-reused",
            422,
            "Idempotency-Key reused",
            "The key was sent with another request before; make a new one.",
        ),
        ProblemType(
            "job-not-computable",
            422,
            "Job not computable",
            "`detail` says why; start another job with other values.",
        ),
        ProblemType(
            "too-many-requests", 429, "Too many requests", "Wait for `Retry-After` seconds."
        ),
        ProblemType(
            "job-failed",
            500,
            "Job failed",
            "The job failed in every attempt; start another, or ask the operator.",
        ),
        ProblemType(
            "internal-error",
            500,
            "Internal error",
            "The fault is ours; the request id helps us find it.",
        ),
        ProblemType(
            "not-installed",
            501,
            "Not installed",
            "The server lacks a part that this needs; its operator can install it.",
        ),
        ProblemType("unavailable", 503, "Unavailable for the moment", "Try again shortly."),
    )
}

_BY_STATUS = {
    problem.status: problem
    for slug in (
        "bad-request", "not-authenticated", "permission-denied", "not-found", "method-not-allowed",
        "not-acceptable", "conflict", "body-too-large", "unsupported-media-type",
        "too-many-requests", "internal-error", "unavailable",
    )
    for problem in [PROBLEM_TYPES[slug]]
}  # fmt: skip


def type_for_status(status: int) -> ProblemType:
    """Return the general problem type of a status, or one made of the status's standard phrase."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    phrase = HTTPStatus(status).phrase
    return ProblemType(phrase.lower().replace(" ", "-"), status, phrase, phrase + ".")


def document(problem: ProblemType, *, detail: str, instance: str, **members: Any) -> dict[str, Any]:
    """Return the problem document about one request.

    `members` are added to it: `errors`, `retry_after` or `request_id`. An empty `detail` becomes
    the type's meaning.
    """
    return {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": detail or problem.meaning,
        "instance": instance,
        **members,
    }


def field_errors(
    detail: Any, *, in_query: bool, path: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    """Yield one entry for each message in the nested error detail of Django REST framework.

    Each entry names its field, and its place: `pointer` is a JSON pointer into the body (RFC 6901,
    as a fragment), `parameter` the name of a query parameter.
    """
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = () if name in {"non_field_errors", NON_FIELD_ERRORS} else (str(name),)
            yield from field_errors(inner, in_query=in_query, path=(*path, *step))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            step = (str(index),) if isinstance(inner, (Mapping, list)) else ()
            yield from field_errors(inner, in_query=in_query, path=(*path, *step))
    else:
        place = (
            {"parameter": ".".join(path)}
            if in_query
            else {"pointer": "#" + "".join(map(_pointer_step, path))}
        )
        yield {
            "field": ".".join(path),
            **place,
            "code": getattr(detail, "code", "invalid"),
            "detail": str(detail),
        }


def _pointer_step(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
