"""The OpenAPI document: how each operation is described, and how the document is built and kept.

The first line of a view method's docstring is the operation's summary, the rest its description.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.utils import model_meta

from accounts import schema as accounts_schema  # noqa: F401 - it registers how sign-in is described
from config import problems
from config.api_description import KEY_IN_USE, PROPERTIES, STATUSES, TAGS
from jobs.http.payloads import PayloadSerializer
from matching.partners import schema as matching_schema  # noqa: F401 - and partners' keys
from notifications import schema as notifications_schema  # noqa: F401 - and the SMS provider's token

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    pattern="^[ -~]{1,255}$",
    description=(
        "A new UUID for each new request, the same one when a request is repeated: it then takes "
        "effect once, and every repetition gets the first answer."
    ),
)

_FIELD_ERROR = {
    "type": "object",
    "required": ["field", "code", "detail"],
    "properties": {
        "field": {
            "type": "string",
            "description": "Dotted path of the field; empty for a fault of the whole body.",
        },
        "pointer": {"type": "string", "description": "JSON pointer into the body, as a fragment."},
        "parameter": {"type": "string", "description": "Name of the query parameter."},
        "code": {"type": "string", "description": "The kind of fault, for programs."},
        "detail": {"type": "string", "description": "The fault in a sentence, for people."},
    },
}

_BLANK = {"type": "string", "maxLength": 0}
_PROBLEM_CONTENT = {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

PROBLEM_SCHEMA = {
    "type": "object",
    "description": (
        "An error (RFC 9457). `type` is stable, and its address explains the kind of problem."
    ),
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "example": "/problems/validation-error",
            "description": "The kind of problem, for programs; its address explains it.",
        },
        "title": {"type": "string", "description": "The kind of problem in a few words."},
        "status": {
            "type": "integer",
            "minimum": 400,
            "maximum": 599,
            "description": "The HTTP status.",
        },
        "detail": {"type": "string", "description": "What went wrong with this request."},
        "instance": {
            "type": "string",
            "format": "uri-reference",
            "description": "The path of the request.",
        },
        "errors": {
            "type": "array",
            "items": _FIELD_ERROR,
            "description": "One entry for each fault of a field or a parameter.",
        },
        "retry_after": {
            "type": "integer",
            "description": "Seconds to wait before the next try; also in the header Retry-After.",
        },
        "request_id": {
            "type": "string",
            "description": "Give it to the operator, who finds the request in the logs by it.",
        },
    },
}


#: drf-spectacular keeps views and descriptions in places that its threads share.
_GENERATING = threading.Lock()


def build() -> dict[str, Any]:
    """Build the OpenAPI document; it takes seconds."""
    with _GENERATING:
        return cast("dict[str, Any]", SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def query_parameters(view: Callable[..., Any], method: str) -> frozenset[str] | None:
    """Return the names of the query parameters that an operation documents.

    None for what the document leaves out: a view of another kind, a method that the view lacks.
    """
    view_class = getattr(view, "cls", None)
    if view_class is None or not hasattr(view_class, method.lower()) or method == "OPTIONS":
        return None
    with _GENERATING:
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # it keeps what others refer to weakly
        operation = generator.create_view(view, method)  # type: ignore[no-untyped-call]
        described = operation.schema
        if not isinstance(described, ApiSchema) or described.is_excluded():
            return None
        described.method, described.path = method, ""  # where the view is does not matter here
        described.registry = generator.registry
        return described.query_parameter_names()


class Document:
    """Keep the OpenAPI document of this process; the first request builds it.

    Requests that come meanwhile wait for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._built: dict[str, Any] | None = None
        self._written: dict[type[BaseRenderer], bytes] = {}

    def written_by(self, renderer: BaseRenderer) -> bytes:
        """Return the document in the renderer's format, YAML or JSON."""
        with self._lock:
            if self._built is None:
                self._built = build()
            if type(renderer) not in self._written:
                self._written[type(renderer)] = renderer.render(self._built, renderer_context={})
            return self._written[type(renderer)]

    def forget(self) -> None:
        """Discard the document, so that the next request builds it anew."""
        with self._lock:
            self._built = None
            self._written.clear()


document = Document()


class ApiSchema(AutoSchema):
    """Describe an operation by its view's docstrings, decorators and throttles."""

    def get_override_parameters(self) -> list[Any]:
        return [_IDEMPOTENCY_KEY] if self._is_idempotent() else []

    def get_summary(self) -> str:
        return _summary_and_description(self._docstring())[0]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        return _summary_and_description(self._docstring())[1]

    def get_operation(self, *args: Any, **options: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **options)
        if operation is not None:
            self._describe_path_parameters(operation)
            self._describe_query_parameters(operation)
            self._describe_answers(operation)
        return operation

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        mapped: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(serializer, PayloadSerializer):
            mapped["additionalProperties"] = False
        if direction == "request" and (choices := getattr(serializer, "exactly_one_of", ())):
            mapped["oneOf"] = [{"required": [name]} for name in choices]
        return mapped

    def _map_serializer_field(
        self, field: Any, direction: str, bypass_extensions: bool = False
    ) -> dict[str, Any]:
        """Describe a field; a choice that its model leaves blank may be blank.

        Serializers drop `allow_blank` from fields that are only read.
        """
        if isinstance(field, serializers.ChoiceField) and _is_blank_in_model(field):
            field.allow_blank = True
        mapped: dict[str, Any] = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        return mapped

    def query_parameter_names(self) -> frozenset[str]:
        """Return the names of the query parameters, without describing the whole operation."""
        documented = self._process_override_parameters().items()  # type: ignore[no-untyped-call]
        names = {name for (name, place), one in documented if place == "query" and one is not None}
        pages = self._get_pagination_parameters()  # type: ignore[no-untyped-call]
        return frozenset(names | {page["name"] for page in pages})

    def _docstring(self) -> str:
        return str(get_doc(self._handler()))

    def _handler(self) -> Any:
        return getattr(self.view, self.method.lower(), None)

    def _is_idempotent(self) -> bool:
        return bool(getattr(self._handler(), "is_idempotent", False))

    def _is_throttled(self) -> bool:
        methods = (getattr(throttle, "method", "") for throttle in self.view.throttle_classes)
        return any(method in {"", self.method} for method in methods)

    def _describe_path_parameters(self, operation: dict[str, Any]) -> None:
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter.setdefault("description", "The id, as lists and answers show it.")

    def _describe_query_parameters(self, operation: dict[str, Any]) -> None:
        """Say that no parameter may be empty, as `config.query` has it."""
        for parameter in operation.get("parameters", []):
            is_text = parameter["schema"].get("type") == "string"
            if parameter["in"] == "query" and is_text and "enum" not in parameter["schema"]:
                parameter["schema"].setdefault("minLength", 1)

    def _describe_answers(self, operation: dict[str, Any]) -> None:
        """Add the errors that follow from the operation itself.

        Each status gets a text, and each error the problem document.
        """
        answers = operation["responses"]
        for status in self._usual_errors(operation):
            answers.setdefault(status, {"description": ""})
        if self._is_idempotent():
            described = answers.get("409", {}).get("description", "")
            answers["409"] = {"description": f"{described} {KEY_IN_USE}".strip()}
        for status, answer in answers.items():
            answer["description"] = answer["description"] or STATUSES[status]
            if status == "default" or status >= "400":
                answer.setdefault("content", _PROBLEM_CONTENT)
        operation["responses"] = dict(sorted(answers.items()))

    def _usual_errors(self, operation: dict[str, Any]) -> list[str]:
        parameters = {parameter["in"] for parameter in operation.get("parameters", [])}
        errors = {
            "400": "requestBody" in operation or not parameters.isdisjoint({"query", "header"}),
            "401": any(operation.get("security", [])),
            "404": "path" in parameters,
            "422": self._is_idempotent(),
            "429": self._is_throttled(),
            "default": True,
        }
        return [status for status, is_usual in errors.items() if is_usual]


def _is_blank_in_model(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    """Return whether a field is only read and its model's field may be blank."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    if model is None or not field.read_only:
        return False
    fields = model_meta.get_field_info(model).fields
    return field.source in fields and fields[field.source].blank


def _summary_and_description(docstring: str) -> tuple[str, str]:
    """Split a docstring into its first line, without the full stop, and its other paragraphs."""
    summary, _, description = docstring.partition("\n\n")
    return summary.replace("\n", " ").rstrip("."), description


def let_blank_texts_match(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Let a blank email address match the schema also where formats are not checked.

    JSON Schema makes `format` an annotation, so that a client which ignores it sees a blank text
    match both branches of drf-spectacular's `oneOf`. A postprocessing hook of drf-spectacular.
    """
    schemas = result.get("components", {}).get("schemas", {})
    if "BlankEnum" in schemas:
        schemas["BlankEnum"]["description"] = "No value."
    for component in schemas.values():
        for field in component.get("properties", {}).values():
            if _BLANK in field.get("oneOf", ()):
                field["anyOf"] = field.pop("oneOf")
    return result


def add_problem_schema(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the schema of the problem document, to which every error refers.

    A postprocessing hook of drf-spectacular.
    """
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    return result


def describe_common_properties(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe by `PROPERTIES` what a serializer leaves without a text.

    A postprocessing hook of drf-spectacular.
    """
    for component in result.get("components", {}).get("schemas", {}).values():
        for name, field in component.get("properties", {}).items():
            if name in PROPERTIES and "$ref" not in field:
                field.setdefault("description", PROPERTIES[name])
    return result


def sort_by_tag(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Sort the paths by the order of `TAGS`, and list the tags that are in use with their texts.

    Within a tag the paths stay in the order of the URL map. A postprocessing hook of
    drf-spectacular.
    """
    ranks = {tag: rank for rank, tag in enumerate(TAGS)}
    tag_of = {path: _first_tag(operations) for path, operations in result["paths"].items()}
    by_use = sorted(tag_of, key=lambda path: ranks.get(tag_of[path], len(ranks)))
    result["paths"] = {path: result["paths"][path] for path in by_use}
    used = {
        tag
        for item in result["paths"].values()
        for operation in item.values()
        for tag in operation["tags"]
    }
    result["tags"] = [
        {"name": tag, "description": text} for tag, text in TAGS.items() if tag in used
    ]
    return result


def _first_tag(operations: dict[str, Any]) -> str:
    return str(next(iter(operations.values()))["tags"][0])
