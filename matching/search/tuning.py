"""Settings of PostgreSQL for one search, undone with its savepoint or transaction."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

#: The list HNSW keeps while it searches, for each row asked for, at most 1,000. With a shorter one
#: a question that lies far from every cluster may end in the wrong one: among a million, 3 found
#: .87 of the nearest on average, 5 found .98.
EF_SEARCH_PER_ROW = 5
#: For few rows too; VECTOR_HNSW_EF_SEARCH bounds both.
EF_SEARCH_MINIMUM = 200


def tuned_for_index(count: int) -> None:
    """Until the savepoint is undone: scan on past rows that are filtered out, and take the index in
    any case.
    """
    wished = max(EF_SEARCH_MINIMUM, EF_SEARCH_PER_ROW * count)
    ef_search = min(settings.VECTOR_HNSW_EF_SEARCH, wished)
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
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])


def limit_statements() -> None:
    """Until the transaction ends no statement takes longer than MATCHING_STATEMENT_TIMEOUT_SECONDS."""
    milliseconds = int(settings.MATCHING_STATEMENT_TIMEOUT_SECONDS * 1000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
