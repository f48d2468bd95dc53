"""Refresh tokens, sessions and access tokens."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.core import serializers as dumpers
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import sessions, tokens
from accounts.errors import AccessInvalid, RefreshInvalid
from accounts.models import AuditEvent, RefreshToken, Session, User
from jobs.ledger import database
from tests.accounts.clock import let_pass
from tests.accounts.factories import ORIGIN, bearer, make_user
from tests.accounts.racing import race

REFRESH = "/api/v1/auth/refresh"
ME = "/api/v1/users/me"


def begin(user: User | None = None) -> tuple[Session, sessions.TokenPair]:
    return sessions.begin(user or make_user(), ORIGIN)


def get_me(client: APIClient, access: str) -> int:
    return client.get(ME, headers={"authorization": f"Bearer {access}"}).status_code


@pytest.mark.django_db
def test_only_the_hash_of_a_refresh_token_is_stored() -> None:
    _, pair = begin()
    (row,) = RefreshToken.objects.all()
    assert bytes(row.digest) == hashlib.sha256(pair.refresh.encode()).digest()
    assert pair.refresh not in dumpers.serialize("json", [row, *Session.objects.all()])
    assert len(pair.refresh) >= 43


@pytest.mark.django_db
def test_a_refresh_gives_new_tokens_and_the_chain_goes_on(client: APIClient) -> None:
    _, pair = begin()
    refresh, seen = pair.refresh, {pair.refresh}
    for _ in range(3):
        answer = client.post(REFRESH, {"refresh": refresh})
        assert answer.status_code == 200
        assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
        assert get_me(client, answer.json()["access"]) == 200
        refresh = answer.json()["refresh"]
        seen.add(refresh)
    assert len(seen) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [5, 15, 45])
def test_a_lost_answer_can_be_repeated_within_the_grace(seconds: int) -> None:
    """An outage of the web may last a quarter of a minute, and clients wait before they repeat."""
    _, pair = begin()
    first = sessions.rotate(pair.refresh)
    let_pass(seconds=seconds)
    assert sessions.rotate(pair.refresh).refresh == first.refresh
    assert RefreshToken.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_successor_been_used", [True, False])
def test_reuse_ends_the_whole_session_although_the_answer_is_an_error(
    client: APIClient, has_successor_been_used: bool
) -> None:
    session, pair = begin()
    newest = sessions.rotate(pair.refresh)
    if has_successor_been_used:
        newest = sessions.rotate(newest.refresh)
    let_pass(seconds=0 if has_successor_been_used else 61)
    answer = client.post(REFRESH, {"refresh": pair.refresh})
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/refresh-invalid")
    with pytest.raises(RefreshInvalid):
        sessions.rotate(newest.refresh)
    assert get_me(client, newest.access) == 401
    event = AuditEvent.objects.get()
    assert (event.event, event.subject) == ("session.revoked", f"session:{session.id}")


@pytest.mark.django_db(transaction=True)
def test_thirty_refreshes_with_one_token_at_once_leave_one_successor() -> None:
    _, pair = begin()
    outcomes = race(lambda: sessions.rotate(pair.refresh).refresh, times=30, threads=30)
    assert len(set(outcomes)) == 1
    assert RefreshToken.objects.count() == 2
    assert isinstance(sessions.rotate(str(outcomes[0])), sessions.TokenPair)


@pytest.mark.django_db
@pytest.mark.parametrize("refresh", ["unknown", "", None, 7, "x" * 500])
def test_unknown_refresh_tokens_are_refused(client: APIClient, refresh: Any) -> None:
    assert client.post(REFRESH, {"refresh": refresh}).status_code in {400, 401}


@pytest.mark.django_db
def test_an_expired_refresh_token_is_refused() -> None:
    _, pair = begin()
    let_pass(days=30, seconds=1)
    with pytest.raises(RefreshInvalid):
        sessions.rotate(pair.refresh)


@pytest.mark.django_db
def test_refreshing_does_not_outlive_the_sign_in(settings: Any) -> None:
    settings.SIGN_IN_LIFETIME = timedelta(days=40)
    session, pair = begin()
    let_pass(days=20)
    sessions.rotate(pair.refresh)
    session.refresh_from_db()
    assert session.expires_at == session.created_at + timedelta(days=40)


@pytest.mark.django_db
def test_disabling_a_user_ends_tokens_and_sessions_for_good(client: APIClient) -> None:
    user = make_user()
    _, pair = begin(user)
    assert get_me(client, pair.access) == 200
    sessions.disable(user, by=None)
    assert get_me(client, pair.access) == 401
    with pytest.raises(RefreshInvalid):
        sessions.rotate(pair.refresh)
    sessions.enable(user, by=None)
    assert get_me(client, pair.access) == 401
    with pytest.raises(RefreshInvalid):
        sessions.rotate(pair.refresh)


@pytest.mark.django_db
def test_tokens_from_before_the_users_mark_are_refused(client: APIClient) -> None:
    user = make_user()
    _, pair = begin(user)
    User.objects.update(tokens_valid_after=timezone.now())
    assert get_me(client, pair.access) == 401
    with pytest.raises(RefreshInvalid):
        sessions.rotate(pair.refresh)
    assert get_me(client, begin(user)[1].access) == 200


@pytest.mark.django_db
def test_logout_ends_the_session_at_once(client: APIClient) -> None:
    _, pair = begin()
    for _ in range(2):
        assert client.post("/api/v1/auth/logout", {"refresh": pair.refresh}).status_code == 204
    assert get_me(client, pair.access) == 401
    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db
def test_a_user_lists_and_ends_own_sessions_only(client: APIClient) -> None:
    user, stranger = make_user(), make_user()
    (here, pair), (there, _), (foreign, _) = begin(user), begin(user), begin(stranger)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    listed = client.get("/api/v1/auth/sessions").json()["results"]
    assert {row["id"]: row["is_current"] for row in listed} == {
        str(here.id): True,
        str(there.id): False,
    }
    assert client.delete(f"/api/v1/auth/sessions/{there.id}").status_code == 204
    assert client.delete(f"/api/v1/auth/sessions/{there.id}").status_code == 404
    assert client.delete(f"/api/v1/auth/sessions/{foreign.id}").status_code == 404
    assert list(Session.objects.filter(revoked_at=None).order_by("created_at")) == [here, foreign]


@pytest.mark.django_db
def test_an_access_token_ends_after_its_lifetime(client: APIClient) -> None:
    session, _ = begin()
    issued_at = database.now() - timedelta(seconds=901)
    User.objects.update(tokens_valid_after=issued_at)
    older, newer = (
        tokens.issue_access(
            user_id=session.user_id, session_id=session.id, issued_at=issued_at + age
        )
        for age in (timedelta(0), timedelta(minutes=1))
    )
    assert get_me(client, newer) == 200
    answer = client.get(ME, headers={"authorization": f"Bearer {older}"})
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/token-invalid")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "claims", "algorithm"),
    [
        ({"kid": "k1"}, {"typ": "refresh"}, "HS256"),
        ({"kid": "k1"}, {"aud": "another"}, "HS256"),
        ({"kid": "k1"}, {"iss": "another"}, "HS256"),
        ({"kid": "k1"}, {"sid": None}, "HS256"),
        ({"kid": "k1"}, {"sub": "nobody"}, "HS256"),
        ({"kid": "k1"}, {"exp": None}, "HS256"),
        ({"kid": "k1"}, {"iat": "today"}, "HS256"),
        ({"kid": "unknown"}, {}, "HS256"),
        ({}, {}, "HS256"),
        ({"kid": "k1"}, {}, "HS512"),
        ({"kid": "k1"}, {}, "none"),
    ],
)
def test_tokens_that_were_not_made_here_are_refused(
    settings: Any, header: dict[str, Any], claims: dict[str, Any], algorithm: str
) -> None:
    good = {
        "iss": "civiclens",
        "aud": "civiclens",
        "typ": "access",
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "iat": timezone.now().timestamp(),
        "exp": timezone.now() + timedelta(minutes=5),
    }
    key = settings.JWT_KEYS["k1"]
    assert (
        str(tokens.read_access(jwt.encode(good, key, "HS256", headers={"kid": "k1"})).user_id)
        == good["sub"]
    )
    forged = {name: value for name, value in (good | claims).items() if value is not None}
    with pytest.raises(AccessInvalid):
        tokens.read_access(
            jwt.encode(forged, "" if algorithm == "none" else key * 2, algorithm, headers=header)
        )
    own_key: Any = None if algorithm == "none" else key
    with pytest.raises(AccessInvalid):
        tokens.read_access(jwt.encode(forged, own_key, algorithm, headers=header))


def test_a_retired_key_still_verifies_until_it_is_unlisted(settings: Any) -> None:
    settings.JWT_KEYS = {"old": "o" * 32}
    session_id = uuid4()
    token = tokens.issue_access(user_id=uuid4(), session_id=session_id, issued_at=timezone.now())
    settings.JWT_KEYS = {"new": "n" * 32, "old": "o" * 32}
    assert tokens.read_access(token).session_id == session_id
    newer = tokens.issue_access(user_id=uuid4(), session_id=session_id, issued_at=timezone.now())
    assert jwt.get_unverified_header(newer)["kid"] == "new"
    settings.JWT_KEYS = {"new": "n" * 32}
    with pytest.raises(AccessInvalid):
        tokens.read_access(token)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer a.b.c", "Bearer é", "bearer x y", "Bearer " + "x" * 7000]
)
def test_nonsense_in_the_header_is_refused(client: APIClient, value: str) -> None:
    assert (
        client.get(ME, headers={"authorization": value.encode().decode("latin-1")}).status_code
        == 401
    )


@pytest.mark.django_db
def test_authentication_takes_one_query(client: APIClient, django_assert_num_queries: Any) -> None:
    headers = bearer(make_user())
    with django_assert_num_queries(1):
        assert client.get(ME, headers=headers).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_session_is_revoked_once_by_many() -> None:
    session, pair = begin()
    outcomes = Counter(race(lambda: sessions.end(pair.refresh), times=8))
    assert outcomes == {None: 8}
    assert AuditEvent.objects.filter(subject=f"session:{session.id}").count() == 1
