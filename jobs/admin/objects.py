"""The rows that a task is about, as links to their pages in the admin."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from dramatiq import get_broker


@dataclass(frozen=True, slots=True)
class Link:
    """The page of a row that a task names, such as `report 0190a1b2…`."""

    label: str
    url: str


def links(
    request: HttpRequest, actor: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Link]:
    """Return links to the rows that these arguments name, as far as the reader may open them.

    An argument `report_id`, or a text `report:<id>`, names a row of the model `Report`. Nothing is
    looked up, so the row may be gone.
    """
    named = [*zip(_parameters(actor), args, strict=False), *kwargs.items()]
    rows = {
        (model, key): None
        for name, value in named
        for model, key in _rows(name, value)
        if admin.site.get_model_admin(model).has_view_permission(request)
    }
    return [_link(model, key) for model, key in rows]


def _rows(name: str, value: Any) -> Iterator[tuple[type[Model], str]]:
    if not isinstance(value, str):
        return
    kind, _, key = value.partition(":") if ":" in value else (name.removesuffix("_id"), "", value)
    model = _models().get(kind.replace("_", ""))
    if model is not None and _is_uuid(key):
        yield model, key


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _parameters(actor: str) -> list[str]:
    declared = get_broker().actors.get(actor)
    return list(inspect.signature(declared.fn).parameters) if declared else []


@lru_cache(maxsize=1)
def _models() -> dict[str, type[Model]]:
    """Return the models that have a page in the admin, by their names in lower case."""
    return {
        str(model._meta.model_name): model  # noqa: SLF001 - documented
        for model in admin.site._registry  # noqa: SLF001 - the site has no other list of them
    }


def _link(model: type[Model], key: str) -> Link:
    options = model._meta  # noqa: SLF001 - documented
    place = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=(key,))
    return Link(f"{options.verbose_name} {key[:8]}…", place)
