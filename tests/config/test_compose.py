"""`compose.yaml` is valid and describes the production installation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from matching.vectors.indexing import PGVECTOR_MINIMUM

BASE_DIR = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
    return document


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((BASE_DIR / "tests" / "data" / "compose_spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(compose)


def test_every_long_running_service_restarts_and_migrate_runs_once(compose: dict[str, Any]) -> None:
    policies = {name: service["restart"] for name, service in compose["services"].items()}
    assert policies.pop("migrate") == policies.pop("roles") == "no"
    assert set(policies.values()) == {"unless-stopped"}


def test_its_pgvector_is_one_that_vector_indexes_may_be_built_with(compose: dict[str, Any]) -> None:
    version = re.fullmatch(
        r"pgvector/pgvector:([\d.]+)-pg18", compose["services"]["postgres"]["image"]
    )
    assert version is not None
    assert tuple(map(int, version[1].split("."))) >= PGVECTOR_MINIMUM


def test_web_and_workers_wait_for_the_migration_but_never_for_rabbitmq(
    compose: dict[str, Any],
) -> None:
    for name in ("web", "worker", "worker-long"):
        dependencies = compose["services"][name]["depends_on"]
        assert dependencies["migrate"] == {"condition": "service_completed_successfully"}
        assert "rabbitmq" not in dependencies


def test_each_service_signs_in_to_the_database_as_its_own_role(compose: dict[str, Any]) -> None:
    secrets = {
        name: service["environment"]["DATABASE_URL_FILE"].removeprefix("/run/secrets/")
        for name, service in compose["services"].items()
        if "DATABASE_URL_FILE" in service.get("environment", {})
    }
    assert secrets.pop("roles") == "administrator_database_url"
    assert secrets.pop("migrate") == "owner_database_url"
    assert set(secrets) == {"web", "worker", "worker-long"}
    assert set(secrets.values()) == {"database_url"}
    for name in secrets:
        assert not {"administrator_database_url", "owner_database_url"} & set(
            compose["services"][name]["secrets"]
        )
    named = re.search(
        r"database_url +postgres://(\w+):A_THIRD", (BASE_DIR / ".env.example").read_text()
    )
    assert named is not None
    assert compose["services"]["migrate"]["environment"]["DATABASE_APPLICATION_ROLE"] == named[1]


def test_servers_are_pinned_and_watched(compose: dict[str, Any]) -> None:
    for name in ("postgres", "rabbitmq"):
        service = compose["services"][name]
        assert service["image"].partition(":")[2] not in ("", "latest")
        assert service["healthcheck"]["test"]
    assert compose["services"]["web"]["healthcheck"]["test"]
    assert compose["services"]["worker"]["environment"]["JOBS_QUEUE_TYPE"] == "quorum"


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if any(
                word in name
                for word in ("PASSWORD", "SECRET", "TOKEN", "DATABASE_URL", "RABBITMQ_URL")
            ):
                assert name.endswith("_FILE"), name
                assert value.startswith("/run/secrets/")


def test_the_queues_of_both_workers_are_all_queues_there_are(
    compose: dict[str, Any], settings: Any
) -> None:
    queues: list[str] = []
    for name in ("worker", "worker-long"):
        command = compose["services"][name]["command"]
        queues += command[command.index("--queues") + 1 :]
    assert sorted(queues) == sorted(settings.JOBS_QUEUES)


def test_prometheus_finds_every_worker_where_the_operators_page_says(
    compose: dict[str, Any],
) -> None:
    page = (BASE_DIR / "docs" / "operations" / "monitor.md").read_text()
    targets = re.findall(r'"([\w-]+):(\d+)"', page)
    workers = {target: port for target, port in targets if target.startswith("worker")}
    assert set(workers) == {"worker", "worker-long"}
    for name, port in workers.items():
        environment = compose["services"][name]["environment"]
        assert environment["JOBS_METRICS_PORT"] == port
        assert environment["JOBS_METRICS_HOST"] == "0.0.0.0"
        assert "--processes=1" in compose["services"][name]["command"], (
            "a second process takes the next port"
        )
        assert environment["DEBUG"] == compose["services"]["web"]["environment"]["DEBUG"]
        assert "ports" not in compose["services"][name]
