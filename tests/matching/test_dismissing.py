"""What a citizen dismissed stays away, whatever was on its way at that moment."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from accounts.models import User
from jobs.testing import run_tasks
from matching.models import Interaction, Match, Opportunity
from matching.opportunities import publishing
from matching.ranking import saving
from tests.accounts.factories import make_user
from tests.matching.conftest import SignIn
from tests.matching.factories import REPAIRS, make_opportunity, make_profile

FOUND = {"score": 0.9, "reasons": []}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["dismiss", "apply"])
def test_a_run_in_flight_does_not_bring_back_what_was_dismissed_or_applied_for(kind: str) -> None:
    user, opportunity, other = make_user(), make_opportunity(), make_opportunity()
    found = [FOUND | {"opportunity_id": str(one.pk)} for one in (opportunity, other)]
    publishing.act(user, opportunity, kind)
    with transaction.atomic():
        saving.save_matches(user.pk, found)
    assert [match.opportunity for match in Match.objects.filter(user=user)] == [other]
    assert saving.upsert_matches([(user.pk, found[0])], is_update=False) == []


@pytest.mark.django_db
def test_a_dismissed_match_is_not_listed(as_user: SignIn) -> None:
    profile = make_profile()
    opportunity = make_opportunity(**REPAIRS)
    run_tasks()
    client = as_user(profile.user)
    assert len(client.get("/api/v1/matches/").json()["results"]) == 1
    Interaction.objects.create(user=profile.user, opportunity=opportunity, kind="dismiss")
    assert Match.objects.filter(user=profile.user).exists()
    assert client.get("/api/v1/matches/").json()["results"] == []


@pytest.mark.django_db(transaction=True)
def test_a_dismissal_waits_for_a_run_that_is_saving_and_then_takes_its_match_away() -> None:
    user, opportunity = make_user(), make_opportunity()
    with transaction.atomic():
        saving.save_matches(user.pk, [FOUND | {"opportunity_id": str(opportunity.pk)}])
        dismissing = threading.Thread(target=dismiss, args=(user, opportunity))
        dismissing.start()
        dismissing.join(timeout=0.5)
    dismissing.join()
    assert Interaction.objects.filter(user=user, kind="dismiss").exists()
    assert not Match.objects.filter(user=user).exists()


def dismiss(user: User, opportunity: Opportunity) -> None:
    try:
        publishing.act(user, opportunity, "dismiss")
    finally:
        connection.close()


@pytest.mark.django_db
def test_a_place_given_back_is_seen_at_once(as_user: SignIn) -> None:
    opportunity = make_opportunity(**REPAIRS, capacity=1)
    first, client = as_user(make_user()), as_user(make_profile().user)
    first.post(f"/api/v1/opportunities/{opportunity.pk}/apply/")
    run_tasks()

    def found() -> int:
        task_id = client.post("/api/v1/jobs/match/", {}).json()["task_id"]
        run_tasks()
        return len(client.get(f"/api/v1/jobs/match/status/{task_id}/").json()["result"])

    assert found() == 0
    first.delete(f"/api/v1/opportunities/{opportunity.pk}/apply/")
    assert found() == 1
