"""The task that analyses posts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jobs
from reports.collection.analysis import analysing, topic_lists


# Long enough for a restart of the embeddings' server. Posts whose analysis has failed for good are
# analysed one by one, so that a text which cannot be embedded costs nothing but itself. One large
# source can bring hours of this work, so the next cycles and all other bulk work come first.
@jobs.actor(
    queue_name="analytics",
    kind="external",
    outlasts=timedelta(hours=1),
    is_bulk=True,
    priority=10,
)
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


# It outlasts no outage: a person waits for it, and can ask for it again.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta())
def preview_topics(number: int) -> dict[str, Any]:
    """Count how a list of topics would change the topics of the newest posts."""
    return topic_lists.preview(number)


# Long enough for a restart of the embeddings' server.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(hours=1), is_bulk=True)
def reassign_topics(number: int) -> dict[str, int]:
    """Give all posts the topics of the list that is in use now; return how many have changed."""
    task = jobs.current_task()
    done: dict[str, Any] = task.checkpoint or {"last": None, "changed": 0}

    def note(last: str, changed: int) -> None:
        done.update(last=last, changed=done["changed"] + changed)
        task.save_checkpoint(done)
        task.progress(0.5, "posts", changed=done["changed"])

    topic_lists.reassign(number, task.effects, after=done["last"], on_batch=note)
    return {"changed": done["changed"]}
