"""What every answer carries, whoever asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.urls("tests.config.views"), pytest.mark.django_db]

PRODUCTION = {
    "DEBUG": "off",
    "SECRET_KEY": "k3Jv-0pQz_w8RmXy7LdTfBn2HsUcEa9Gi5oVtWqZrY1uMxKbPj",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "ALLOWED_HOSTS": "city.example",
    "SECURE_SSL_REDIRECT": "on",
    "EMAIL_URL": "smtp+tls://user:password@mail.example:587",
    "SMS_PROVIDER_URL": "https://sms.example/send",
    "SMS_PROVIDER_TOKEN": "token",
}


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/api/v1/test/fail/otp/",
        "/api/v1/test/fail/crash/",
        "/api/v1/nothing",
        "/nothing",
        "/api/docs/",
    ],
)
def test_every_answer_is_guarded(client: Client, path: str) -> None:
    response = client.get(path)
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Request-ID"]


def test_the_admin_runs_no_script_but_its_own(client: Client) -> None:
    policy = client.get("/admin/login/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy


def test_no_other_origin_may_read(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for response in (
        client.get("/livez", headers=headers),
        client.options("/api/v1/test/echo/", headers=headers),
    ):
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


def test_hsts_over_tls(client: Client) -> None:
    assert "max-age=31536000" in client.get("/livez", secure=True)["Strict-Transport-Security"]


def test_plain_http_is_redirected_except_for_the_probes(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    for address in ("/api/v1/reports/", "/open311/v2/requests.json"):
        read, sent = client.get(address), client.post(address, {"a": "1"})
        assert (read.status_code, sent.status_code) == (301, 308)
        assert read["Location"] == sent["Location"] == f"https://testserver{address}"
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code != 301


def test_the_deployment_check_has_no_warning() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = os.environ | PRODUCTION
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("given", ["request-42", "a" * 128, "0af7651916cd43dd8448eb211c80319c"])
def test_a_sane_request_id_is_kept(client: Client, given: str) -> None:
    assert client.get("/livez", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 129, "with space", "evil\x1b[31m-id", "<script>alert</script>"]
)
def test_another_request_id_is_replaced(client: Client, given: str) -> None:
    made = client.get("/livez", headers={"X-Request-ID": given})["X-Request-ID"]
    assert made != given
    assert len(made) == 32


def test_reads_answer_304_until_they_change(client: Client) -> None:
    first = client.get("/api/v1/categories/")
    assert first.status_code == 200
    assert first["Cache-Control"] == "private, no-cache"
    again = client.get("/api/v1/categories/", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/api/v1/categories/", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_writes_and_errors_are_kept_by_no_cache(client: Client) -> None:
    written = client.post("/api/v1/test/echo/", {"title": "x"}, content_type="application/json")
    assert written.status_code == 201
    for response in (written, client.get("/api/v1/nothing")):
        assert response["Cache-Control"] == "no-store"
        assert "ETag" not in response
