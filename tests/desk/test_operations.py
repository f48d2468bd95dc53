"""The page of operations: one line for each place, only for those who may open it, bounded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from jobs.models import AlertEpisode, Breaker, Task
from jobs.states import State
from reports.models import Source, SourceKind
from tests.accounts.factories import make_user

pytestmark = pytest.mark.django_db
PAGE = "/admin/operations/"


def signed_in(*permissions: str, is_superuser: bool = False) -> Client:
    user = make_user(is_staff=True, is_superuser=is_superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def conditions(client: Client) -> dict[str, tuple[str, str]]:
    cards = client.get(PAGE).context["cards"]
    return {card.place.title: (card.condition.tone, card.condition.line) for card in cards}


def test_each_place_says_in_one_line_how_it_stands() -> None:
    quiet = conditions(signed_in(is_superuser=True))
    assert quiet["Tasks"] == ("good", "No dead letters")
    assert quiet["Alerts"] == ("good", "Every rule is kept")
    assert quiet["Sources"] == ("quiet", "None is set up")
    now = datetime.now(UTC)
    Task.objects.create(actor="gone", queue="default", state=State.DEAD, finished_at=now)
    AlertEpisode.objects.create(rule="dead", threshold=0, value=3)
    Breaker.objects.create(name="sms", opened_at=now, changed_at=now)
    Source.objects.create(name="Radio", kind=SourceKind.FEED, address="http://x/", failures=9)
    uneasy = conditions(signed_in(is_superuser=True))
    assert uneasy["Tasks"] == ("warn", "1 dead letter")
    assert uneasy["Alerts"][0] == "bad"
    assert uneasy["Outside services"] == ("bad", "Not called at present: sms")
    assert uneasy["Sources"] == ("warn", "1 of 1 do not answer")


def test_every_place_leads_to_a_page_that_opens() -> None:
    client = signed_in(is_superuser=True)
    for card in client.get(PAGE).context["cards"]:
        assert client.get(card.place.url).status_code == 200, card.place.title


def test_staff_see_only_the_places_that_they_may_open() -> None:
    assert set(conditions(signed_in())) == {"Sessions"}, "their own"
    assert set(conditions(signed_in("view_task", "view_delivery"))) == {
        "Tasks",
        "Deliveries",
        "Sessions",
    }
    assert Client().get(PAGE).status_code == 302
    assert signed_in(is_superuser=True).post(PAGE).status_code == 405


def test_the_page_takes_few_statements(django_assert_max_num_queries: object) -> None:
    client = signed_in(is_superuser=True)
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        client.get(PAGE)
