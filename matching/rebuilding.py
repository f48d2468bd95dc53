"""Work on everything: embedding it with another model, and the nightly round. Streams ids, never rows of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

import jobs
from matching import indexing, vectors
from matching.embeddings import get_embedder
from matching.errors import IndexBuildRunning
from matching.matchmaking import refresh_rarity
from matching.models import (
    CachedRanking,
    MatchRun,
    Opportunity,
    OpportunityVector,
    Profile,
    ProfileVector,
    StoredVector,
    VectorSpace,
)
from matching.spaces import activate, active_space, space_for

USERS_TOGETHER = 500
RUN_RETENTION = timedelta(days=30)
#: Runs that began before a swap of models end in the old one's vectors.
SPACE_RETENTION = timedelta(days=1)
ROWS_DELETED_TOGETHER = 5000


def rebuild() -> VectorSpace:
    """Everything has a current vector in the space of this worker's embedder, which is the active one from now on.

    Matching goes on in the old space meanwhile. Killed, it goes on where it stopped: what has a vector is left alone.
    """
    task = jobs.current_task()
    space = space_for(get_embedder())
    total = Opportunity.objects.count() + Profile.objects.count()
    done = total - stale_opportunities(space).count() - stale_profiles(space).count()
    while ids := list(stale_opportunities(space).values_list("pk", flat=True)[: vectors.BATCH_TEXTS]):
        rows = vectors.opportunity_vectors(ids)
        with task.effects():
            vectors.upsert(rows)
        done += len(ids)
        task.progress(0.9 * done / max(total, 1), "opportunities", done=done, total=total)
    while profiles := list(stale_profiles(space)[: vectors.BATCH_TEXTS]):
        fresh = [vectors.current_profile_vector(profile) for profile in profiles]
        with task.effects():
            vectors.upsert(fresh)
        done += len(profiles)
        task.progress(0.9 * done / max(total, 1), "profiles", done=done, total=total)
    _index_and_swap(space)
    return space


def _index_and_swap(space: VectorSpace) -> None:
    task = jobs.current_task()
    if active_space() == space:
        return
    if Opportunity.objects.count() >= indexing.ROWS_WORTH_AN_INDEX:
        indexing.build(space, on_progress=lambda share, stage: task.progress(0.9 + 0.09 * share, stage))
    with task.effects():
        activate(space)


def stale_opportunities(space: VectorSpace) -> QuerySet[Opportunity]:
    """Those without a vector of their present text in `space`."""
    current = OpportunityVector.objects.filter(space=space, version__gte=F("opportunity__version"))
    return Opportunity.objects.exclude(pk__in=current.values("opportunity")).order_by("pk")


def stale_profiles(space: VectorSpace) -> QuerySet[Profile]:
    """Those without a vector of their present text in `space`."""
    current = ProfileVector.objects.filter(space=space, version__gte=F("profile__version"))
    return Profile.objects.exclude(pk__in=current.values("profile")).order_by("pk")


def build_indices() -> None:
    """The indexes of the active space are new; progress shows on the task."""
    task = jobs.current_task()
    space = active_space()
    if space is not None:
        indexing.build(space, on_progress=task.progress)


def tidy() -> None:
    """Stems are counted; old runs, rankings past their time and the vectors of retired models are gone."""
    with jobs.current_task().effects():
        refresh_rarity()
        MatchRun.objects.filter(created_at__lt=timezone.now() - RUN_RETENTION).delete()
        CachedRanking.objects.filter(expires_at__lt=timezone.now()).delete()
    for space in VectorSpace.objects.filter(
        state=VectorSpace.State.RETIRED, retired_at__lt=timezone.now() - SPACE_RETENTION
    ):
        try:
            indexing.forget(space)
        except IndexBuildRunning:
            return  # the next night's round finds them
        for model in (OpportunityVector, ProfileVector):
            while _delete_some(model, space):
                jobs.current_task().progress(0.1, "vectors of a retired model")


def _delete_some(model: type[StoredVector], space: VectorSpace) -> int:
    """Delete at most `ROWS_DELETED_TOGETHER` vectors of a space; return how many."""
    with jobs.current_task().effects():
        ids = model._default_manager.filter(space=space).values("pk")[:ROWS_DELETED_TOGETHER]  # noqa: SLF001 - documented
        return model._default_manager.filter(pk__in=ids).delete()[0]  # noqa: SLF001 - documented


def in_batches(send: Callable[[Sequence[str]], object]) -> None:
    """`send` gets the ids of all citizens with a profile, some at a time; killed, it goes on after the last batch."""
    task = jobs.current_task()
    for batch in _citizens_after(task.checkpoint):
        with task.effects():
            send([str(user_id) for user_id in batch])
            task.save_checkpoint(str(batch[-1]))
        task.progress(0.5, "citizens")


def _citizens_after(last: str | None) -> Iterator[list[UUID]]:
    everyone = Profile.objects.filter(user__is_active=True).order_by("user_id").values_list("user_id", flat=True)
    while batch := list((everyone.filter(user_id__gt=last) if last else everyone)[:USERS_TOGETHER]):
        yield batch
        last = str(batch[-1])
