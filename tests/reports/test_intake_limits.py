"""How much one author may report, whatever the way and however many requests come at once."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import RateLimit
from reports.models import Report
from reports.models.phrases import digest_of_words
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import make_department, make_staff, make_user, new_report

URL = "/api/v1/reports/"


@pytest.fixture(autouse=True)
def without_duplicate_check(settings: Any) -> None:
    """Let reports of one place through that read alike, up to the limits."""
    settings.DUPLICATE_CHECK_ENABLED = False


def elsewhere(number: int, **overrides: Any) -> dict[str, Any]:
    """The body of a report that has neither its place nor its words in common with another
    number's.
    """
    return new_report(title=f"Hole {number}", latitude=41 + number / 100, **overrides)


@pytest.mark.django_db
def test_a_citizen_reports_only_so_much_an_hour(as_user: SignIn, settings: Any) -> None:
    settings.REPORTS_PER_CITIZEN_HOUR = 3
    client, other = as_user(make_user()), as_user(make_user())
    answers = [client.post(URL, elsewhere(number)) for number in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    problem = answers[-1].json()
    assert problem["type"] == "/problems/too-many-requests"
    assert 3500 < problem["retry_after"] == int(answers[-1]["Retry-After"]) <= 3600
    assert "one person" in problem["detail"]
    assert other.post(URL, elsewhere(1)).status_code == 201
    RateLimit.objects.update(window_ends_at=F("window_ends_at") - timedelta(hours=1))
    assert client.post(URL, elsewhere(9)).status_code == 201


@pytest.mark.django_db
def test_a_citizen_reports_only_so_much_a_day(as_user: SignIn, settings: Any) -> None:
    settings.REPORTS_PER_CITIZEN_HOUR, settings.REPORTS_PER_CITIZEN_DAY = 2, 3
    client = as_user(make_user())
    assert [client.post(URL, elsewhere(number)).status_code for number in range(3)] == [
        201,
        201,
        429,
    ]
    RateLimit.objects.update(window_ends_at=F("window_ends_at") - timedelta(hours=1))
    answers = [client.post(URL, elsewhere(number)) for number in range(3, 5)]
    assert [answer.status_code for answer in answers] == [201, 429]
    assert int(answers[1]["Retry-After"]) > 80_000


@pytest.mark.django_db
def test_the_same_words_are_taken_only_a_few_times(as_user: SignIn, settings: Any) -> None:
    settings.REPORTS_EQUAL_TEXTS_PER_DAY = 2
    client = as_user(make_user())
    titles = ("Deep hole", "deep  HOLE!", "Deep hole", "Deep hole again")
    answers = [
        client.post(URL, new_report(title=title, latitude=40 + i)) for i, title in enumerate(titles)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 409, 201]
    assert answers[2].json()["type"] == "/problems/report-repeated"
    assert int(answers[2]["Retry-After"]) > 0
    assert as_user(make_user()).post(URL, new_report()).status_code == 201


@pytest.mark.django_db
def test_a_place_takes_only_so_much_of_one_and_of_all(as_user: SignIn, settings: Any) -> None:
    settings.REPORTS_PER_CITIZEN_PLACE_DAY, settings.REPORTS_PER_PLACE_HOUR = 2, 3

    def tell(client: APIClient, number: int, longitude: float) -> Any:
        return client.post(URL, new_report(title=f"Hole {number}", longitude=longitude))

    client, other = as_user(make_user()), as_user(make_user())
    answers = [tell(client, number, -72.9 + number / 100_000) for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert "this place" in answers[2].json()["detail"]
    assert [tell(other, number, -72.9).status_code for number in range(2)] == [201, 429]
    assert tell(other, 3, -72.8).status_code == 201


@pytest.mark.django_db
def test_what_is_refused_or_repeated_uses_up_nothing(
    api: APIClient, as_user: SignIn, settings: Any
) -> None:
    settings.REPORTS_PER_CITIZEN_HOUR = settings.ANONYMOUS_REPORTS_PER_HOUR = (
        settings.REPORTS_EQUAL_TEXTS_PER_DAY
    ) = 2
    for client in (api, as_user(make_user())):
        for _ in range(3):
            assert client.post(URL, new_report(latitude=91)).status_code == 400
        key = {"Idempotency-Key": "one report"}
        assert [client.post(URL, new_report(), headers=key).status_code for _ in range(4)] == [
            201
        ] * 4
        assert client.post(URL, elsewhere(2)).status_code == 201
        assert (
            client.post(URL, elsewhere(3), headers={"Idempotency-Key": "another"}).status_code
            == 429
        )


@pytest.mark.django_db
def test_staff_report_for_others_without_a_limit(as_user: SignIn, settings: Any) -> None:
    settings.REPORTS_PER_CITIZEN_HOUR = settings.REPORTS_EQUAL_TEXTS_PER_DAY = (
        settings.REPORTS_PER_PLACE_HOUR
    ) = 1
    client = as_user(make_staff(make_department()))
    assert [client.post(URL, new_report()).status_code for _ in range(3)] == [201] * 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "header", [{}, {"Idempotency-Key": "new each time"}], ids=["plain", "with a key"]
)
def test_of_a_flood_at_once_exactly_the_limit_is_stored(
    header: dict[str, str], settings: Any
) -> None:
    """40 equal reports of one citizen, eight at a time."""
    settings.REPORTS_EQUAL_TEXTS_PER_DAY = 3
    user, numbers = make_user(), iter(range(40))

    def send() -> int:
        client = APIClient()
        client.force_authenticate(User.objects.get(pk=user.pk))
        headers = {name: f"{value} {next(numbers)}" for name, value in header.items()}
        return client.post(
            URL, json.dumps(new_report()), content_type="application/json", headers=headers
        ).status_code

    assert Counter(race(send, times=40, threads=8)) == {201: 3, 409: 37}
    assert Report.objects.count() == 3


@pytest.mark.parametrize("same", ["a b", "A  b!", "ａ Ｂ", "a, b."])
def test_words_alone_tell_texts_apart(same: str) -> None:
    assert digest_of_words(same) == digest_of_words("a b")
    assert digest_of_words(same) != digest_of_words("a c")
