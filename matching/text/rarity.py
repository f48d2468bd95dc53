"""How rare each stem is among the opportunities.

It is measured every night and stored; each process keeps a copy for RARITY_SECONDS.
"""

from __future__ import annotations

import numpy as np
from django.db import transaction

from jobs.ledger import database
from jobs.remembered import Remembered
from matching.models import OpportunityVector, TermStatistics
from matching.text.terms import BUCKETS, Rarity, Terms

#: After this time a process reads the stored rarity again.
RARITY_SECONDS = 300
RARITY_SAMPLE_ROWS = 50_000


def stored_rarity() -> Rarity | None:
    """Return what the last `refresh_rarity` stored; None if there is nothing."""
    row = TermStatistics.objects.filter(pk=1).first()
    if row is None or len(row.frequencies) != 4 * BUCKETS:
        return None
    return Rarity(
        row.documents, np.frombuffer(bytes(row.frequencies), dtype="<i4").astype(np.int32)
    )


def refresh_rarity() -> Rarity:
    """Measure how rare each stem is, and store it."""
    rarity = measure_rarity()
    TermStatistics.objects.update_or_create(
        pk=1,
        defaults={
            "documents": rarity.documents,
            "frequencies": rarity.frequencies.astype("<i4").tobytes(),
            "computed_at": database.now(),
        },
    )
    kept_rarity.forget()
    return rarity


def measure_rarity(source: str = "") -> Rarity:
    """Measure how rare each stem is, on a sample of at most RARITY_SAMPLE_ROWS opportunities.

    With `source`, only opportunities of that source count. The sample is streamed.
    """
    rows = OpportunityVector.objects.order_by()
    rows = rows.filter(opportunity__source=source) if source else rows
    packed = rows.values_list("terms", flat=True)[:RARITY_SAMPLE_ROWS]
    with transaction.atomic():  # a streaming cursor needs a transaction
        return Rarity.of(Terms.unpack(bytes(terms)) for terms in packed.iterator(chunk_size=2000))


kept_rarity = Remembered(lambda: stored_rarity() or measure_rarity(), seconds=RARITY_SECONDS)
current_rarity = kept_rarity.get
