"""Delete what collection keeps for some days only."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Model
from django.db.models.functions import Now

from reports.models import CollectionCycle, PostRaw, WebhookReceipt

BATCH_ROWS = 1_000


def prune() -> int:
    """Delete one batch of raw posts, receipts and cycles that are past their time."""
    return (
        _oldest(PostRaw, "stored_at", timedelta(days=settings.COLLECTION_RAW_DAYS))
        + _oldest(WebhookReceipt, "at", timedelta(days=1))
        + _oldest(CollectionCycle, "started_at", timedelta(days=settings.JOBS_RETENTION_DAYS))
    )


def _oldest(table: type[Model], time: str, age: timedelta) -> int:
    """Delete one batch of the rows whose `time` is longer ago than `age`; return how many."""
    rows = table._default_manager  # noqa: SLF001 - documented
    past = rows.filter(**{f"{time}__lt": Now() - age}).order_by(time).values("pk")[:BATCH_ROWS]
    return rows.filter(pk__in=past).delete()[0]
