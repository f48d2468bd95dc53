"""What the SMS provider says became of its messages: each receipt counts once, whenever and however
often it comes.

A receipt may overtake the task that sent the message and has not recorded the provider's id yet.
Both sides lock that id first, so whichever comes second sees what the other one left.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from jobs.ledger import database
from notifications.models import Delivery, Receipt

#: Rows deleted by one statement: few enough that nobody waits behind it.
PRUNE_BATCH_RECEIPTS = 1_000


def receive(provider_id: str, status: str, *, error: str = "") -> None:
    """The first receipt of this id is kept, and a delivery sent under it has come to its end; a
    later one is nothing.

    An id that nobody knows is kept too: its delivery may be recorded next.
    """
    with transaction.atomic():
        lock(provider_id)
        outcome = {"status": status, "error": error}
        receipt, is_first = Receipt.objects.get_or_create(provider_id=provider_id, defaults=outcome)
        if is_first:
            Delivery.objects.settle(receipt)


def apply_early(provider_id: str) -> None:
    """The delivery just sent under this id has come to its end, if its receipt came first; needs
    `lock`.
    """
    receipt = Receipt.objects.filter(provider_id=provider_id).first()
    if receipt:
        Delivery.objects.settle(receipt)


def lock(provider_id: str) -> None:
    """Others that lock the same id wait until this transaction ends."""
    database.lock(f"receipt {provider_id}")


def prune() -> int:
    """Delete one batch of receipts older than JOBS_RETENTION_DAYS; return how many.

    Deliveries stay.
    """
    past = Receipt.objects.filter(
        received_at__lt=timezone.now() - timedelta(days=settings.JOBS_RETENTION_DAYS)
    )
    batch = past.order_by("received_at").values("pk")[:PRUNE_BATCH_RECEIPTS]
    return Receipt.objects.filter(pk__in=batch).delete()[0]
