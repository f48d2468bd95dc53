"""Embedding everything anew: what each batch costs, where it goes on, and what changes behind
it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from embeddings import embedder
from embeddings.embedder import BatchedEmbedder, Vectors
from jobs.models import Task
from jobs.operations import actions
from jobs.testing import run_tasks
from matching.actors import rebuild_embeddings
from matching.models import Opportunity, OpportunityVector, VectorSpace
from matching.vectors import rebuilding, storing
from tests.matching.factories import make_opportunity, make_profile

pytestmark = [pytest.mark.django_db, pytest.mark.pooled]


class LetterEmbedder(BatchedEmbedder):
    """Vectors of a text's letters."""

    name, version, dimensions, max_tokens = "letters", "1", 4, 64

    def _encode(self, texts: list[str]) -> Vectors:
        return np.array(
            [[len(text), *(text.count(letter) for letter in "aei")] for text in texts],
            dtype=np.float32,
        )


@pytest.fixture(autouse=True)
def _letters(settings: Settings) -> None:
    settings.EMBEDDER = f"{__name__}.LetterEmbedder"
    embedder._loaded.pop(settings.EMBEDDER, None)


def add_opportunities(count: int) -> None:
    Opportunity.objects.bulk_create(
        Opportunity(kind="event", title=f"number {i}") for i in range(count)
    )


def rebuild() -> None:
    with transaction.atomic():
        rebuild_embeddings.send()
    run_tasks()


def vectors_read() -> int:
    """How many stored vectors this transaction has read so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM "
            "pg_stat_xact_user_tables"
            " WHERE relname = 'matching_opportunityvector'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("work_mem", ["64kB", "4MB"])
def test_a_rebuild_reads_each_vector_a_few_times_however_many_there_are(work_mem: str) -> None:
    add_opportunities(3000)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{work_mem}'")
        cursor.execute(
            "SET LOCAL enable_seqscan = off"
        )  # a space this small may well be read whole, a large one not
        cursor.execute("ANALYZE matching_opportunity")
        cursor.execute(
            "ANALYZE matching_opportunityvector"
        )  # while it is empty, as PostgreSQL goes on to believe
    before = vectors_read()
    rebuild()
    assert OpportunityVector.objects.count() == 3000
    assert vectors_read() - before < 5 * 3000


def test_everything_is_embedded_once_and_a_second_rebuild_embeds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_opportunities(150)
    make_profile()
    asked: list[int] = []
    plain = storing.opportunity_vectors

    def counted(ids: Any, *, attempt: int) -> list[OpportunityVector]:
        asked.append(len(ids))
        return plain(ids, attempt=attempt)

    monkeypatch.setattr(
        rebuilding, "OPPORTUNITIES", replace(rebuilding.OPPORTUNITIES, vectors_of=counted)
    )
    for _ in range(2):
        with transaction.atomic():
            rebuild_embeddings.send()
        Task.objects.exclude(actor="rebuild_embeddings").delete()
        run_tasks()
    assert asked == [64, 64, 22]
    assert OpportunityVector.objects.count() == 150


def test_a_rebuild_that_broke_off_goes_on_behind_its_checkpoint_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_opportunities(200)
    first = Opportunity.objects.order_by("pk").first()
    assert first is not None
    plain, batches = storing.upsert, 0

    def break_off_once(rows: Any) -> Any:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise ConnectionError
        return plain(rows)

    monkeypatch.setattr(storing, "upsert", break_off_once)
    with transaction.atomic():
        rebuild_embeddings.send()
    run_tasks(raise_errors=False)
    checkpoint: Any = Task.objects.get(actor="rebuild_embeddings").checkpoint
    assert checkpoint["after"] == str(Opportunity.objects.order_by("pk")[127].pk)
    Opportunity.objects.filter(pk=first.pk).update(title="Changed behind it", version=2)
    run_tasks(until_delay=False)
    assert batches == 6  # the broken one again, the rest, and the one that changed behind it
    assert OpportunityVector.objects.count() == 200
    assert OpportunityVector.objects.get(opportunity=first).version == 2


def test_a_checkpoint_of_another_model_is_not_taken_for_ones_own() -> None:
    make_opportunity()
    other = VectorSpace.objects.create(label="other@1/2", dimensions=3)
    with transaction.atomic():
        rebuild_embeddings.send()
    Task.objects.filter(actor="rebuild_embeddings").update(
        checkpoint={"space": other.pk, "kind": "opportunities", "after": "f" * 32}
    )
    Task.objects.exclude(actor="rebuild_embeddings").delete()
    run_tasks()
    assert OpportunityVector.objects.count() == 1


@pytest.mark.parametrize("end", ["dead", "cancelled"])
def test_a_rebuild_that_was_stopped_leaves_no_space_being_filled(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_opportunities(2)
    active = VectorSpace.objects.create(label="other@1/2", dimensions=3, state="active")
    with monkeypatch.context() as broken, transaction.atomic():
        broken.setattr(storing, "upsert", lambda _rows: 1 / 0)
        task_id = UUID(rebuild_embeddings.send().message_id)
        run_tasks(raise_errors=False, until_delay=True)
    space = VectorSpace.objects.exclude(pk=active.pk).get()
    assert (space.state, space.task_id) == ("building", task_id)
    if end == "dead":
        Task.objects.filter(pk=task_id).update(state="dead")
    else:
        actions.cancel([task_id], by=None)
    run_tasks()
    space.refresh_from_db()
    assert space.state == "stopped"
    assert space.retired_at is not None
    rebuild()
    space.refresh_from_db()
    assert space.state == "active"
