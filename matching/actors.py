"""Background work of matching."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import jobs
from embeddings.embedder import get_embedder
from matching.models import MatchRun, OpportunityVector, Profile, ProfileVector
from matching.ranking import carrying_out, reverse
from matching.search import generation
from matching.vectors import rebuilding, storing
from notifications.actors import notify_user

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Opportunities whose citizens one task looks for.
REVERSE_BATCH = 16
#: Each of them may have to be compared with every citizen.
REVERSE_TIMEOUT = timedelta(seconds=60)


@jobs.before_ready("matching")
def load_embedder() -> None:
    """Load the model that turns texts into vectors before any match run waits for it."""
    get_embedder().embed(["A street lamp is broken."])


# A server of embeddings is away for a day.
@jobs.actor(queue_name="matching", kind="external", delivery="at_least_once", outlasts=DAY)
def embed_opportunities(opportunity_ids: list[str]) -> list[OpportunityVector]:
    """The vectors of new or changed opportunities; the model runs while no transaction is open."""
    return storing.opportunity_vectors(opportunity_ids, attempt=jobs.current_task().attempt)


@embed_opportunities.record
def record_opportunity_vectors(rows: list[OpportunityVector], _opportunity_ids: list[str]) -> None:
    """They are stored, and the citizens they suit are looked for."""
    changed = storing.upsert(rows)
    generation.advance()
    send_reverse(changed)


# As for opportunities.
@jobs.actor(queue_name="matching", kind="external", delivery="at_least_once", outlasts=DAY)
def embed_profile(profile_id: str) -> list[ProfileVector]:
    """The vector of a changed profile."""
    return storing.profile_vectors([profile_id], attempt=jobs.current_task().attempt)


@embed_profile.record
def record_profile_vector(rows: list[ProfileVector], _profile_id: str) -> None:
    """It is stored, and the citizen's saved matches are found anew."""
    storing.upsert(rows)
    for row in rows:
        send_refresh(str(row.profile.user_id))


# Our own database alone; every night's round does it again.
@jobs.actor(queue_name="matching", kind="long", outlasts=HOUR)
def refresh_matches(user_id: str) -> None:
    """A citizen's saved matches are what would be found now."""
    carrying_out.refresh(user_id)


def send_refresh(user_id: str, **options: Any) -> None:
    """Have a citizen's saved matches refreshed, once however many ask."""
    refresh_matches.send_with_options(
        args=(user_id,), unique_key=f"user:{user_id}:matches", **options
    )


# No outage: a person waits, and can start it again.
@jobs.actor(queue_name="matching", kind="long", outlasts=timedelta(seconds=3))
def run_matches(run_id: str) -> None:
    """A match run somebody asked for."""
    carrying_out.carry_out(run_id)


@run_matches.mirror
def show_run_end(standing: jobs.Standing, run_id: str) -> None:
    """Keep how a run ended that found nothing: it outlives its task."""
    ended_as = standing.state if standing.has_ended else ""
    MatchRun.objects.filter(pk=run_id).update(ended_as=ended_as)


# Our own database alone.
@jobs.actor(queue_name="matching", transaction_timeout=REVERSE_TIMEOUT, outlasts=HOUR, is_bulk=True)
def match_citizens(opportunity_ids: list[str]) -> None:
    """New or changed opportunities are matches of citizens they suit alone.

    Each citizen who wants to is told, at most once a day. Nobody waits for it: it is bulk work whoever sends it.
    """
    for user_id in Profile.objects.to_be_told(reverse.find_citizens(opportunity_ids)):
        notify_user.send(str(user_id), "new_matches", {}, reverse.notice_key(user_id))


def send_reverse(opportunity_ids: Sequence[UUID]) -> None:
    """Have the citizens looked for whom these opportunities suit: one in a task that later changes
    join.
    """
    ids = [str(one) for one in opportunity_ids]
    if len(ids) == 1:
        match_citizens.send_with_options(args=(ids,), unique_key=f"opportunity:{ids[0]}:match")
        return
    batches = [ids[start : start + REVERSE_BATCH] for start in range(0, len(ids), REVERSE_BATCH)]
    match_citizens.send_many([(batch,) for batch in batches])


# The next night's round does what this one left.
@jobs.actor(queue_name="matching", kind="long", outlasts=HOUR)
def refresh_all_matches() -> None:
    """Every night: stems are counted, old runs and rankings go, and each citizen's matches are
    found anew.
    """
    rebuilding.tidy()
    rebuilding.in_batches(
        lambda user_ids: refresh_matches.send_many([(user_id,) for user_id in user_ids])
    )


# A server of embeddings is away for a day.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=DAY, is_bulk=True)
def rebuild_embeddings() -> None:
    """Everything is embedded with this worker's embedder; then citizens are matched with its
    vectors.
    """
    rebuilding.rebuild()


# No outage: an operator watches, and can start it again.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=timedelta(seconds=1), is_bulk=True)
def build_vector_indices() -> None:
    """The vector indexes are built anew, checked, and replace the old ones."""
    rebuilding.build_indices()
