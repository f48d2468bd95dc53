"""The task that analyses posts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jobs
from reports.collection.analysis import analysing


# Long enough for a restart of the embeddings' server. Posts whose analysis has failed for good are
# analysed one by one, so that a text which cannot be embedded costs nothing but itself.
@jobs.actor(queue_name="analytics", kind="external", outlasts=timedelta(hours=1), is_bulk=True)
def analyse_posts(keys: list[list[Any]]) -> dict[str, Any]:
    """Return language, tone, topic, category, place and vector of posts: ids with revisions."""
    return analysing.analyse(keys)


@analyse_posts.record
def record_analysis(outcome: dict[str, Any], _keys: list[list[Any]]) -> None:
    """Store what the analysis made of the posts, link them to reports, and form drafts."""
    analysing.record(outcome)


@analyse_posts.mirror
def analyse_one_by_one(standing: jobs.Standing, keys: list[list[Any]]) -> None:
    """Analyse each post of a failed batch alone."""
    if standing.has_ended and len(keys) > 1:
        analyse_posts.send_many([([key],) for key in keys])
