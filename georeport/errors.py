"""The errors of the interface, each with its HTTP status and its sentences for the client."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.errors import DomainError


class GeoReportError(DomainError):
    """The request could not be answered."""

    status = 400

    def __init__(self, *sentences: str, retry_after: int | None = None) -> None:
        super().__init__(" ".join(sentences))
        self.sentences: Sequence[str] = sentences or (str(self),)
        self.retry_after = retry_after


class BadRequest(GeoReportError):
    """The request is not valid."""


class NotFound(GeoReportError):
    """There is no such resource."""

    status = 404


class KeyRefused(GeoReportError):
    """The api_key is missing or not valid."""

    status = 403


class MethodRefused(GeoReportError):
    """This resource does not take this method."""

    status = 405


class BodyTooLarge(GeoReportError):
    """The body is larger than this resource takes."""

    status = 413


class TooManyRequests(GeoReportError):
    """This api_key has sent as many requests as it may for now; wait before sending more."""

    status = 429


class Unavailable(GeoReportError):
    """The service does not answer for the moment."""

    status = 503
