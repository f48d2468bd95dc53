"""Two tasks that save the same matches at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from accounts.models import User
from matching.models import Match, Opportunity
from matching.ranking import saving
from tests.accounts.factories import make_user
from tests.matching.factories import make_opportunity


def found(opportunity: Opportunity) -> dict[str, object]:
    return {"opportunity_id": str(opportunity.pk), "score": 0.5, "reasons": []}


@pytest.mark.django_db(transaction=True)
def test_a_refresh_and_new_opportunities_for_its_citizen_lock_rows_in_one_order() -> None:
    user = make_user()
    first, second = sorted((make_opportunity(), make_opportunity()), key=lambda one: one.pk)
    refreshing = threading.Thread(target=save, args=(user, [second, first]))
    with transaction.atomic():
        saving.upsert_matches([(user.pk, found(first))], is_update=False)
        refreshing.start()
        refreshing.join(timeout=0.5)
        saving.upsert_matches([(user.pk, found(second))], is_update=False)
    refreshing.join()
    assert Match.objects.filter(user=user).count() == 2


def save(user: User, best_first: list[Opportunity]) -> None:
    try:
        with transaction.atomic():
            saving.save_matches(user.pk, [found(one) for one in best_first])
    finally:
        connection.close()
