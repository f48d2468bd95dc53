"""Take what a webhook sends: each request once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

import jobs
from reports.collection.kinds.protocol import Item
from reports.collection.storing import Stored, store_items
from reports.errors import WebhookRepeated
from reports.models import Source, WebhookReceipt


def receive(source: Source, items: Sequence[Item], *, signature: str) -> Stored:
    """Store the items and the receipt of the request, or nothing.

    Raises:
        WebhookRepeated: a request with this signature was taken before.
    """
    with (
        transaction.atomic(),
        jobs.entering(jobs.Urgency.BULK, sender=f"collection:{source.pk}"),
    ):
        _, is_first = WebhookReceipt.objects.get_or_create(source=source, signature=signature)
        if not is_first:
            raise WebhookRepeated
        stored = store_items(source, items)
        Source.objects.filter(pk=source.pk).update(fetched_at=Now())
    return stored
