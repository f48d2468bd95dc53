"""How every resource answers: in the format that was asked for, errors included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ValidationError

from georeport.cross_origin import preflight
from georeport.errors import (
    BadRequest,
    BodyTooLarge,
    GeoReportError,
    MethodRefused,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from georeport.parameters import Parameters
from georeport.rendering import FORMATS, XML, Format, asked_format
from jobs.errors import DomainError

log = structlog.get_logger(__name__)

#: How what is sent may be written.
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
#: For so long a client may keep what hardly changes: discovery, services and definitions.
KEPT_SECONDS = 60
NO_FORM = "The request could not be read as a form in UTF-8."
#: Our names of fields of a new request, and those of the protocol.
NAMES = {
    "latitude": "lat",
    "longitude": "long",
    "address": "address_string",
    "answers": "attribute",
    "contact": "",
}


@method_decorator(csrf_exempt, name="dispatch")  # no cookie counts here, only the api_key
class GeoReportView(View):
    """A resource of the interface; subclasses answer with `answer`."""

    format: Format = XML
    #: Whether it belongs to the test endpoint, which stores nothing.
    is_test = False
    #: For so long a client may keep what it has read; without it, it asks each time by the ETag.
    kept_seconds = 0

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        suffix = kwargs.pop("suffix", "")
        self.format = asked_format(request.path_info, request.headers.get("Accept", ""))
        self.is_test = kwargs.pop("is_test", False)
        try:
            if suffix and suffix.lower() not in FORMATS:
                raise NotFound(f"There is no format {suffix[:20]}; expected .xml or .json.")
            response = self._handled(request, *args, **kwargs)
        except GeoReportError as error:
            response = refusal(error, self.format)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response["Allow"] = ", ".join(self._methods())
        if not suffix:
            patch_vary_headers(response, ["Accept"])
        if request.method in {"GET", "HEAD"} and response.status_code == HTTPStatus.OK:
            kept = {"max_age": self.kept_seconds} if self.kept_seconds else {"no_cache": True}
            patch_cache_control(response, public=True, **kept)
        return response

    def _handled(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer by the method of the class, with every known error as one of the interface's."""
        handler = self._handler(request)
        try:
            return handler(request, *args, **kwargs)
        except ValidationError as error:
            raise BadRequest(*sentences_of(error)) from error
        except DomainError as error:
            raise of_domain(error) from error
        except RequestDataTooBig as error:
            raise BodyTooLarge from error
        except (
            DjangoBadRequest,
            MultiPartParserError,
            SuspiciousOperation,
            UnreadablePostError,
        ) as error:
            raise BadRequest(NO_FORM) from error
        except (OperationalError, InterfaceError) as error:
            log.exception("database_unavailable")
            raise Unavailable(retry_after=5) from error

    def _handler(self, request: HttpRequest) -> Callable[..., HttpResponse]:
        method = (request.method or "").lower()
        if method.upper() not in self._methods():
            raise MethodRefused(f"This resource takes {', '.join(self._methods())} only.")
        handler: Callable[..., HttpResponse] = getattr(self, method)
        return handler

    def _methods(self) -> list[str]:
        names = ("get", "head", "post", "options")
        return [name.upper() for name in names if getattr(self, name, None)]

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Tell browsers what pages of other origins may do here."""
        return preflight(self._methods())

    def answer(
        self, name: str, value: Any, *, status: int = 200, is_translated: bool = False
    ) -> HttpResponse:
        """Return the answer called `name` in the format that was asked for."""
        content = self.format.render(name, value)
        response = HttpResponse(content, status=status, content_type=self.format.content_type)
        if is_translated:
            patch_vary_headers(response, ["Accept-Language"])
        return response


def form_of(request: HttpRequest) -> Parameters:
    """Return the parameters of a request that sends a form; the query may have some of them.

    Raises:
        BadRequest: the body is no form.
        NotFound: it is for another city.
    """
    if request.content_type not in FORMS and (request.content_type or request.body):
        raise BadRequest(f"Send a form, as {FORMS[0]} or {FORMS[1]}.")
    request.encoding = "utf-8"  # whatever a client declares, as the specification says
    if request.content_type == FORMS[0]:
        _require_utf8(request.body)  # Django would read anything else as Latin-1
    parameters = Parameters(request.POST, request.GET)
    parameters.require_jurisdiction(request.get_host())
    return parameters


def _require_utf8(body: bytes) -> None:
    """Raise BadRequest unless the body of a form is in UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(NO_FORM) from error


def query_of(request: HttpRequest) -> Parameters:
    """Return the parameters of a request that reads.

    Raises:
        NotFound: it is for another city.
    """
    parameters = Parameters(request.GET)
    parameters.require_jurisdiction(request.get_host())
    return parameters


def refusal(error: GeoReportError, format_: Format) -> HttpResponse:
    """Return the answer of an error; its code is the status, as the specification says."""
    errors = [{"code": error.status, "description": one} for one in error.sentences]
    response = HttpResponse(
        format_.render("errors", errors),
        status=error.status,
        content_type=format_.content_type,
    )
    if error.retry_after:
        response["Retry-After"] = str(error.retry_after)
    return response


def refusal_at(path: str, status: int, detail: str = "", *, accept: str = "") -> HttpResponse:
    """Return the answer for an error outside of the views, at an address of the interface.

    `accept` is the header by which an address without a suffix chooses the format.
    """
    sentence = detail or (
        "There is no such resource." if status == 404 else HTTPStatus(status).phrase
    )
    error = GeoReportError(sentence)
    error.status = status
    return refusal(error, asked_format(path, accept))


def of_domain(error: DomainError) -> GeoReportError:
    """Return an error of another app as one of the interface."""
    if isinstance(error, GeoReportError):
        return error
    retry_after = getattr(error, "retry_after", None)
    if isinstance(retry_after, int):
        return TooManyRequests(str(error), retry_after=retry_after)
    return BadRequest(str(error))


def sentences_of(error: ValidationError) -> list[str]:
    """Return a sentence for each fault that a serializer saw, by the protocol's names."""
    return list(_sentences(error.detail))


def _sentences(detail: Any, name: str = "") -> Iterator[str]:
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            own = NAMES.get(key, key) if key != "non_field_errors" else ""
            yield from _sentences(inner, f"{name}[{own}]" if name and own else own or name)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _sentences(inner, name)
    else:
        yield f"{name}: {detail}" if name else str(detail)
