"""Fixtures of every test: real PostgreSQL, real RabbitMQ, and a flush that append-only tables allow."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

from config.development.rabbitmq import INSTALL_COMMAND, RabbitmqNode, find_server
from tests.settings import OWN_POSTGRES, POSTGRES, TEST_DATA_DIR


def pytest_configure() -> None:
    """Let Django's flush between transactional tests past triggers that forbid TRUNCATE."""
    plain_flush = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, *arguments: Any, **options: Any) -> list[str]:
        statements = plain_flush(self, *arguments, **options)
        return ["SET LOCAL session_replication_role = replica", *statements] if statements else statements

    DatabaseOperations.sql_flush = sql_flush  # type: ignore[method-assign, assignment]


@pytest.fixture(scope="session", autouse=True)
def _postgres_stops_after_the_last_run() -> Iterator[None]:
    """Stop the test cluster at the end, unless another run on the same DATA_DIR still uses it."""
    if not OWN_POSTGRES:
        yield
        return
    with (TEST_DATA_DIR / "users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        POSTGRES.ensure_running()  # a run that ended in between may just have stopped it
        yield
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        POSTGRES.stop()


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real broker for the whole run: RABBITMQ_URL where it is set, else a private node."""
    if url := os.environ.get("RABBITMQ_URL"):
        yield url
        return
    node = start_rabbitmq(tmp_path_factory.mktemp("rabbitmq"))
    yield node.url
    node.kill()


@pytest.fixture
def rabbitmq_node(tmp_path: Path) -> Iterator[RabbitmqNode]:
    """A broker of one test's own, which it may stop, kill and wipe."""
    node = start_rabbitmq(tmp_path / "rabbitmq")
    yield node
    node.kill()


def start_rabbitmq(folder: Path) -> RabbitmqNode:
    """A private node that answers; fails the test where RabbitMQ is not installed."""
    if find_server() is None:
        pytest.fail(f"RabbitMQ is not installed: run `{INSTALL_COMMAND}` or set RABBITMQ_URL.", pytrace=False)
    node = RabbitmqNode(folder)
    node.start()
    node.wait_ready()
    return node


@pytest.fixture
def process_environment(django_db_setup: None) -> dict[str, str]:
    """The environment for a real process (worker, command, server) that shall work on the test database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url.geturl()}
