"""The citizens an opportunity suits: which opportunities look for them, who is found, and what a
change takes back.
"""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from embeddings import embedder
from jobs.models import Task
from jobs.testing import run_tasks
from matching.actors import match_everyone, send_refresh
from matching.models import Interaction, Match, Opportunity, Profile, ProfileVector, VectorSpace
from matching.opportunities import publishing
from matching.ranking import carrying_out, everyone, reverse, saving
from matching.vectors import indexing
from tests.accounts.factories import make_user
from tests.matching.factories import DOGS, REPAIRS, make_opportunity, make_profile
from tests.matching.importing import import_opportunities

pytestmark = pytest.mark.django_db
YESTERDAY = timezone.localdate() - timedelta(days=1)
NEAR: dict[str, Any] = {"latitude": 40.70, "longitude": -74.0}
FAR: dict[str, Any] = {"latitude": 45.0, "longitude": -74.0}


def matched() -> set[UUID]:
    return set(Match.objects.values_list("user_id", flat=True))


@pytest.mark.parametrize("closed", [{"ends_on": YESTERDAY}, {"capacity": 0}, {"is_active": False}])
def test_an_opportunity_that_is_closed_looks_for_nobody(
    settings: Settings, closed: dict[str, Any]
) -> None:
    settings.MATCHING_NOTICE_SIMILARITY = 0.4
    make_profile(make_user(wants_sms=True))
    make_opportunity(**REPAIRS, **closed)
    run_tasks()
    assert not Match.objects.exists()
    assert not Task.objects.filter(actor="notify_user").exists()
    make_opportunity(**REPAIRS)  # the day's one notice is still there for one that is open
    run_tasks()
    assert Task.objects.filter(actor="notify_user").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "job"},
        {"languages": ["fr"]},
        FAR,
        {"ends_on": YESTERDAY},
        {"capacity": 0},
        {"is_active": False},
        REPAIRS | {"title": "Repair homes of our neighbors", "kind": "job"},
    ],
)
def test_a_change_takes_a_match_back_and_its_opposite_gives_it_again(
    change: dict[str, Any],
) -> None:
    profile = make_profile(**NEAR, radius_km=20.0, languages=["en"])
    opportunity = make_opportunity(**REPAIRS, **NEAR, languages=["en"])
    run_tasks()
    assert matched() == {profile.user_id}
    before = {name: getattr(opportunity, name) for name in change}
    publishing.change(opportunity, change)
    run_tasks()
    assert matched() == set()
    publishing.change(opportunity, before)
    run_tasks()
    assert matched() == {profile.user_id}


def test_a_change_finds_those_it_suits_now_and_leaves_alone_whom_it_still_suits() -> None:
    anything, volunteer, worker = (
        make_profile(wants=[]),
        make_profile(),
        make_profile(wants=["job"]),
    )
    opportunity = make_opportunity(**REPAIRS)
    run_tasks()
    assert matched() == {anything.user_id, volunteer.user_id}
    kept = Match.objects.get(user=anything.user_id)
    publishing.change(opportunity, {"kind": "job"})
    run_tasks()
    assert matched() == {anything.user_id, worker.user_id}
    assert Match.objects.get(user=anything.user_id).pk == kept.pk


def test_a_change_of_neither_text_nor_terms_is_no_task() -> None:
    opportunity = make_opportunity(**REPAIRS)
    run_tasks()
    Task.objects.all().delete()
    publishing.change(opportunity, {"organisation": "Another"})
    assert not Task.objects.exists()


def test_an_event_that_moves_ahead_finds_its_citizens_and_one_that_is_over_loses_them() -> None:
    profile = make_profile(wants=["event"])
    opportunity = make_opportunity(**REPAIRS, kind="event", starts_on=YESTERDAY)
    run_tasks()
    assert matched() == set()
    publishing.change(opportunity, {"starts_on": timezone.localdate()})
    run_tasks()
    assert matched() == {profile.user_id}
    publishing.change(opportunity, {"starts_on": YESTERDAY})
    run_tasks()
    assert matched() == set()


def test_an_import_that_opens_again_or_moves_finds_citizens_without_embedding_anew(
    tmp_path: Path,
) -> None:
    profile = make_profile(**NEAR, radius_km=20.0)
    file = tmp_path / "o.jsonl"
    row = {"external_id": "1", "kind": "volunteering", **REPAIRS, **NEAR}

    def bring(**changed: Any) -> set[UUID]:
        file.write_text(json.dumps(row | changed))
        import_opportunities(file, source="test", rejects=tmp_path / "r.jsonl")
        run_tasks()
        return matched()

    assert bring(is_active=False) == set()
    Task.objects.all().delete()
    assert bring(is_active=True) == {profile.user_id}
    assert bring(ends_on=str(YESTERDAY)) == set()
    assert bring() == {profile.user_id}
    assert bring(**FAR) == set()
    assert not Task.objects.filter(actor="embed_opportunities").exists()


def test_what_was_dismissed_or_applied_for_is_not_found_again() -> None:
    profile = make_profile()
    opportunity = make_opportunity(**REPAIRS)
    run_tasks()
    publishing.act(profile.user, opportunity, Interaction.Kind.DISMISS)
    publishing.change(opportunity, {"capacity": 5})
    run_tasks()
    assert matched() == set()


def test_a_match_has_the_score_that_a_run_would_give_it() -> None:
    profile = make_profile(**NEAR, radius_km=20.0)
    run_tasks()
    make_opportunity(**REPAIRS, **NEAR)
    run_tasks()
    found = Match.objects.get()
    assert {"skill", "distance"} <= {reason["kind"] for reason in found.reasons}
    found.delete()
    with transaction.atomic():
        send_refresh(str(profile.user_id))
    run_tasks()
    assert found.score == pytest.approx(Match.objects.get().score, abs=1e-4)


# --- Many citizens -------------------------------------------------------------------------------


def many_citizens(count: int, *, rare: int) -> tuple[VectorSpace, set[UUID]]:
    """Citizens of a city who think one way, and `rare` ones of a town, speaking Sami, who think the
    opposite.
    """
    space = VectorSpace.objects.create(label="many@1", dimensions=8, state="active")
    users = User.objects.bulk_create(User(phone=f"+1202555{i:04}") for i in range(count + rare))
    profiles = Profile.objects.bulk_create(
        Profile(
            user=user,
            radius_km=9,
            **({"languages": ["en"], **NEAR} if i < count else {"languages": ["se"], **FAR}),
        )
        for i, user in enumerate(users)
    )
    towards = np.repeat([[1.0], [-1.0]], [count, rare], axis=0)
    noise = np.random.default_rng(3).normal(size=(count + rare, 8)) * 0.2
    rows = embedder.unit_rows((towards * np.eye(8)[0] + noise).astype(np.float32))
    ProfileVector.objects.bulk_create(
        ProfileVector(profile=profile, space=space, embedding=row, terms=b"", version=1)
        for profile, row in zip(profiles, rows, strict=True)
    )
    return space, {user.pk for user in users[count:]}


@pytest.mark.django_db(transaction=True)
def test_those_of_a_small_town_or_a_rare_language_are_found_however_far_the_index_would_have_to_go(
    settings: Settings,
) -> None:
    space, rare = many_citizens(2000, rare=7)
    indexing.build(space)
    settings.VECTOR_MAX_SCAN_ROWS = settings.VECTOR_HNSW_EF_SEARCH = 1
    settings.MATCHING_NOTICES_PER_OPPORTUNITY = 5
    towards = np.eye(8, dtype=np.float32)[0]
    for terms, exact_rows in product([{"languages": ["se"], "is_remote": True}, FAR], [0, 40_000]):
        settings.VECTOR_EXACT_ROWS = exact_rows
        opportunity = Opportunity.objects.create(kind="event", title="Yoik", **terms)
        found = [user_id for user_id, _ in reverse.nearest_citizens(towards, opportunity, space)]
        assert len(found) == 5, (terms, exact_rows)
        assert set(found) <= rare, (terms, exact_rows)


@pytest.mark.django_db(transaction=True)
def test_by_index_and_exactly_the_same_citizens_are_nearest(settings: Settings) -> None:
    space, _ = many_citizens(400, rare=0)
    opportunity = Opportunity.objects.create(kind="event", title="Walk", is_remote=True)
    towards = np.eye(8, dtype=np.float32)[0]
    settings.MATCHING_NOTICES_PER_OPPORTUNITY = 20
    exact = reverse.nearest_citizens(towards, opportunity, space)
    indexing.build(space)
    settings.VECTOR_EXACT_ROWS = 0
    by_index = reverse.nearest_citizens(towards, opportunity, space)
    assert len({user for user, _ in exact} & {user for user, _ in by_index}) >= 19
    assert [similarity for _, similarity in by_index] == sorted(
        (s for _, s in by_index), reverse=True
    )


# --- Everyone ------------------------------------------------------------------------------------

WELDER: dict[str, Any] = {
    "headline": "Underwater welder",
    "about": "",
    "skills": ["welding"],
    "interests": [],
}


def reached(opportunity: Opportunity) -> set[UUID]:
    return set(Match.objects.filter(opportunity=opportunity).values_list("user_id", flat=True))


def test_everyone_is_reached_beyond_the_nearest_and_each_with_the_score_of_a_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MATCHING_NOTICES_PER_OPPORTUNITY = 1
    monkeypatch.setattr(everyone, "BATCH_CITIZENS", 2)
    citizens = [make_profile(**NEAR) for _ in range(5)]
    make_profile(wants=["job"])
    make_profile(User.objects.create(phone="+12025550111", is_active=False))
    make_profile(**WELDER)
    make_opportunity(**DOGS)
    run_tasks()
    publishing.act(citizens[0].user, Opportunity.objects.get(), Interaction.Kind.SAVE)
    run_tasks()
    opportunity = make_opportunity(**REPAIRS, **NEAR)
    run_tasks()
    assert reached(opportunity) == {one.user_id for one in citizens}
    scores = dict(Match.objects.filter(opportunity=opportunity).values_list("user", "score"))
    assert scores[citizens[0].user_id] != scores[citizens[1].user_id]  # what was saved counts
    for citizen in citizens[:2]:
        with transaction.atomic():
            send_refresh(str(citizen.user_id))
    run_tasks()
    again = dict(Match.objects.filter(opportunity=opportunity).values_list("user", "score"))
    assert again == pytest.approx(scores, abs=1e-4)


def test_words_alone_reach_somebody_whose_vector_is_far_away(settings: Settings) -> None:
    settings.MATCHING_NOTICES_PER_OPPORTUNITY = 0
    welder = make_profile(**WELDER)
    make_profile()
    run_tasks()
    ProfileVector.objects.update(embedding=None)  # as of a text that its model refuses
    opportunity = make_opportunity(title="Welding underwater", description="")
    run_tasks()
    assert reached(opportunity) == {welder.user_id}


def test_a_full_list_of_better_matches_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SAVED_MATCHES", 1)
    monkeypatch.setattr(carrying_out, "SAVED_MATCHES", 1)
    full, free = make_profile(), make_profile(**WELDER)
    best = make_opportunity(**REPAIRS | {"title": "Carpenter: home repair, fix up houses"})
    run_tasks()
    with transaction.atomic():
        send_refresh(str(full.user_id))
    run_tasks()
    full.refresh_from_db()
    assert full.match_floor == Match.objects.get(user=full.user_id).score
    Profile.objects.filter(pk=free.pk).update(match_floor=None)
    candidate = make_opportunity(title="Welding; some carpentry", description="Underwater.")
    with transaction.atomic():
        match_everyone.send([str(candidate.pk)])
    run_tasks()
    Match.objects.filter(user=full.user_id).exclude(opportunity=best).delete()
    with transaction.atomic():
        match_everyone.send([str(candidate.pk)])
    run_tasks()
    assert reached(candidate) == {free.user_id}


def test_a_search_that_was_interrupted_goes_on_behind_its_last_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(everyone, "BATCH_CITIZENS", 2)
    citizens = sorted(make_profile().user_id for _ in range(5))
    opportunity = make_opportunity(**REPAIRS)
    run_tasks()
    Match.objects.all().delete()
    calls: list[UUID] = []
    plain = everyone.match_batch

    def dies_at_the_second(ids: Any, *, after: UUID) -> list[UUID]:
        calls.append(after)
        if len(calls) == 2:
            raise OSError("The connection was lost.")
        return plain(ids, after=after)

    monkeypatch.setattr(everyone, "match_batch", dies_at_the_second)
    with transaction.atomic():
        match_everyone.send([str(opportunity.pk)])
    run_tasks(raise_errors=False)
    run_tasks(until_delay=False)
    assert calls == [UUID(int=0), citizens[1], citizens[1], citizens[3]]
    assert reached(opportunity) == set(citizens)
