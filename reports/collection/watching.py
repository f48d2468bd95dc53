"""What operators see of collection: an alert about failing sources, and metrics."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.ledger.database import fetch
from reports.models import Source

SENTENCE = "Sources of posts that cannot be read: {value:.0f} (more than {threshold:.0f})."

# The sources and, in a last row without a name, how many posts wait for their analysis.
_FIGURES = """
    SELECT name, kind, failures, EXTRACT(EPOCH FROM statement_timestamp() - fetched_at)::float8
    FROM reports_source WHERE is_enabled
    UNION ALL SELECT NULL, NULL, count(*), NULL
    FROM (SELECT FROM reports_post WHERE analysed_at IS NULL LIMIT 10000) AS post
"""


def failing_sources() -> float:
    """Return how many enabled sources could not be read the last time."""
    return Source.objects.failing().count()


class CollectionCollector(Collector):
    """Collects the state of the sources, and of the last cycle."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering the collector reads no table."""
        return []

    def collect(self) -> Iterator[Metric]:
        labels = ["source", "kind"]
        failures = GaugeMetricFamily(
            "civiclens_source_failures", "Failed fetches of a source in a row.", labels=labels
        )
        age = GaugeMetricFamily(
            "civiclens_source_age_seconds", "Since a source was last read.", labels=labels
        )
        unanalysed = GaugeMetricFamily(
            "civiclens_posts_unanalysed",
            "Posts that wait for their analysis; 10000 means at least.",
        )
        for name, kind, count, seconds in fetch(_FIGURES, ()):
            if name is None:
                unanalysed.add_metric([], count)
                continue
            failures.add_metric([name, kind], count)
            if seconds is not None:
                age.add_metric([name, kind], seconds)
        yield from (failures, age, unanalysed)
