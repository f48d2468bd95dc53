"""Queries: the parameters that an address carries."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


class InvalidQuery(ValidationError):
    """A parameter of the query is not valid, whatever the method of the request."""


class QuerySerializer(serializers.Serializer[Any]):
    """The query parameters of an operation; give it to `extend_schema` as one of its parameters."""

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """Return the parameters of the request, validated, with defaults.

        Raises:
            InvalidQuery: a parameter is not valid.
        """
        serializer = cls(data=request.query_params.dict())
        if not serializer.is_valid():
            raise InvalidQuery(serializer.errors)
        return dict(serializer.validated_data)
