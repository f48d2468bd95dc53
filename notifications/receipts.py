"""Receipts of the SMS provider: each counts once, whenever and however often it comes.

A receipt may come before the task that sent the message has stored the provider's id. Both lock
that id first, so that the second of them sees what the first one stored.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from jobs.ledger import database
from notifications.models import Delivery, Receipt

#: Rows deleted by one statement: few enough that other statements hardly wait for it.
PRUNE_BATCH_RECEIPTS = 1_000


def receive(provider_id: str, status: str, *, error: str = "") -> None:
    """Store the first receipt of this id, and settle the delivery that was sent under it.

    Further receipts of the id are ignored. A receipt of an unknown id is kept, since its delivery
    may be stored a moment later.
    """
    with transaction.atomic():
        lock(provider_id)
        outcome = {"status": status, "error": error}
        receipt, is_first = Receipt.objects.get_or_create(provider_id=provider_id, defaults=outcome)
        if is_first:
            Delivery.objects.settle(receipt)


def apply_early(provider_id: str) -> None:
    """Settle the delivery just sent under this id, if its receipt came first.

    Call `lock` with the same id before.
    """
    receipt = Receipt.objects.filter(provider_id=provider_id).first()
    if receipt:
        Delivery.objects.settle(receipt)


def lock(provider_id: str) -> None:
    """Take a lock on the provider's id until this transaction ends."""
    database.lock(f"receipt {provider_id}")


def prune() -> int:
    """Delete one batch of receipts older than JOBS_RETENTION_DAYS; return how many."""
    past = Receipt.objects.filter(
        received_at__lt=Now() - timedelta(days=settings.JOBS_RETENTION_DAYS)
    )
    batch = past.order_by("received_at").values("pk")[:PRUNE_BATCH_RECEIPTS]
    return Receipt.objects.filter(pk__in=batch).delete()[0]
