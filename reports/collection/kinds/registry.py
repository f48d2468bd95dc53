"""The collector of each kind of source."""

from __future__ import annotations

from reports.collection.kinds import feeds, folders, open311, reddit, webhooks
from reports.collection.kinds.protocol import Collector
from reports.models import Source, SourceKind

COLLECTORS: dict[str, Collector] = {
    SourceKind.REDDIT: reddit,
    SourceKind.FEED: feeds,
    SourceKind.OPEN311: open311,
    SourceKind.FOLDER: folders,
    SourceKind.WEBHOOK: webhooks,
}


def collector_of(source: Source) -> Collector:
    """Return the collector that reads the source."""
    return COLLECTORS[source.kind]
