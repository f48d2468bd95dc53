"""The OpenAPI document: what it says of every operation, and how it is kept."""

from __future__ import annotations

import threading
from typing import Any, cast

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import BaseRenderer

from accounts import schema as accounts_schema  # noqa: F401 - it registers how sign-in is described
from config import problems
from matching.partners import schema as matching_schema  # noqa: F401 - and partners' keys
from notifications import schema as notifications_schema  # noqa: F401 - and the SMS provider's token

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="A UUID of the request: repeated with it, the request has one effect and gets the first answer again.",
)

_FIELD_ERROR = {
    "type": "object",
    "required": ["field", "code", "detail"],
    "properties": {
        "field": {
            "type": "string",
            "description": "Dotted path; empty when it is about the whole body.",
        },
        "pointer": {"type": "string", "description": "JSON pointer into the body, as a fragment."},
        "parameter": {"type": "string", "description": "The query parameter."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}

_BLANK = {"type": "string", "maxLength": 0}

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. `type` is stable and leads to its explanation.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "example": "/problems/validation-error",
        },
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {"type": "array", "items": _FIELD_ERROR},
        "retry_after": {"type": "integer", "description": "Seconds; also in Retry-After."},
        "request_id": {"type": "string"},
    },
}


def build() -> dict[str, Any]:
    """Build the OpenAPI document, which takes seconds; drf-spectacular's generator is not thread-safe."""
    return cast("dict[str, Any]", SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


class Document:
    """The OpenAPI document of this process, built and written out by the first who asks, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._built: dict[str, Any] | None = None
        self._written: dict[type[BaseRenderer], bytes] = {}

    def written_by(self, renderer: BaseRenderer) -> bytes:
        """Return the document as the renderer writes it."""
        with self._lock:
            if self._built is None:
                self._built = build()
            if type(renderer) not in self._written:
                self._written[type(renderer)] = renderer.render(self._built, renderer_context={})
            return self._written[type(renderer)]

    def forget(self) -> None:
        """Have it built anew."""
        with self._lock:
            self._built = None
            self._written.clear()


document = Document()


class ApiSchema(AutoSchema):
    """Adds to an operation what its view cannot say itself."""

    def get_override_parameters(self) -> list[Any]:
        handler = getattr(self.view, self.method.lower(), None)
        return [_IDEMPOTENCY_KEY] if getattr(handler, "is_idempotent", False) else []


def let_blank_texts_match(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook: a blank email address is valid also for who does not check formats.

    To them it matches both branches of drf-spectacular's `oneOf`, since JSON Schema makes `format`
    an annotation.
    """
    for component in result.get("components", {}).get("schemas", {}).values():
        for field in component.get("properties", {}).values():
            if _BLANK in field.get("oneOf", ()):
                field["anyOf"] = field.pop("oneOf")
    return result


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook: every operation may answer with a problem document."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    answer = {
        "description": "An error, explained.",
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"].setdefault("default", answer)
    return result
