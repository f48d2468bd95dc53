"""Vectors made by Spark are those that a worker makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from embeddings import distributed
from embeddings.embedder import get_embedder
from jobs.testing import run_tasks
from matching.actors import rebuild_embeddings
from matching.models import Opportunity, OpportunityVector

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TEXTS = [f"Plant {number} trees along the river" for number in range(150)] + [""]


def test_the_rows_are_the_same_and_in_the_same_order(with_spark: SparkSession) -> None:
    alone = get_embedder().embed(TEXTS)
    with distributed.sharing():
        shared = get_embedder().embed(TEXTS)
    assert shared.shape == alone.shape
    assert np.allclose(shared, alone, atol=1e-6)


def test_outside_of_the_block_nothing_is_shared(with_spark: SparkSession) -> None:
    with distributed.sharing():
        assert isinstance(get_embedder(), distributed.SparkEmbedder)
    assert not isinstance(get_embedder(), distributed.SparkEmbedder)


@pytest.mark.django_db
def test_a_backfill_by_spark_stores_the_same_vectors(
    with_spark: SparkSession, settings: Settings
) -> None:
    Opportunity.objects.bulk_create(Opportunity(kind="event", title=text) for text in TEXTS[:150])
    with transaction.atomic():
        rebuild_embeddings.send()
    run_tasks()
    by_title = dict(OpportunityVector.objects.values_list("opportunity__title", "embedding"))
    assert by_title.keys() == set(TEXTS[:150])
    expected = get_embedder().embed(TEXTS[:3])
    for text, vector in zip(TEXTS[:3], expected, strict=True):
        assert np.allclose(np.asarray(by_title[text]), vector, atol=1e-3)
