"""What operators run against a server with production's settings, taken from their own pages."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import LazySettings

from jobs.operations import alerts
from tests.conftest import server_environment
from tests.serving import Server, serving

BASE_DIR = Path(__file__).resolve().parents[2]
TOKEN = "the token of Prometheus"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose ALLOWED_HOSTS are those of `.env.example`, behind TLS, of two processes."""
    example = (BASE_DIR / ".env.example").read_text()
    values = dict(re.findall(r"^(ALLOWED_HOSTS|TRUSTED_PROXY_COUNT)=(.*)$", example, re.MULTILINE))
    folder = str(tmp_path_factory.mktemp("data"))
    own = {"SECURE_SSL_REDIRECT": "on", "METRICS_TOKEN": TOKEN, "DATA_DIR": folder}
    with serving(server_environment(), **values, **own, WEB_PROCESSES="2") as running:
        yield running


def test_the_health_check_of_compose_succeeds(server: Server) -> None:
    compose = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
    _, _, *arguments = compose["services"]["web"]["healthcheck"]["test"]
    command = [sys.executable, *(part.replace("8000", str(server.port)) for part in arguments)]
    assert subprocess.run(command, check=False, timeout=30).returncode == 0


def test_the_curl_of_the_operators_page_succeeds(server: Server) -> None:
    page = (BASE_DIR / "docs" / "deploy.md").read_text()
    [line] = re.findall(r"^curl .*readyz$", page, re.MULTILINE)
    command = shlex.split(line.replace("8000", str(server.port)))
    done = subprocess.run(command, check=False, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert b'"status":"ok"' in done.stdout or b'"degraded"' in done.stdout


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz/", "/api/v1/health/", "/metrics"])
@pytest.mark.parametrize("host", ["web:8000", "10.0.0.7:8000", "anything.example"])
def test_probes_answer_under_any_name(server: Server, path: str, host: str) -> None:
    answer = server.ask("GET", path, Host=host, Authorization=f"Bearer {TOKEN}")
    assert answer.status == 200


def test_other_addresses_do_not(server: Server) -> None:
    headers = {"Host": "anything.example", "X_Forwarded_Proto": "https"}
    assert server.ask("GET", "/api/v1/categories/", **headers).status == 400
    assert server.ask("GET", "/livezzz", **headers).status in {400, 404}


def test_the_health_url_of_alerts_is_timed(server: Server, settings: LazySettings) -> None:
    settings.JOBS_HEALTH_URL = f"http://localhost:{server.port}/readyz"
    assert alerts._health_seconds() < 60


def test_requests_of_all_processes_are_counted_by_route(server: Server) -> None:
    headers = {"Host": "civiclens.example.org", "X_Forwarded_Proto": "https"}
    before = counted(server)
    for _ in range(20):
        assert server.ask("GET", "/api/v1/categories/", **headers).status == 200
    assert server.ask("GET", "/api/v1/nothing/", **headers).status == 404
    assert counted(server) - before == 20
    assert 'route="unknown",status="404"' in scrape(server)


def counted(server: Server) -> float:
    labels = r'\{method="GET",route="/api/v1/categories/",status="200"\}'
    line = rf"^civiclens_http_requests_total{labels} (\S+)"
    return sum(map(float, re.findall(line, scrape(server), re.MULTILINE)))


def scrape(server: Server) -> str:
    answer = server.ask("GET", "/metrics", Host="web:8000", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 200
    return answer.content.decode()


def test_what_may_run_out_is_told(server: Server) -> None:
    told: Any = scrape(server)
    for name in ("disk_free_bytes", "database_connections", "backup_completed_timestamp_seconds"):
        assert re.search(rf"^civiclens_{name} \d", told, re.MULTILINE), name
    assert re.search(r"^civiclens_database_up 1", told, re.MULTILINE)


def test_large_json_is_compressed_and_keeps_its_etag(server: Server) -> None:
    headers = {
        "Host": "civiclens.example.org",
        "X_Forwarded_Proto": "https",
        "Accept_Encoding": "gzip",
    }
    answer = server.ask("GET", "/api/schema/", **headers)
    assert answer.headers["Content-Encoding"] == "gzip"
    again = server.ask("GET", "/api/schema/", If_None_Match=answer.headers["ETag"], **headers)
    assert again.status == 304


def test_cookies_belong_to_this_host_alone(server: Server) -> None:
    headers = {"Host": "civiclens.example.org", "X_Forwarded_Proto": "https"}
    cookie = server.ask("GET", "/admin/login/", **headers).headers["Set-Cookie"]
    assert cookie.startswith("__Host-csrftoken=")
    assert "Secure" in cookie
    assert (
        "preload" not in server.ask("GET", "/livez", **headers).headers["Strict-Transport-Security"]
    )
