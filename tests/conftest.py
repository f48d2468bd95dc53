"""Fixtures of every test: real PostgreSQL and real RabbitMQ."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pika
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from pytest_django.plugin import blocking_manager_key

from config.development import processes
from config.development.rabbitmq import INSTALL_COMMAND, RabbitmqNode, find_server
from config.postgresql import roles
from embeddings.minilm import MiniLmEmbedder
from jobs import remembered
from jobs.transport import topology
from tests import coverage, databases, scheduling
from tests.embedding import embed_once
from tests.settings import APPLICATION_ROLE, OWN_POSTGRES, PGBOUNCER, POSTGRES, TEST_DATA_DIR

USERS: IO[str] | None = None
IMPORTING: IO[str] | None = None
TEMPLATE_MAKERS: list[threading.Thread] = []
SHARED_NODE: RabbitmqNode | None = None
SPARE_NODES: list[RabbitmqNode] = []


#: `make test-spark` runs these, with Spark installed.
collect_ignore = [] if os.environ.get("TESTS_WITH_SPARK") else ["spark"]

gc.disable()  # until the tests are collected: all that is loaded stays


def pytest_configure(config: pytest.Config) -> None:
    """Have test databases made, emptied and dropped quickly, files run by process, and coverage
    printed.
    """
    databases.install()
    config.pluginmanager.register(scheduling)
    config.pluginmanager.register(coverage)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage from now on, and only in what tests make.

    Reference counts free most of it; looking after each few hundred objects took a fifteenth of the
    time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the test cluster of PostgreSQL, which runs as long as a run on the same DATA_DIR
    uses it.
    """
    global USERS  # noqa: PLW0603 - the lock lasts as long as the run
    if OWN_POSTGRES:
        TEST_DATA_DIR.mkdir(parents=True, exist_ok=True)
        USERS = (TEST_DATA_DIR / "users.lock").open("w")
        fcntl.flock(USERS, fcntl.LOCK_SH)
        POSTGRES.ensure_running()
        with psycopg.connect(POSTGRES.url) as administrator:
            roles.create_role(administrator.cursor(), roles.Login(APPLICATION_ROLE))
    if PGBOUNCER is not None:
        PGBOUNCER.start()
    if session.config.getoption("numprocesses", None):
        _begin_template(session.config)
        _let_one_import_first()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Stop the servers of the tests; the cluster only where no other run uses it."""
    for maker in TEMPLATE_MAKERS:
        maker.join()
    if PGBOUNCER is not None:
        PGBOUNCER.stop()
        shutil.rmtree(PGBOUNCER.folder, ignore_errors=True)
    for node in [*SPARE_NODES, *([SHARED_NODE] if SHARED_NODE else [])]:
        node.kill()
        shutil.rmtree(node.folder, ignore_errors=True)
    if USERS is not None:
        with suppress(BlockingIOError):
            fcntl.flock(USERS, fcntl.LOCK_EX | fcntl.LOCK_NB)
            POSTGRES.stop()
        USERS.close()


def _begin_template(config: pytest.Config) -> None:
    """Migrate the template while the processes of pytest-xdist import the tests."""
    server = os.environ.get("TESTS_TEMPLATE_SERVER")
    if server and not config.getoption("reuse_db"):
        blocker = config.stash[blocking_manager_key]
        maker = threading.Thread(target=databases.prepare_template, args=(server, blocker))
        TEMPLATE_MAKERS.append(maker)
        maker.start()


def _let_one_import_first() -> None:
    """Keep all processes of pytest-xdist but one from importing what was never compiled.

    Else each of them would compile all of it. They wait in `tests/__init__.py`.
    """
    global IMPORTING  # noqa: PLW0603 - until one has imported everything
    is_compiled = any(Path(__file__).parent.glob("*/__pycache__/test_*"))
    if not (is_compiled or sys.dont_write_bytecode):
        TEST_DATA_DIR.mkdir(parents=True, exist_ok=True)
        IMPORTING = (TEST_DATA_DIR / "importing.lock").open("w")
        fcntl.flock(IMPORTING, fcntl.LOCK_EX)
        os.environ["TESTS_IMPORTING"] = IMPORTING.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished() -> None:
    """Let the other processes import the tests too."""
    if IMPORTING is not None:
        IMPORTING.close()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown() -> None:
    """Let the others go on where the one that imported first has ended."""
    pytest_xdist_node_collection_finished()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give every worker process of pytest-xdist the one broker, which boots while they import."""
    global SHARED_NODE  # noqa: PLW0603 - one for the whole run
    if os.environ.get("RABBITMQ_URL") or find_server() is None:
        return
    if SHARED_NODE is None:
        SHARED_NODE = RabbitmqNode(TEST_DATA_DIR / "rabbitmq" / str(os.getpid()))
        SHARED_NODE.start()
    node.workerinput["rabbitmq_port"] = SHARED_NODE.port


@pytest.fixture(scope="session")
def rabbitmq_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A real broker for the whole run: RABBITMQ_URL where it is set, else a private node."""
    if url := os.environ.get("RABBITMQ_URL"):
        yield url
    elif port := getattr(request.config, "workerinput", {}).get("rabbitmq_port"):
        shared = RabbitmqNode(tmp_path_factory.mktemp("rabbitmq"), port=port)
        assert processes.wait_for(shared.answers, 60), "RabbitMQ did not start"
        yield shared.url
    else:
        node = start_rabbitmq(tmp_path_factory.mktemp("rabbitmq"))
        yield node.url
        node.kill()


@pytest.fixture
def rabbitmq_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitmqNode]:
    """A broker of one test's own, which it may stop, kill and wipe.

    It takes seconds to boot, so the next test gets it where this one left it in working order.
    """
    node = SPARE_NODES.pop() if SPARE_NODES else start_rabbitmq(tmp_path_factory.mktemp("node"))
    yield node
    _hand_on(node)


@pytest.fixture
def late_rabbitmq_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitmqNode]:
    """A broker that the test itself starts; the next test that needs one gets it."""
    node = RabbitmqNode(tmp_path_factory.mktemp("node"))
    yield node
    _hand_on(node)


def _hand_on(node: RabbitmqNode) -> None:
    if node.poll() is None and node.answers():
        _delete_queues(node)
        SPARE_NODES.append(node)
    else:
        node.kill()


def _delete_queues(node: RabbitmqNode) -> None:
    with pika.BlockingConnection(pika.URLParameters(node.url)) as broker:
        channel = broker.channel()
        for queue in settings.JOBS_QUEUES:
            channel.queue_delete(topology.physical_name(queue))
            channel.queue_delete(topology.dead_letter_name(queue))


def start_rabbitmq(folder: Path) -> RabbitmqNode:
    """A private node that answers; fails the test where RabbitMQ is not installed."""
    if find_server() is None:
        pytest.fail(
            f"RabbitMQ is not installed: run `{INSTALL_COMMAND}` or set RABBITMQ_URL.",
            pytrace=False,
        )
    node = RabbitmqNode(folder)
    node.start()
    node.wait_ready()
    return node


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: Any, django_db_keepdb: bool
) -> None:
    """Have the test database copied from a template."""
    server = os.environ.get("TESTS_TEMPLATE_SERVER")
    if server and not django_db_keepdb:
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = databases.ensure_template(server)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let the application do in the test database no more than in production."""
    with django_db_blocker.unblock():
        databases.guard_application()


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """A test knows nothing of the database of an earlier one."""
    remembered.forget_all()


@pytest.fixture(autouse=True)
def vectors_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the vector of a text computed once for all tests."""
    monkeypatch.setattr(MiniLmEmbedder, "embed", embed_once)


@pytest.fixture
def process_environment(django_db_setup: None) -> dict[str, str]:
    """The environment for a real process (worker, command, server) on the test database, as the
    application.
    """
    return server_environment()


def server_environment() -> dict[str, str]:
    """Return the environment of a process on the test database, as the application."""
    urls = {
        name: _as_application(os.environ[name], connection.settings_dict["NAME"])
        for name in ("DATABASE_URL", "DATABASE_DIRECT_URL")
        if os.environ.get(name)
    }
    return os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | urls


def _as_application(url: str, database: str) -> str:
    parts = urlsplit(url)
    if role := settings.DATABASE_APPLICATION_ROLE:
        parts = parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}")
    return parts._replace(path=f"/{database}").geturl()
