"""How hard the approximate index is searched."""

from __future__ import annotations

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from jobs.ledger.database import fetch
from matching.search.tuning import tuned_for_index

pytestmark = pytest.mark.django_db


def ef_search(count: int) -> int:
    with transaction.atomic():
        tuned_for_index(count)
        [(value,)] = fetch("SELECT current_setting('hnsw.ef_search')", ())
    return int(value)


@pytest.mark.parametrize(("count", "expected"), [(10, 200), (100, 500), (400, 1000)])
def test_many_rows_are_searched_for_in_a_longer_list(count: int, expected: int) -> None:
    assert ef_search(count) == expected


def test_the_setting_bounds_the_list_of_a_match_run(settings: Settings) -> None:
    settings.VECTOR_HNSW_EF_SEARCH = 120
    assert [ef_search(count) for count in (10, 400)] == [120, 120]
