"""Keyset pagination of lists.

Every page costs the same, and rows with equal times are neither lost nor repeated. Django REST
framework's CursorPagination stores the first ordering field and an offset among equal rows, at most
1,000, which an import of many rows with one timestamp exceeds.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, QuerySet
from django.db.models.fields.tuple_lookups import (  # type: ignore[import-untyped]
    Tuple,
    TupleGreaterThan,
    TupleLessThan,
)
from django.http import QueryDict
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from config.exceptions import InvalidCursor
from jobs.http.fields import QueryIntegerField
from jobs.http.queries import InvalidQuery
from jobs.http.strict_json import storable

_CURSOR_MAX_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place where a page begins: the ordering values of a row, and the side of it."""

    values: tuple[str, ...]
    backward: bool = False

    def encode(self) -> str:
        text = json.dumps([int(self.backward), *self.values], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Return the cursor in a text that `encode` wrote.

        Raises:
            InvalidCursor: `encode` did not write the text.
        """
        padded = text[:_CURSOR_MAX_CHARACTERS] + "=" * (-len(text) % 4)
        try:
            match json.loads(base64.b64decode(padded, altchars="-_", validate=True)):
                case [0 | 1 as side, *values] if all(
                    isinstance(value, str) and storable(value) for value in values
                ):
                    return cls(tuple(values), backward=bool(side))
        except (ValueError, RecursionError) as error:
            raise InvalidCursor from error
        raise InvalidCursor


class KeysetPagination(BasePagination):
    """Answer `?cursor=…&page_size=…` with `{next, previous, results}`, newest first.

    A view's `ordering` names fields that are never NULL, all in one direction, and ends with a
    unique one; an index on them serves every page. `other__field` is that of a related row. A
    view whose `first_rows(queryset, count, begins)` knows a better way than the first `count` rows
    of the queryset reads them itself; `begins` are the ordering values at which the page begins,
    None on the first page.
    """

    ordering: tuple[str, ...] = ("-created_at", "-id")
    page_size = 20
    max_page_size = 100

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """Return the page's rows.

        Raises:
            InvalidCursor: the cursor is not of this list.
            InvalidQuery: the page size is no whole number from 1 to `max_page_size`.
        """
        self.ordering = getattr(view, "ordering", self.ordering)
        self.url = request.build_absolute_uri()
        text = request.query_params.get("cursor")
        self.cursor = None if text is None else Cursor.decode(text)
        size = self._page_size(request.query_params)
        backward = self.cursor is not None and self.cursor.backward
        self.begins = None if self.cursor is None else self._values(queryset.model, self.cursor)
        first_rows = getattr(view, "first_rows", _first_rows)
        rows = first_rows(self._from_cursor(queryset, backward), size + 1, self.begins)
        has_more = len(rows) > size
        self.rows = rows[:size][::-1] if backward else rows[:size]
        self.has_next = backward or has_more
        self.has_previous = has_more if backward else self.cursor is not None
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"next": self._next_link(), "previous": self._previous_link(), "results": data}
        )

    def _from_cursor(self, queryset: QuerySet[Any], backward: bool) -> QuerySet[Any]:
        descending = self.ordering[0].startswith("-") != backward
        names = [name.lstrip("-") for name in self.ordering]
        if self.begins is not None:
            after = TupleLessThan if descending else TupleGreaterThan
            queryset = queryset.filter(after(Tuple(*names), self.begins))
        return queryset.order_by(*(f"-{name}" if descending else name for name in names))

    def _values(self, model: type[Model], cursor: Cursor) -> tuple[Any, ...]:
        fields = self._fields(model)
        if len(cursor.values) != len(fields):
            raise InvalidCursor
        try:
            return tuple(
                _value(field, text) for field, text in zip(fields, cursor.values, strict=True)
            )
        except (ValidationError, ValueError, OverflowError) as error:
            raise InvalidCursor from error

    def _fields(self, model: type[Model]) -> Sequence[Field[Any, Any]]:
        return [_field(model, name.lstrip("-")) for name in self.ordering]

    def _page_size(self, parameters: QueryDict) -> int:
        if "page_size" not in parameters:
            return self.page_size
        field = QueryIntegerField(min_value=1, max_value=self.max_page_size)
        try:
            return int(field.run_validation(parameters["page_size"]))
        except exceptions.ValidationError as error:
            raise InvalidQuery({"page_size": error.detail}) from error

    def _next_link(self) -> str | None:
        return self._link(self.rows[-1], backward=False) if self.has_next and self.rows else None

    def _previous_link(self) -> str | None:
        return self._link(self.rows[0], backward=True) if self.has_previous and self.rows else None

    def _link(self, row: Model, *, backward: bool) -> str:
        values = tuple(_text(row, name.lstrip("-")) for name in self.ordering)
        return replace_query_param(self.url, "cursor", Cursor(values, backward).encode())

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {
            "type": "string",
            "format": "uri",
            "nullable": True,
            "description": "Address of the page; null where there is none.",
        }
        properties = {"next": link, "previous": link, "results": schema}
        return {
            "type": "object",
            "description": "A page of a list.",
            "required": list(properties),
            "properties": properties,
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_page_size,
            "default": self.page_size,
        }
        return [
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "description": (
                    "Where the page begins; follow `next` and `previous` instead of making one."
                ),
            },
            {
                "name": "page_size",
                "in": "query",
                "schema": size,
                "description": "Entries on a page.",
            },
        ]


def _first_rows(queryset: QuerySet[Any], count: int, _begins: tuple[Any, ...] | None) -> list[Any]:
    return list(queryset[:count])


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    """Return the field that a name in an ordering stands for, perhaps of a related model."""
    relation, _, rest = name.partition("__")
    field: Any = model._meta.get_field(relation)  # noqa: SLF001 - documented
    return _field(field.related_model, rest) if rest else cast("Field[Any, Any]", field)


def _text(row: Model, name: str) -> str:
    """Return the ordering value of a row as text, from which `_value` reads it."""
    relation, _, rest = name.partition("__")
    if rest:
        return _text(getattr(row, relation), rest)
    return _field(type(row), name).value_to_string(row)


def _value(field: Field[Any, Any], text: str) -> Any:
    """Return an ordering value read from text; times in UTC, since PostgreSQL refuses some offsets.

    Raises:
        ValidationError: the text is no value of the field.
        ValueError, OverflowError: a time has no offset, or is outside the calendar.
    """
    value = field.to_python(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("The number is not finite.")
    if not isinstance(value, datetime):
        return value
    if timezone.is_naive(value):
        raise ValueError("The time has no offset.")
    return value.astimezone(UTC)
