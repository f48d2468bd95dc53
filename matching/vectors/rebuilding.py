"""Work on all profiles and opportunities: embedding them with another model, and the nightly round.

It streams ids, never whole texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

import jobs
from embeddings import distributed
from embeddings.embedder import get_embedder
from matching.errors import IndexBuildRunning
from matching.models import (
    CachedRanking,
    MatchRun,
    Opportunity,
    OpportunityVector,
    Profile,
    ProfileVector,
    VectorSpace,
)
from matching.text.rarity import refresh_rarity
from matching.vectors import indexing, storing
from matching.vectors.spaces import activate, active_space, fill, space_for

USERS_TOGETHER = 500
RUN_RETENTION = timedelta(days=30)
#: How long vectors of a retired model are kept: runs that began before still use them.
SPACE_RETENTION = timedelta(days=1)
ROWS_DELETED_TOGETHER = 5000
#: Rows read together in search of those without a current vector.
PAGE_ROWS = 512
#: The shares of embedding and of indexing in the progress of a rebuild.
EMBEDDING_SHARE, INDEXING_SHARE = 0.9, 0.09


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is embedded: a table of texts, the table of their vectors, and how vectors are made.

    `owner` is the field of a vector that refers to the text.
    """

    name: str
    owners: QuerySet[Any]
    stored: QuerySet[Any]
    owner: str
    vectors_of: Callable[..., Sequence[OpportunityVector] | Sequence[ProfileVector]]


OPPORTUNITIES = _Kind(
    "opportunities",
    Opportunity.objects.order_by("pk"),
    OpportunityVector.objects.all(),
    "opportunity",
    storing.opportunity_vectors,
)
PROFILES = _Kind(
    "profiles",
    Profile.objects.order_by("pk"),
    ProfileVector.objects.all(),
    "profile",
    storing.profile_vectors,
)


def rebuild() -> VectorSpace:
    """Embed everything with this worker's embedder, then make its vector space the active one.

    Meanwhile citizens are matched in the old space. A rebuild that was interrupted continues: texts
    that have a vector are not embedded again.
    """
    space = fill(space_for(get_embedder()), task_id=jobs.current_task().id)
    done = _Done.of(space)
    with distributed.sharing():
        for kind in (OPPORTUNITIES, PROFILES):
            _embed_stale(kind, space, done)
    _index_and_swap(space)
    return space


@dataclass(slots=True)
class _Done:
    """The progress of a rebuild, of opportunities and profiles together."""

    total: int
    done: int

    @classmethod
    def of(cls, space: VectorSpace) -> _Done:
        """Count all texts, and those that have a vector in `space` already."""
        kinds = (OPPORTUNITIES, PROFILES)
        return cls(
            total=sum(kind.owners.count() for kind in kinds),
            done=sum(kind.stored.filter(space=space).count() for kind in kinds),
        )

    def add(self, count: int, stage: str) -> None:
        """Count further texts as done, and show the progress on the task."""
        self.done += count
        share = min(self.done / max(self.total, 1), 1.0)
        jobs.current_task().progress(
            EMBEDDING_SHARE * share, stage, done=self.done, total=self.total
        )


def _embed_stale(kind: _Kind, space: VectorSpace, done: _Done) -> None:
    """Embed all texts of this kind that have no current vector in `space`.

    The table is read again until a whole round finds none, so that texts that changed behind the
    current position are embedded too. The checkpoint holds that position.
    """
    task = jobs.current_task()
    place = {"space": space.pk, "kind": kind.name}
    stored = task.checkpoint or {}
    after: str | None = stored["after"] if stored.items() >= place.items() else None
    is_complete = False
    while not is_complete:
        is_complete = after is None
        for ids in _stale(kind, space, after):
            rows = kind.vectors_of(ids, attempt=task.attempt)
            with task.effects():
                storing.upsert(rows)
                task.save_checkpoint(place | {"after": str(ids[-1])})
            done.add(len(ids), kind.name)
            is_complete = False
        after = None


def _stale(kind: _Kind, space: VectorSpace, after: str | None) -> Iterator[list[UUID]]:
    """Yield the ids behind `after` without a current vector in `space`, in batches, in order.

    Each page costs the same wherever it lies: both queries read by key. An anti-join does not:
    while the statistics of PostgreSQL take a space that is being filled for empty, it reads the
    whole space for each page.
    """
    while page := list(
        (kind.owners.filter(pk__gt=after) if after else kind.owners).values("pk", "version")[
            :PAGE_ROWS
        ]
    ):
        newest = {row["pk"]: row["version"] for row in page}
        stored = kind.stored.filter(**{f"{kind.owner}__in": list(newest)})
        current = {
            owner
            for owner, space_id, version in stored.values_list(kind.owner, "space", "version")
            if space_id == space.pk and version >= newest[owner]
        }
        stale = [pk for pk in newest if pk not in current]
        batch = PAGE_ROWS if settings.USE_SPARK else storing.BATCH_TEXTS
        for start in range(0, len(stale), batch):
            yield stale[start : start + batch]
        after = str(page[-1]["pk"])


def _index_and_swap(space: VectorSpace) -> None:
    task = jobs.current_task()
    if active_space() == space:
        return
    if Opportunity.objects.count() >= indexing.ROWS_WORTH_AN_INDEX:
        indexing.build(
            space,
            on_progress=lambda share, stage: task.progress(
                EMBEDDING_SHARE + INDEXING_SHARE * share, stage
            ),
        )
    with task.effects():
        activate(space)


def build_indices() -> None:
    """Build the indexes of the active space anew; the progress shows on the task."""
    task = jobs.current_task()
    space = active_space()
    if space is not None:
        indexing.build(space, on_progress=task.progress)


def tidy() -> None:
    """Measure the rarity of stems anew, and delete what is old.

    That is: match runs, cached rankings, and the vectors and indexes of retired models and stopped
    rebuilds.
    """
    with jobs.current_task().effects():
        refresh_rarity()
    for past in (
        MatchRun.objects.filter(created_at__lt=Now() - RUN_RETENTION),
        CachedRanking.objects.filter(expires_at__lt=Now()),
    ):
        while _delete_batch(past):
            jobs.current_task().progress(0.1, "past their time")
    for space in VectorSpace.objects.filter(
        state__in=[VectorSpace.State.RETIRED, VectorSpace.State.STOPPED],
        retired_at__lt=Now() - SPACE_RETENTION,
    ):
        try:
            indexing.forget(space)
        except IndexBuildRunning:
            return  # the round of the next night drops them
        for model in (OpportunityVector, ProfileVector):
            while _delete_batch(model._default_manager.filter(space=space)):  # noqa: SLF001 - documented
                jobs.current_task().progress(0.1, "vectors of a retired model")


def _delete_batch(rows: QuerySet[Any]) -> int:
    """Delete at most `ROWS_DELETED_TOGETHER` of the rows; return how many."""
    with jobs.current_task().effects():
        batch = rows.values("pk")[:ROWS_DELETED_TOGETHER]
        return int(rows.model._default_manager.filter(pk__in=batch).delete()[0])  # noqa: SLF001 - documented


def in_batches(send: Callable[[Sequence[str]], object]) -> None:
    """Call `send` with the ids of all citizens with a profile, in batches.

    After an interruption it continues behind the last batch.
    """
    task = jobs.current_task()
    for batch in _citizens_after(task.checkpoint):
        with task.effects():
            send([str(user_id) for user_id in batch])
            task.save_checkpoint(str(batch[-1]))
        task.progress(0.5, "citizens")


def _citizens_after(last: str | None) -> Iterator[list[UUID]]:
    everyone = (
        Profile.objects.filter(user__is_active=True)
        .order_by("user_id")
        .values_list("user_id", flat=True)
    )
    while batch := list((everyone.filter(user_id__gt=last) if last else everyone)[:USERS_TOGETHER]):
        yield batch
        last = str(batch[-1])
