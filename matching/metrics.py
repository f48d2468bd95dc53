"""What a process measures of matching."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

task_duration = Histogram(
    "matching_task_duration_seconds", "How long a match run takes in its worker.", ["task"], buckets=_SECONDS
)
vector_query_duration = Histogram(
    "matching_vector_query_duration_seconds", "How long the nearest vectors take.", ["plan"], buckets=_SECONDS
)
match_count = Counter("matching_match_count", "Matches that runs have found.")
cache_lookups = Counter("matching_cache_lookups", "Rankings asked of the cache.", ["outcome"])
