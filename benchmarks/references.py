"""What this machine manages at this moment without the product: floors are ratios to these figures,
so that a slow day fails nothing and a fast one hides nothing.
"""

from __future__ import annotations

from statistics import median

from benchmarks.services import Services

COMMITS = 200
TEXTS = 60


def raw_commits_per_s(services: Services, count: int) -> float:
    """Return how many INSERTs of one row commit in a second, from as many threads as senders
    have.
    """
    sent = services.run_child("send", "raw", count)
    services.database.execute("TRUNCATE bench_effect")
    return float(count / sent["seconds"])


def raw_commit_ms(services: Services) -> float:
    """Return how long one committed INSERT takes, in milliseconds; the median."""
    times: list[float] = services.run_child("commit_milliseconds", COMMITS)
    services.database.execute("TRUNCATE bench_effect")
    return median(times)


def embedder_ms(services: Services) -> float:
    """Return the embedder's processor time for one report, in milliseconds; the median."""
    times: list[float] = services.run_child("embed_milliseconds", TEXTS, CIVICLENS_PROCESS="worker")
    return median(times)
