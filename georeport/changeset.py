"""When what clients may keep of this interface last changed: the changeset of discovery.

Source: https://wiki.open311.org/Service_Discovery
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Now

from georeport.models import Catalogue
from reports.models import Category, Question

ONLY = 1


def changed_at() -> datetime:
    """Return when the services and their definitions last changed, as far as clients see them.

    A change is noted at the first look after it.
    """
    digest = _digest()
    stored = Catalogue.objects.filter(pk=ONLY, digest=digest).first()
    return stored.changed_at if stored else _noted(digest)


def _noted(digest: bytes) -> datetime:
    Catalogue.objects.bulk_create([Catalogue(pk=ONLY, digest=digest)], ignore_conflicts=True)
    other = Catalogue.objects.filter(pk=ONLY).exclude(digest=digest)
    other.update(digest=digest, changed_at=Now())
    return Catalogue.objects.get(pk=ONLY).changed_at


def _digest() -> bytes:
    """Return what stands for the texts of services and definitions in all languages."""
    texts = [list(rows) for rows in (_services(), _attributes())]
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).digest()


def _services() -> QuerySet[Category, tuple[object, ...]]:
    active = Category.objects.filter(is_active=True)
    return active.values_list(
        "slug", "name", "description", "keywords", "translations", "group__name",
        "group__translations",
    )  # fmt: skip


def _attributes() -> QuerySet[Question, tuple[object, ...]]:
    asked = Question.objects.filter(retired_at=None, category__is_active=True)
    ordered = asked.order_by("category_id", "position", "code")
    return ordered.values_list(
        "category__slug", "code", "type", "label", "help", "is_required", "values", "translations"
    )
