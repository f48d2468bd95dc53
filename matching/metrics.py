"""The metrics of matching, each of this process's own work since it started."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_MATCHES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
TASKS = ("run", "refresh")
PLANS = ("exact", "index", "index, then exact")
HIT, MISS = "hit", "miss"

task_duration = Histogram(
    "matching_task_duration_seconds",
    "How long finding a citizen's matches takes.",
    ["task"],
    buckets=_SECONDS,
)
vector_query_duration = Histogram(
    "matching_vector_query_duration_seconds",
    "How long finding the nearest vectors takes.",
    ["plan"],
    buckets=_SECONDS,
)
match_count = Histogram(
    "matching_match_count", "How many matches were found at once.", ["task"], buckets=_MATCHES
)
cache_lookups = Counter("matching_cache_lookups", "Lookups of rankings in the cache.", ["outcome"])
cache_hit_rate = Gauge(
    "matching_cache_hit_rate", "The share of rankings that the cache had, 0 to 1."
)


def _hit_rate() -> float:
    [metric] = cache_lookups.collect()
    counts = {
        sample.labels["outcome"]: sample.value
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    return counts[HIT] / max(sum(counts.values()), 1)


# Every label is exported from the first scrape on, before anything was measured.
for _task in TASKS:
    task_duration.labels(task=_task)
    match_count.labels(task=_task)
for _plan in PLANS:
    vector_query_duration.labels(plan=_plan)
for _outcome in (HIT, MISS):
    cache_lookups.labels(outcome=_outcome)
cache_hit_rate.set_function(_hit_rate)
