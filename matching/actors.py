"""The background tasks of matching."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import jobs
from embeddings.embedder import get_embedder
from matching.models import MatchRun, OpportunityVector, Profile, ProfileVector
from matching.ranking import carrying_out, everyone, reverse
from matching.search import generation
from matching.vectors import rebuilding, spaces, storing
from notifications.actors import notify_user

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Opportunities that one task matches with citizens.
REVERSE_BATCH = 16
#: An opportunity may have to be compared with every citizen.
REVERSE_TIMEOUT = timedelta(seconds=60)


@jobs.before_ready("matching")
def load_embedder() -> None:
    """Load the model that turns texts into vectors before any match run waits for it."""
    get_embedder().embed(["A street lamp is broken."])


# Outlasts an embedding service that is down for a day.
@jobs.actor(queue_name="matching", kind="external", delivery="at_least_once", outlasts=DAY)
def embed_opportunities(opportunity_ids: list[str]) -> list[OpportunityVector]:
    """Return the vectors of new or changed opportunities, computed outside any transaction."""
    return storing.opportunity_vectors(opportunity_ids, attempt=jobs.current_task().attempt)


@embed_opportunities.record
def record_opportunity_vectors(rows: list[OpportunityVector], _opportunity_ids: list[str]) -> None:
    """Store the vectors, and send the tasks that match citizens with these opportunities."""
    changed = storing.upsert(rows)
    generation.advance()
    send_reverse(changed)


# Outlasts an embedding service that is down for a day.
@jobs.actor(queue_name="matching", kind="external", delivery="at_least_once", outlasts=DAY)
def embed_profile(profile_id: str) -> list[ProfileVector]:
    """Return the vector of a changed profile, computed outside any transaction."""
    return storing.profile_vectors([profile_id], attempt=jobs.current_task().attempt)


@embed_profile.record
def record_profile_vector(rows: list[ProfileVector], _profile_id: str) -> None:
    """Store the vector, and send the task that finds the citizen's matches anew."""
    storing.upsert(rows)
    for row in rows:
        send_refresh(str(row.profile.user_id))


# It needs nothing but the database; the round of the next night does it again.
@jobs.actor(queue_name="matching", kind="long", outlasts=HOUR)
def refresh_matches(user_id: str) -> None:
    """Find a citizen's matches anew and save them."""
    carrying_out.refresh(user_id)


def send_refresh(user_id: str, **options: Any) -> None:
    """Send the task that finds a citizen's matches anew; one waits at a time for each citizen."""
    refresh_matches.send_with_options(
        args=(user_id,), unique_key=f"user:{user_id}:matches", **options
    )


# Outlasts no outage: a person waits, and can start it again.
@jobs.actor(queue_name="matching", kind="long", outlasts=timedelta(seconds=3))
def run_matches(run_id: str) -> None:
    """Carry out a match run that a citizen started."""
    carrying_out.carry_out(run_id)


@run_matches.mirror
def show_run_end(standing: jobs.Standing, run_id: str) -> None:
    """Store at the run that its task died or was cancelled; tasks are deleted before runs."""
    ended_as = standing.state if standing.has_ended else ""
    MatchRun.objects.filter(pk=run_id).update(ended_as=ended_as)


# It needs nothing but the database.
@jobs.actor(queue_name="matching", transaction_timeout=REVERSE_TIMEOUT, outlasts=HOUR, is_bulk=True)
def match_citizens(opportunity_ids: list[str]) -> None:
    """Save new or changed opportunities as matches of the nearest citizens, and notify these.

    A citizen is notified at most once a day, and only if they want it. Nobody waits for this task:
    it is bulk work, whoever sends it.
    """
    for user_id in Profile.objects.wanting_notices(reverse.find_citizens(opportunity_ids)):
        notify_user.send(str(user_id), "new_matches", {}, reverse.notice_key(user_id))
    key = f"opportunity:{opportunity_ids[0]}:everyone" if len(opportunity_ids) == 1 else None
    match_everyone.send_with_options(args=(opportunity_ids,), unique_key=key)


# It needs nothing but the database; it continues behind its checkpoint.
@jobs.actor(queue_name="matching", kind="long", outlasts=HOUR, is_bulk=True)
def match_everyone(opportunity_ids: list[str]) -> None:
    """Save new or changed opportunities as matches of all other citizens they suit."""
    everyone.match_everyone(opportunity_ids)


def send_reverse(opportunity_ids: Sequence[UUID]) -> None:
    """Send the task that matches citizens with these opportunities.

    One opportunity gets one task, which later changes join; many go in batches.
    """
    ids = [str(opportunity_id) for opportunity_id in opportunity_ids]
    if len(ids) == 1:
        match_citizens.send_with_options(args=(ids,), unique_key=f"opportunity:{ids[0]}:match")
        return
    batches = [ids[start : start + REVERSE_BATCH] for start in range(0, len(ids), REVERSE_BATCH)]
    match_citizens.send_many([(batch,) for batch in batches])


# The round of the next night does what this one left.
@jobs.actor(queue_name="matching", kind="long", outlasts=HOUR)
def refresh_all_matches() -> None:
    """Carry out the nightly round: tidy up, then find the matches of every citizen anew.

    After an update that changed how texts become vectors, it also starts to embed everything anew.
    """
    rebuilding.tidy()
    if spaces.is_outdated(get_embedder()):
        with jobs.current_task().effects():
            rebuild_embeddings.send_with_options(unique_key="rebuild_embeddings")
    rebuilding.in_batches(
        lambda user_ids: refresh_matches.send_many([(user_id,) for user_id in user_ids])
    )


# Outlasts an embedding service that is down for a day.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=DAY, is_bulk=True)
def rebuild_embeddings() -> None:
    """Embed everything with this worker's embedder, then match citizens by the new vectors."""
    rebuilding.rebuild()


@rebuild_embeddings.mirror
def show_rebuild_end(standing: jobs.Standing) -> None:
    """Show on the vector space that its rebuild died or was cancelled."""
    if standing.has_ended:
        spaces.stop(standing.task_id)


# Outlasts no outage: an operator watches, and can start it again.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=timedelta(seconds=1), is_bulk=True)
def build_vector_indices() -> None:
    """Build the vector indexes anew, check them, and replace the old ones."""
    rebuilding.build_indices()
