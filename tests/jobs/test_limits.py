"""Rate limits are exact, also when everybody comes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from jobs.http import limits
from jobs.http.throttling import LimitThrottle
from jobs.models import RateLimit
from jobs.worker import retention

MINUTE = timedelta(minutes=1)


def let_pass(period: timedelta) -> None:
    RateLimit.objects.update(window_ends_at=F("window_ends_at") - period)


@pytest.mark.django_db
def test_a_window_allows_exactly_its_limit() -> None:
    found = [limits.hit("a", 3, MINUTE) for _ in range(5)]
    assert [limit.allowed for limit in found] == [True, True, True, False, False]
    assert [limit.remaining for limit in found] == [2, 1, 0, 0, 0]
    assert found[0].retry_after == 0
    assert 59 <= found[3].retry_after <= 60


@pytest.mark.django_db
def test_keys_do_not_meet() -> None:
    assert limits.hit("a", 1, MINUTE).allowed
    assert limits.hit("b", 1, MINUTE).allowed
    assert not limits.hit("a", 1, MINUTE).allowed


@pytest.mark.django_db
def test_a_new_window_opens_when_the_old_one_has_ended() -> None:
    for _ in range(4):
        limits.hit("a", 2, MINUTE)
    let_pass(timedelta(seconds=58))
    assert 1 <= limits.hit("a", 2, MINUTE).retry_after <= 2
    let_pass(MINUTE)
    assert limits.hit("a", 2, MINUTE) == limits.Limit(allowed=True, remaining=1, retry_after=0)


@pytest.mark.django_db
def test_refused_hits_do_not_prolong_the_window() -> None:
    limits.hit("a", 1, MINUTE)
    ends_at = RateLimit.objects.get(key=limits.digest("a")).window_ends_at
    limits.hit("a", 1, MINUTE)
    row = RateLimit.objects.get(key=limits.digest("a"))
    assert (row.window_ends_at, row.hits) == (ends_at, 2)
    limits.hit("a", 1, MINUTE)
    assert RateLimit.objects.get(key=limits.digest("a")).hits == 2


@pytest.mark.django_db
def test_a_key_may_be_long_and_is_not_stored() -> None:
    key = "otp:recipient:ada@city.example" + "é" * 1000
    assert limits.hit(key, 1, MINUTE).allowed
    assert not limits.hit(key, 1, MINUTE).allowed
    assert "city.example" not in RateLimit.objects.get().key


@pytest.mark.django_db
def test_a_limit_of_none_allows_nothing() -> None:
    assert not limits.hit("a", 0, MINUTE).allowed


@pytest.mark.django_db
def test_purge_deletes_what_has_ended() -> None:
    limits.hit("old", 1, MINUTE)
    let_pass(2 * MINUTE)
    limits.hit("new", 1, MINUTE)
    assert retention.purge_limits() == 1
    assert [row.key for row in RateLimit.objects.all()] == [limits.digest("new")]


@pytest.mark.django_db(transaction=True)
def test_a_hundred_at_once_get_exactly_the_limit() -> None:
    def knock(_: int) -> bool:
        try:
            return limits.hit("door", 5, MINUTE).allowed
        finally:
            connection.close()

    with ThreadPoolExecutor(25) as threads:
        allowed = list(threads.map(knock, range(100)))
    assert sum(allowed) == 5


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_refuses_because_a_rollback_would_uncount() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        limits.hit("a", 5, MINUTE)
    assert not RateLimit.objects.exists()


@pytest.mark.django_db
def test_in_turn_a_refusing_rule_spares_the_later_ones() -> None:
    rules = [limits.Rule("narrow", 2, MINUTE), limits.Rule("wide", 3, 60 * MINUTE)]
    found = [limits.hit_in_turn(rules) for _ in range(4)]
    assert [limit.allowed for limit in found] == [True, True, False, False]
    assert found[0].remaining == 2
    assert found[2].retry_after <= 60
    assert RateLimit.objects.get(key=limits.digest("wide")).hits == 2
    assert limits.hit("wide", 3, MINUTE).allowed
    other = [limits.Rule("another", 2, MINUTE), limits.Rule("wide", 3, 60 * MINUTE)]
    assert limits.hit_in_turn(other).retry_after > 60


@pytest.mark.django_db(transaction=True)
def test_in_turn_the_last_rule_is_exact_when_everybody_comes_at_once() -> None:
    def knock(number: int) -> bool:
        rules = [limits.Rule(f"guest {number % 10}", 3, MINUTE), limits.Rule("house", 12, MINUTE)]
        try:
            return limits.hit_in_turn(rules).allowed
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        allowed = list(threads.map(knock, range(60)))
    assert sum(allowed) == 12


@pytest.mark.django_db(transaction=True)
def test_a_hit_with_an_effect_counts_only_when_its_transaction_commits() -> None:
    rules = [limits.Rule("own", 1, MINUTE), limits.Rule("all", 5, MINUTE)]
    with suppress(ValueError), transaction.atomic():
        assert limits.refusal_with_effect(rules) is None
        raise ValueError
    assert not RateLimit.objects.exists()
    with transaction.atomic():
        assert limits.refusal_with_effect(rules) is None
    with suppress(ValueError), transaction.atomic():
        refusal = limits.refusal_with_effect(rules)
        raise ValueError
    assert refusal is not None
    assert refusal.rule == rules[0]
    assert 58 <= refusal.retry_after <= 60
    assert RateLimit.objects.get(key=limits.digest("all")).hits == 1
    with pytest.raises(RuntimeError):
        limits.refusal_with_effect(rules)


@pytest.mark.django_db(transaction=True)
def test_of_effects_at_once_exactly_the_limit_commits() -> None:
    def create(number: int) -> bool:
        rules = [limits.Rule("author", 5, MINUTE), limits.Rule(f"place {number % 3}", 2, MINUTE)]
        try:
            with transaction.atomic():
                is_refused = limits.refusal_with_effect(rules) is not None
                transaction.set_rollback(is_refused)
            return not is_refused
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        created = list(threads.map(create, range(48)))
    assert sum(created) == 5
    assert RateLimit.objects.get(key=limits.digest("author")).hits == 5


class TwoAMinute(LimitThrottle):
    limit = 2
    period = MINUTE

    def key(self, request: Request, view: APIView) -> str | None:
        return request.query_params.get("who")


@pytest.mark.django_db
def test_a_throttle_speaks_for_the_limit() -> None:
    def ask(query: str) -> TwoAMinute | None:
        throttle = TwoAMinute()
        return (
            None
            if throttle.allow_request(Request(APIRequestFactory().get(f"/{query}")), APIView())
            else throttle
        )

    assert [ask("?who=a"), ask("?who=a")] == [None, None]
    refused = ask("?who=a")
    assert refused is not None
    assert 59 <= refused.wait() <= 60
    assert ask("?who=b") is None
    assert [ask(""), ask(""), ask("")] == [None, None, None]
