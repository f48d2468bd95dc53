"""A citizen who applies and takes it back in the same moment, from two devices or by a nervous
finger.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from rest_framework.test import APIClient

from matching.models import Interaction, Opportunity
from tests.accounts.factories import bearer, make_user
from tests.accounts.racing import race
from tests.matching.factories import make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", ["apply", "save", "dismiss"])
def test_doing_and_taking_back_at_once_are_each_answered(kind: str) -> None:
    headers: Any = bearer(make_user())
    opportunity = make_opportunity(capacity=1000)
    url = f"/api/v1/opportunities/{opportunity.pk}/{kind}/"
    methods = itertools.cycle(["post", "delete"])

    def act() -> int:
        return int(getattr(APIClient(), next(methods))(url, headers=headers).status_code)

    assert set(race(act, times=80, threads=8)) <= {200, 201, 204}
    places_taken = Opportunity.objects.get(pk=opportunity.pk).places_taken
    assert places_taken == Interaction.objects.filter(kind="apply").count()


def test_acting_on_an_opportunity_that_is_deleted_meanwhile_is_a_conflict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers: Any = bearer(make_user())
    opportunity = make_opportunity()
    plain = Interaction.objects.get_or_create

    def delete_first(**values: Any) -> Any:
        Opportunity.objects.filter(pk=opportunity.pk).delete()
        return plain(**values)

    monkeypatch.setattr(Interaction.objects, "get_or_create", delete_first)
    answer = APIClient().post(f"/api/v1/opportunities/{opportunity.pk}/save/", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
