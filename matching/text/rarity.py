"""How rare each stem is among the opportunities.

It is measured every night and stored; each process keeps a copy for RARITY_SECONDS.
"""

from __future__ import annotations

import threading
import time

import numpy as np
from django.db import transaction

from jobs.ledger import database
from matching.models import OpportunityVector, TermStatistics
from matching.text.terms import BUCKETS, Rarity, Terms

#: After this time a process reads the stored rarity again.
RARITY_SECONDS = 300
RARITY_SAMPLE_ROWS = 50_000


class _RarityCache:
    """This process's copy of the rarity, read again after RARITY_SECONDS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rarity = Rarity(0, np.zeros(BUCKETS, dtype=np.int32))
        self._read_at = -float(RARITY_SECONDS)

    def get(self) -> Rarity:
        """Return the rarity; read it again, or measure it, if the copy is too old."""
        with self._lock:
            if time.monotonic() - self._read_at >= RARITY_SECONDS:
                self._rarity, self._read_at = stored_rarity() or measure_rarity(), time.monotonic()
            return self._rarity

    def clear(self) -> None:
        """Make the next `get` read the rarity again."""
        with self._lock:
            self._read_at = -float(RARITY_SECONDS)


_rarity_cache = _RarityCache()
current_rarity = _rarity_cache.get
forget_rarity = _rarity_cache.clear


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
    forget_rarity()
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
