"""Serializers that each thread keeps for its next request.

Django REST framework copies every field of a serializer for every object that is made of it, which
costs more than reading a request's body or showing a row.
"""

from __future__ import annotations

import threading
from typing import Any, Generic, TypeVar

from rest_framework.serializers import Serializer

S = TypeVar("S", bound="Serializer[Any]")


class Kept(Generic[S]):
    """A serializer class, of which each thread makes one object and uses it again and again."""

    def __init__(self, serializer: type[S]) -> None:
        self._serializer = serializer
        self._of_thread = threading.local()

    def shown(self, instance: Any, context: dict[str, Any]) -> Any:
        """Return the JSON of an instance, as `serializer(instance, context=context).data`."""
        return self._own(context).to_representation(instance)

    def validated(self, data: Any, context: dict[str, Any]) -> S:
        """Return the serializer of this thread after it has validated a body.

        It is the same object in the next request: read what you need now.

        Raises:
            ValidationError: the body is not valid.
        """
        serializer = self._own(context)
        vars(serializer).pop("_validated_data", None)
        vars(serializer).pop("_errors", None)
        serializer.initial_data = data
        serializer.is_valid(raise_exception=True)
        return serializer

    def _own(self, context: dict[str, Any]) -> S:
        serializer: S | None = getattr(self._of_thread, "serializer", None)
        if serializer is None:
            serializer = self._of_thread.serializer = self._serializer(data=None)
        serializer._context = context  # noqa: SLF001 - what `context=` sets
        return serializer
