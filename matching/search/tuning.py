"""Settings of PostgreSQL for one search, undone at the end of its savepoint or transaction."""

from __future__ import annotations

from django.conf import settings

from jobs.ledger.database import execute

#: The length of the list that HNSW keeps while it searches, for each row to find; at most 1,000 in
#: all. With a shorter list, a query far from every cluster may end in the wrong one: among a
#: million vectors, a factor of 3 found .87 of the nearest on average, 5 found .98.
EF_SEARCH_PER_ROW = 5
#: The shortest such list, for searches of few rows. VECTOR_HNSW_EF_SEARCH is the longest.
EF_SEARCH_MINIMUM = 200


def tuned_for_index(count: int) -> None:
    """Have the next statements use the vector index, for a search of the `count` nearest rows.

    The index is scanned on past rows that the conditions exclude. The settings hold until the
    savepoint is rolled back.
    """
    needed = max(EF_SEARCH_MINIMUM, EF_SEARCH_PER_ROW * count)
    ef_search = min(settings.VECTOR_HNSW_EF_SEARCH, needed)
    values = {
        "hnsw.ef_search": ef_search,
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": settings.VECTOR_MAX_SCAN_ROWS,
        "ivfflat.probes": settings.VECTOR_IVF_PROBES,
        "ivfflat.iterative_scan": "relaxed_order",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    for name, value in values.items():
        execute("SELECT set_config(%s, %s, true)", (name, str(value)))


def limit_statements() -> None:
    """Limit each statement of this transaction to MATCHING_STATEMENT_TIMEOUT_SECONDS."""
    milliseconds = int(settings.MATCHING_STATEMENT_TIMEOUT_SECONDS * 1000)
    execute("SELECT set_config('statement_timeout', %s, true)", (str(milliseconds),))
