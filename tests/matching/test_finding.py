"""Carrying runs out: what happens inside a transaction and what must not, and how long a statement
may take.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from pytest_django.fixtures import Settings

from accounts.models import User
from embeddings import embedder
from embeddings.embedder import BatchedEmbedder, Vectors
from jobs.models import Task
from jobs.testing import run_tasks
from matching.actors import match_citizens, send_refresh
from matching.models import CachedRanking, Match, MatchRun, Opportunity, Profile, ProfileVector
from matching.ranking import carrying_out, reverse, saving
from matching.runs.starting import RunRequest, start
from matching.search.criteria import Criteria
from tests.matching.factories import REPAIRS, make_opportunity, make_profile

pytestmark = pytest.mark.django_db(transaction=True)


class OutsideEmbedder(BatchedEmbedder):
    """Somebody else's machine: remembers whether a transaction was open while it was asked."""

    name, version, dimensions, max_tokens = "outside", "1", 4, 64
    asked_in_transaction: list[bool]

    def __init__(self) -> None:
        type(self).asked_in_transaction = []

    def _encode(self, texts: list[str]) -> Vectors:
        self.asked_in_transaction.append(connection.in_atomic_block)
        return np.array(
            [[1, *(text.count(letter) for letter in "aei")] for text in texts], dtype=np.float32
        )


@pytest.fixture(autouse=True)
def _outside(settings: Settings) -> None:
    settings.EMBEDDER = f"{__name__}.OutsideEmbedder"
    embedder._loaded.pop(settings.EMBEDDER, None)


def make_citizen() -> Profile:
    profile = make_profile()
    make_opportunity(**REPAIRS)
    run_tasks()
    OutsideEmbedder.asked_in_transaction.clear()
    return profile


def test_keywords_are_embedded_while_no_transaction_is_open_and_once_for_the_cache() -> None:
    profile = make_citizen()
    for _ in range(2):
        start(profile.user, RunRequest(keywords="repair homes"))
        run_tasks()
    assert all(run.matches for run in MatchRun.objects.all())
    assert OutsideEmbedder.asked_in_transaction == [False]


def test_a_profile_that_has_no_current_vector_is_embedded_while_no_transaction_is_open() -> None:
    profile = make_citizen()
    ProfileVector.objects.update(version=0)
    CachedRanking.objects.all().delete()
    Match.objects.all().delete()
    with transaction.atomic():
        send_refresh(str(profile.user_id))
    run_tasks()
    assert set(OutsideEmbedder.asked_in_transaction) == {False}
    assert Match.objects.filter(user=profile.user).exists()


@pytest.mark.parametrize("has_profile", [True, False])
def test_what_ended_yesterday_by_the_citys_clock_is_over(
    settings: Settings, has_profile: bool
) -> None:
    profile = make_profile()
    settings.TIME_ZONE = "Pacific/Auckland"
    with time_machine.travel(datetime(2026, 1, 10, 13, tzinfo=UTC)):
        criteria = carrying_out.criteria_for(
            profile if has_profile else None, MatchRun(user=profile.user)
        )
    assert criteria.day == date(2026, 1, 11)


def sleep(*_arguments: Any, **_options: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")


def find_for(profile: Profile, _opportunity: Opportunity) -> None:
    carrying_out.matches_for(profile, "", Criteria(), limit=10)


def find_citizens_of(_profile: Profile, opportunity: Opportunity) -> None:
    with transaction.atomic():
        match_citizens([str(opportunity.pk)])


@pytest.mark.parametrize("work", [find_for, find_citizens_of])
def test_a_statement_that_takes_too_long_is_ended_and_nothing_after_it_is_limited(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Profile, Opportunity], None],
) -> None:
    profile, opportunity = make_citizen(), Opportunity.objects.get()
    CachedRanking.objects.all().delete()
    settings.MATCHING_STATEMENT_TIMEOUT_SECONDS = 0.2
    monkeypatch.setattr(carrying_out, "find", sleep)
    monkeypatch.setattr(reverse, "nearest_citizens", sleep)
    with pytest.raises(OperationalError, match="statement timeout"):
        work(profile, opportunity)
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.parametrize("is_run", [True, False])
def test_a_citizen_erased_while_matches_are_found_leaves_nothing_to_repeat(
    monkeypatch: pytest.MonkeyPatch, is_run: bool
) -> None:
    profile = make_citizen()
    Task.objects.all().delete()

    def found_too_late(*_arguments: Any, **_options: Any) -> saving.MatchList:
        User.objects.filter(pk=profile.user_id).delete()
        return [{"opportunity_id": str(Opportunity.objects.get().pk), "score": 1.0, "reasons": []}]

    monkeypatch.setattr(carrying_out, "matches_for", found_too_late)
    if is_run:
        start(profile.user, RunRequest(is_saved=True))
    else:
        with transaction.atomic():
            send_refresh(str(profile.user_id))
    run_tasks()
    assert [(task.state, task.attempt) for task in Task.objects.all()] == [("succeeded", 1)]
