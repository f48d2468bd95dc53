"""Stored vectors: odd input, races of versions, plans of the search, indexes, and the swap of
models.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.postgresql.base import DatabaseWrapper
from embeddings import embedder as embedder_module
from embeddings.embedder import BatchedEmbedder, Vectors
from embeddings.errors import TextRefused
from jobs.testing import run_tasks
from matching.actors import rebuild_embeddings, refresh_all_matches
from matching.checks import check_pgvector, check_settings
from matching.errors import DimensionMismatch, VectorIndexError
from matching.models import Match, Opportunity, OpportunityVector, ProfileVector, VectorSpace
from matching.ranking import carrying_out, pipeline
from matching.ranking.scoring import Ranked
from matching.search import lookups
from matching.search.criteria import Criteria
from matching.search.indexes import is_valid, opportunity_index
from matching.search.nearest import OPPORTUNITIES, nearest
from matching.text.terms import Rarity, Terms
from matching.vectors import indexing, storing
from matching.vectors.spaces import active_space
from tests.matching.factories import DOGS, REPAIRS, make_opportunity, make_profile


class WordEmbedder(BatchedEmbedder):
    """Vectors of a text's words; says nothing, or refuses, where a test wants it to."""

    name, version, dimensions, max_tokens = "words", "1", 8, 64

    def _encode(self, texts: list[str]) -> Vectors:
        if any("refused" in text for text in texts):
            raise TextRefused
        rows = np.zeros((len(texts), 8), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in text.lower().split():
                rows[i, sum(map(ord, word)) % 8] += 1
            if "poison" in text:
                rows[i] = np.nan
        return rows


class OtherEmbedder(WordEmbedder):
    """A newer model of another length."""

    name, dimensions = "other", 12

    def _encode(self, texts: list[str]) -> Vectors:
        return np.hstack([super()._encode(texts), np.ones((len(texts), 4), dtype=np.float32)])


class BrokenEmbedder(WordEmbedder):
    """Says it has more dimensions than it has."""

    name, dimensions = "broken", 5

    def embed(self, texts: list[str]) -> Vectors:
        return np.ones((len(texts), 8), dtype=np.float32)


@pytest.fixture(autouse=True)
def _words(settings: Settings) -> None:
    use(settings, WordEmbedder)


def use(settings: Any, embedder: type[BatchedEmbedder]) -> None:
    settings.EMBEDDER = f"{__name__}.{embedder.__name__}"
    embedder_module._loaded.pop(settings.EMBEDDER, None)


@pytest.mark.django_db
def test_bad_texts_never_take_others_with_them() -> None:
    names = ["good one", "poison", "refused by the service", "good two"]
    made = [make_opportunity(title=title, description="") for title in names]
    storing.embed_opportunities([one.pk for one in made])
    stored = {
        row.opportunity.title: row.embedding is not None for row in OpportunityVector.objects.all()
    }
    assert stored == {
        "good one": True,
        "poison": False,
        "refused by the service": False,
        "good two": True,
    }


@pytest.mark.django_db
def test_a_model_with_vectors_of_another_length_is_refused_clearly(settings: Settings) -> None:
    one = make_opportunity()
    use(settings, BrokenEmbedder)
    with pytest.raises(DimensionMismatch, match=r"\(1, 8\)"):
        storing.embed_opportunities([one.pk])


@pytest.mark.django_db
def test_an_older_text_never_replaces_the_vector_of_a_newer_one() -> None:
    one = make_opportunity()
    old = storing.opportunity_vectors([one.pk])
    Opportunity.objects.filter(pk=one.pk).update(version=2, title="Newer")
    new = storing.opportunity_vectors([one.pk])
    assert storing.upsert(new) == [one.pk]
    assert storing.upsert(old) == []
    assert OpportunityVector.objects.get().version == 2


@pytest.mark.django_db
def test_what_was_deleted_meanwhile_is_left_out() -> None:
    one, two = make_opportunity(), make_opportunity()
    rows = storing.opportunity_vectors([one.pk, two.pk])
    one.delete()
    assert storing.upsert(rows) == [two.pk]


@pytest.mark.django_db
def test_another_model_is_filled_beside_the_old_one_and_then_swapped_in(settings: Settings) -> None:
    profile = make_profile()
    for fields in (DOGS, REPAIRS):
        make_opportunity(**fields)
    run_tasks()
    before = active_space()
    assert before is not None
    use(settings, OtherEmbedder)
    make_opportunity()
    run_tasks()
    assert active_space() == before
    with transaction.atomic():
        rebuild_embeddings.send()
    run_tasks()
    after = active_space()
    assert after is not None
    assert (after.label, after.dimensions) == ("other@1/2", 12)
    assert VectorSpace.objects.get(pk=before.pk).state == "retired"
    assert OpportunityVector.objects.filter(space=after).count() == 3
    assert ProfileVector.objects.filter(space=after, profile=profile).count() == 1
    with transaction.atomic():
        refresh_all_matches.send()
    run_tasks()
    assert Match.objects.filter(user=profile.user).count() == 3


@pytest.mark.django_db(transaction=True)
def test_the_vectors_of_a_retired_model_go_after_a_day(settings: Settings) -> None:
    use(settings, WordEmbedder)
    make_opportunity(**REPAIRS)
    make_profile()
    run_tasks()
    use(settings, OtherEmbedder)
    for days in (0, 2):
        VectorSpace.objects.filter(state="retired").update(
            retired_at=timezone.now() - timedelta(days=days)
        )
        for actor in (rebuild_embeddings, refresh_all_matches):
            with transaction.atomic():
                actor.send()
            run_tasks()
        old = VectorSpace.objects.get(label="words@1/2")
        kept = (
            OpportunityVector.objects.filter(space=old).count(),
            ProfileVector.objects.filter(space=old).count(),
        )
        assert kept == ((1, 1) if days == 0 else (0, 0))
    assert OpportunityVector.objects.count() == ProfileVector.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("label", "is_rebuilt"), [("words@1", True), ("words@1/1", True), ("old@1", False)]
)
def test_vectors_made_before_an_update_are_made_anew_in_the_night(
    label: str, is_rebuilt: bool
) -> None:
    """Only with the same model; another model is the operator's decision."""
    VectorSpace.objects.create(label=label, dimensions=8, state="active")
    make_opportunity()
    with transaction.atomic():
        refresh_all_matches.send()
    run_tasks()
    space = active_space()
    assert space is not None
    assert (space.label == "words@1/2") is is_rebuilt


def test_words_are_taken_rarest_first_and_only_so_many_that_few_rows_have_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["tree"] * 2 + ["house"] * 40 + ["street"] * 58
    rarity = Rarity.of(Terms.of(text) for text in texts)
    words = ["street", "house", "tree", "unicorn"]
    monkeypatch.setattr(lookups, "opportunity_rows", lambda: 1000)
    settings.MATCHING_TEXT_HITS = 1000
    assert pipeline.rarest(words, rarity) == ["unicorn", "tree", "house", "street"]
    settings.MATCHING_TEXT_HITS = 500
    assert pipeline.rarest(words, rarity) == ["unicorn", "tree", "house"]
    settings.MATCHING_TEXT_HITS = 1
    assert pipeline.rarest(words, rarity) == ["unicorn", "tree", "house"]  # never fewer than three


@pytest.mark.django_db
def test_a_run_during_the_swap_finds_in_the_space_it_began_with(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, WordEmbedder)
    for fields in (REPAIRS, DOGS):
        make_opportunity(**fields)
    profile = make_profile()
    run_tasks()
    use(settings, OtherEmbedder)
    plain_find = pipeline.find

    def find_while_swapping(*arguments: Any, **options: Any) -> list[Ranked]:
        with transaction.atomic():
            rebuild_embeddings.send()
        run_tasks()
        return plain_find(*arguments, **options)

    monkeypatch.setattr(carrying_out, "find", find_while_swapping)
    during = carrying_out.matches_for(profile, "", Criteria(), limit=10)
    monkeypatch.undo()
    use(settings, OtherEmbedder)
    after = carrying_out.matches_for(profile, "", Criteria(), limit=10)
    assert active_space() == VectorSpace.objects.get(label="other@1/2")
    assert len(during) == len(after) == 2
    assert [one["score"] for one in during] != [
        one["score"] for one in after
    ]  # the cache did not mix the spaces


def spread(count: int) -> VectorSpace:
    """Opportunities in a circle of directions, a tenth of them jobs."""
    make_opportunity()
    run_tasks()
    space = active_space()
    assert space is not None
    rng = np.random.default_rng(7)
    made = Opportunity.objects.bulk_create(
        Opportunity(kind="job" if i % 10 == 0 else "event", title=f"number {i}")
        for i in range(count)
    )
    rows = embedder_module.unit_rows(rng.normal(size=(count, 8)).astype(np.float32))
    OpportunityVector.objects.bulk_create(
        OpportunityVector(opportunity=one, space=space, embedding=row, terms=b"", version=1)
        for one, row in zip(made, rows, strict=True)
    )
    return space


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("index_type", ["hnsw", "ivfflat"])
def test_an_index_is_built_checked_swapped_in_and_used(settings: Settings, index_type: str) -> None:
    settings.VECTOR_INDEX_TYPE = index_type
    space = spread(400)
    call_command("create_vector_indices")
    built = indexing.build(space)
    assert built[0].recall is not None
    assert built[0].recall > 0.95
    assert is_valid(opportunity_index(space))
    assert VectorSpace.objects.get().generation == 3
    query = np.ones(8, dtype=np.float32) / np.sqrt(8)
    for criteria in (Criteria(), Criteria(kinds=("job",))):
        exact = nearest(query, OPPORTUNITIES, criteria.where(), space, count=20, plan="exact")
        by_index = nearest(query, OPPORTUNITIES, criteria.where(), space, count=20, plan="index")
        assert len(set(exact.ids) & set(by_index.ids)) >= 19
        settings.VECTOR_EXACT_ROWS = 10
        assert nearest(query, OPPORTUNITIES, criteria.where(), space, count=20).plan == "index"
        settings.VECTOR_EXACT_ROWS = 10_000
        assert nearest(query, OPPORTUNITIES, criteria.where(), space, count=20).plan == "exact"
    settings.VECTOR_EXACT_ROWS = 0
    few = nearest(query, OPPORTUNITIES, Criteria(category="nothing").where(), space, count=20)
    assert (few.ids, few.plan) in [([], "exact"), ([], "index, then exact")]


@pytest.mark.django_db(transaction=True)
def test_an_index_that_finds_too_little_never_replaces_the_old_one(settings: Settings) -> None:
    space = spread(200)
    indexing.build(space)
    settings.VECTOR_RECALL_MIN = 1.1
    with pytest.raises(VectorIndexError, match="the old one stays"):
        indexing.build(space)
    assert is_valid(opportunity_index(space))


@pytest.mark.django_db(transaction=True)
def test_builds_follow_each_other_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends the session of a build some time after it was closed: here, only at last."""
    space = spread(0)
    with monkeypatch.context() as patch, ExitStack() as at_last:
        patch.setattr(
            DatabaseWrapper,
            "close",
            lambda session: at_last.callback(session.connection.close),
        )
        for _ in range(2):
            indexing.forget(space)  # it keeps builds away as a build does


def test_a_pgvector_with_known_faults_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, ids in (((0, 8, 3), ["matching.W001"]), ((0, 8, 4), []), ((), [])):
        monkeypatch.setattr("matching.checks.pgvector_version", lambda version=version: version)
        assert [warning.id for warning in check_pgvector(databases=["default"])] == ids


@pytest.mark.django_db
def test_settings_out_of_range_are_errors(settings: Settings) -> None:
    settings.VECTOR_INDEX_TYPE = "flat"
    settings.VECTOR_HNSW_M = 1
    assert {error.id for error in check_settings()} == {"matching.E001", "matching.E002"}
