"""How every resource answers: the format of its address, errors in that format, other origins."""

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
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ValidationError

from georeport.errors import (
    BadRequest,
    GeoReportError,
    MethodRefused,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from georeport.parameters import Parameters
from georeport.rendering import FORMATS, JSON, XML, Format
from jobs.errors import DomainError

log = structlog.get_logger(__name__)

#: Where every address of the interface begins.
OPEN311_PREFIX = "/open311/"
#: How what is sent may be written.
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
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

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_negotiated = "suffix" not in kwargs
        suffix = kwargs.pop("suffix", "") or _accepted_suffix(request)
        self.format, self.is_test = FORMATS.get(suffix, XML), kwargs.pop("is_test", False)
        try:
            if suffix not in FORMATS:
                raise NotFound(f"There is no format {suffix[:20]}; expected .xml or .json.")
            response = self._handled(request, *args, **kwargs)
        except GeoReportError as error:
            response = refusal(error, self.format)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response["Allow"] = ", ".join(self._methods())
        if is_negotiated:
            patch_vary_headers(response, ["Accept"])
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            response["Access-Control-Allow-Origin"] = "*"
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
            raise BadRequest("The body is larger than this resource takes.") from error
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
        """Allow pages of other origins to read."""
        headers = {
            "Access-Control-Allow-Methods": "GET, HEAD",
            "Access-Control-Allow-Headers": "If-None-Match, Accept-Language",
            "Access-Control-Max-Age": "86400",
        }
        return HttpResponse(status=204, headers=headers)

    def answer(
        self, name: str, value: Any, *, status: int = 200, is_translated: bool = False
    ) -> HttpResponse:
        """Return the answer called `name` in the format that was asked for."""
        content = self.format.render(name, value)
        response = HttpResponse(content, status=status, content_type=self.format.content_type)
        if is_translated:
            patch_vary_headers(response, ["Accept-Language"])
        return response


def _accepted_suffix(request: HttpRequest) -> str:
    """Return the format of an address without a suffix: XML unless `Accept` prefers JSON."""
    preferred = request.get_preferred_type([XML.media_type, JSON.media_type])
    return JSON.suffix if preferred == JSON.media_type else XML.suffix


def form_of(request: HttpRequest) -> Parameters:
    """Return the parameters of a request that sends a form; the query may have some of them.

    Raises:
        BadRequest: the body is no form.
        NotFound: it is for another city.
    """
    if request.content_type and request.content_type not in FORMS:
        raise BadRequest(f"Send a form, as {FORMS[0]} or {FORMS[1]}.")
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


def refusal_at(path: str, status: int, detail: str = "") -> HttpResponse:
    """Return the answer for an error outside of the views, at an address of the interface."""
    sentence = detail or (
        "There is no such resource." if status == 404 else HTTPStatus(status).phrase
    )
    error = GeoReportError(sentence)
    error.status = status
    return refusal(error, JSON if path.rstrip("/").endswith(".json") else XML)


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
