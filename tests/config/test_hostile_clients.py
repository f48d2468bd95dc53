"""What attackers try as clients: nothing is got by forging, guessing or repeating."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import settings as configured
from django.test import Client

from accounts import sessions
from accounts.models import User
from tests.accounts.factories import ORIGIN, bearer, make_access, make_user
from tests.config.world import staff_client
from tests.reports.factories import new_report


@pytest.mark.django_db
def test_a_repeated_name_is_refused(client: Client) -> None:
    """A filter in front of the server may have read the other value."""
    body = json.dumps(new_report())[:-1] + ', "title": "Another"}'
    answer = client.post("/api/v1/reports/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("malformed-body")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/reports/%00/",
        "/api/v1/reports/%ff%fe/",
        "/api/v1/reports/..%2f..%2fetc/",
        "/api/v1/" + "a/" * 3000,
        "/static/..%2f..%2fmanage.py",
        "/static/%00",
        "/problems/%00",
        "/%00",
        "/admin/%00/",
        "/admin/jobs/task/%00/change/",
    ],
)
def test_no_path_breaks_the_server(path: str) -> None:
    client = staff_client(make_user(is_staff=True, is_superuser=True))
    assert client.get(path).status_code in {302, 400, 404}


@pytest.mark.django_db
def test_the_desk_is_no_springboard() -> None:
    user = make_user(is_staff=True, is_superuser=True, password="a long password")
    for target in (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ):
        client = Client()
        form = {"username": user.phone, "password": "a long password", "next": target}
        answer = client.post(f"/admin/login/?next={target}", form)
        assert answer.status_code == 302
        assert answer["Location"] == "/admin/" or answer["Location"].startswith("/accounts/profile")


def forged(
    user: User, *, key: str, header: dict[str, Any], algorithm: str = "HS256", **claims: Any
) -> str:
    token = make_access(user)
    told = jwt.decode(token, options={"verify_signature": False}) | claims
    return jwt.encode(told, key, algorithm=algorithm, headers=header)


@pytest.mark.django_db
def test_no_forged_token_is_honoured(client: Client) -> None:
    user, other = make_user(), make_user()
    kid, key = next(iter(configured.JWT_KEYS.items()))
    tokens = [
        forged(user, key="", header={"kid": kid}, algorithm="none"),
        forged(user, key="x" * 40, header={"kid": kid}),
        forged(user, key="x" * 40, header={"kid": "../../dev/null"}),
        forged(user, key="x" * 40, header={"jwk": {"kty": "oct", "k": "eHh4"}}),
        forged(user, key=key, header={"kid": kid}, algorithm="HS512"),
        forged(user, key=key, header={"kid": kid}, aud="other"),
        forged(user, key=key, header={"kid": kid}, iss="other"),
        forged(user, key=key, header={"kid": kid}, typ="refresh"),
        forged(user, key=key, header={"kid": kid}, exp=1),
        forged(user, key=key, header={"kid": kid}, sub=str(other.pk)),
        forged(user, key=key, header={"kid": kid}, sid=str(uuid4())),
        forged(user, key=key, header={"kid": kid}, sid="x"),
        "a.b.c",
        "",
        ".",
        "é",
        "x" * 5000,
    ]
    for token in tokens:
        answer = client.get("/api/v1/users/me/", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401, token
    good = forged(user, key=key, header={"kid": kid})
    assert (
        client.get("/api/v1/users/me/", headers={"authorization": f"Bearer {good}"}).status_code
        == 200
    )


@pytest.mark.django_db
def test_half_a_place_does_not_meet_the_stored_half(client: Client) -> None:
    headers = bearer(make_user())
    placed = {"latitude": 41.3, "longitude": -72.9}
    assert (
        client.put("/api/v1/profiles/me/", placed, "application/json", headers=headers).status_code
        == 200
    )
    for half in ({"latitude": None}, {"longitude": None}, {"latitude": 1}):
        answer = client.post(
            "/api/v1/onboarding/confirm/", half, "application/json", headers=headers
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "longitude"


@pytest.mark.django_db
def test_a_session_of_the_desk_needs_a_csrf_token_at_the_api() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_staff=True), backend="accounts.backends.StaffBackend")
    answer = client.patch("/api/v1/users/me/", {"name": "Changed"}, content_type="application/json")
    assert answer.status_code == 403
    assert (
        client.post("/api/v1/reports/", new_report(), content_type="application/json").status_code
        == 403
    )


@pytest.mark.django_db
def test_nobody_gives_themselves_rights_or_reputation(client: Client) -> None:
    user = make_user()
    forged = {
        "id": str(uuid4()),
        "phone": "+12025550000",
        "reputation": 9999,
        "is_staff": True,
        "is_superuser": True,
        "email_verified": True,
        "email_verified_at": "2026-01-01T00:00:00Z",
        "tokens_valid_after": "2000-01-01",
        "name": "N",
    }
    answer = client.patch(
        "/api/v1/users/me/", forged, content_type="application/json", headers=bearer(user)
    )
    assert answer.status_code == 200
    after = User.objects.get(pk=user.pk)
    assert (
        after.phone,
        after.reputation,
        after.is_staff,
        after.is_superuser,
        after.email_verified_at,
    ) == (
        user.phone,
        0,
        False,
        False,
        None,
    )


@pytest.mark.django_db
def test_nobody_sets_the_state_of_a_report_by_sending_it(client: Client) -> None:
    forged = new_report(
        status="resolved",
        department="x",
        reporter=str(make_user().pk),
        published_at="2026-01-01",
        due_at=None,
        source="x",
    )
    report = client.post("/api/v1/reports/", forged, content_type="application/json").json()
    assert (report["status"], report["department"], report["due_at"]) == ("new", None, None)


@pytest.mark.django_db
def test_a_forged_address_escapes_no_limit(client: Client, settings: Any) -> None:
    settings.ANONYMOUS_REPORTS_PER_HOUR = 2
    for number in range(4):
        headers = {
            "x-forwarded-for": f"198.51.100.{number}",
            "x-real-ip": f"198.51.100.{number}",
            "forwarded": f"for=198.51.100.{number}",
        }
        answer = client.post(
            "/api/v1/reports/", new_report(), content_type="application/json", headers=headers
        )
        assert answer.status_code == (201 if number < 2 else 429)


@pytest.mark.django_db
def test_behind_a_proxy_each_client_has_a_limit_of_its_own(client: Client, settings: Any) -> None:
    settings.ANONYMOUS_REPORTS_PER_HOUR, settings.TRUSTED_PROXY_COUNT = 1, 1

    def report(forwarded: str) -> int:
        headers = {"x-forwarded-for": forwarded}
        return client.post(
            "/api/v1/reports/", new_report(), content_type="application/json", headers=headers
        ).status_code

    assert report("198.51.100.1") == 201
    assert report("198.51.100.2") == 201
    assert report("203.0.113.99, 198.51.100.2") == 429
    assert report("2001:db8::1") == 201
    assert report("2001:db8::2") == 429


@pytest.mark.django_db
def test_a_reused_refresh_token_ends_the_family(client: Client, settings: Any) -> None:
    settings.REFRESH_GRACE = type(settings.REFRESH_GRACE)(0)
    _, pair = sessions.begin(make_user(), ORIGIN)

    def refresh(token: str) -> Any:
        return client.post(
            "/api/v1/auth/refresh/", {"refresh": token}, content_type="application/json"
        )

    successor = refresh(pair.refresh).json()["refresh"]
    assert refresh(pair.refresh).status_code == 401
    assert refresh(successor).status_code == 401


@pytest.mark.django_db
def test_strangers_learn_nothing_about_a_number(client: Client) -> None:
    known = make_user(phone="+12025550170")
    disabled = make_user(phone="+12025550171", is_active=False)
    told = set()
    for phone in (known.phone, disabled.phone, "+12025550172"):
        asked = client.post(
            "/api/v1/auth/request-otp/", {"phone": phone}, content_type="application/json"
        )
        tried = client.post(
            "/api/v1/auth/verify-otp/",
            {"phone": phone, "code": "000000"},
            content_type="application/json",
        )
        body = asked.json()
        told.add(
            (
                asked.status_code,
                body["expires_in"],
                body["retry_after"],
                *sorted(body),
                tried.status_code,
                tried.content,
            )
        )
    assert len(told) == 1


@pytest.mark.django_db
def test_what_people_sent_stays_out_of_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    told = client.post("/api/v1/reports/", new_report(), content_type="application/json").json()
    client.get(f"/api/v1/reports/{told['id']}/?tracking_token={told['tracking_token']}")
    client.post(
        "/api/v1/auth/request-otp/", {"phone": "+12025550173"}, content_type="application/json"
    )
    client.post(
        "/api/v1/auth/verify-otp/",
        {"phone": "+12025550173", "code": "135790"},
        content_type="application/json",
    )
    access = make_access(make_user(email="citizen@example.org"))
    client.get("/api/v1/users/me/", headers={"authorization": f"Bearer {access}"})
    logged = "\n".join(str(record.msg) for record in caplog.records)
    assert "request_finished" in logged
    for secret in (told["tracking_token"], "2025550173", "135790", "citizen@example.org", access):
        assert secret not in logged


@pytest.mark.django_db
def test_the_ledger_holds_no_secret(client: Client) -> None:
    from jobs.models import Task

    told = client.post("/api/v1/reports/", new_report(), content_type="application/json").json()
    client.post(
        "/api/v1/auth/request-otp/", {"phone": "+12025550174"}, content_type="application/json"
    )
    stored = json.dumps(list(Task.objects.values_list("args", "kwargs")))
    assert told["tracking_token"] not in stored
    assert "2025550174" not in stored
    assert not re.search(r"\b\d{6}\b", stored)
