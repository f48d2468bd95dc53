"""What Spark needs, and what happens without it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from spark import session
from spark.errors import SparkUnavailable
from spark.tables import Query, read

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BASE_DIR = Path(__file__).resolve().parents[2]
NUMBERS = Query(
    "SELECT n::bigint AS n, (n / 2.0)::double precision AS half, n::text AS name"
    " FROM generate_series(1, 5) AS n",
    {"n": "bigint", "half": "double", "name": "text"},
    key="n",
)


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "JDBC_DRIVER", Path("/nowhere/postgresql.jar"))
    with (
        pytest.raises(SparkUnavailable, match="apt-get install libpostgresql-jdbc-java"),
        session.session(),
    ):
        pass


def test_without_the_setting_nothing_of_spark_is_imported(
    process_environment: dict[str, str],
) -> None:
    code = (
        "import django, sys; django.setup(); import django_dramatiq.setup;"
        "from embeddings import distributed\n"
        "with distributed.sharing(): pass\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('pyspark', 'py4j')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env=process_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.django_db
def test_a_table_is_handed_over_with_its_values(spark: SparkSession) -> None:
    with read(spark, NUMBERS) as frame:
        rows = sorted(tuple(row) for row in frame.collect())
    assert rows == [(n, n / 2, str(n)) for n in range(1, 6)]


@pytest.fixture
def database_by_tcp(settings: Settings, db: None) -> Iterator[None]:
    """The test database behind a TCP port of this test, as production has it."""
    given = connection.settings_dict
    folder = given["HOST"] or given["OPTIONS"].get("host", "")
    if not folder.startswith("/"):
        pytest.skip("DATABASE_URL names a server that is reached by TCP already.")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(
            target=forward, args=(listener, f"{folder}/.s.PGSQL.5432"), daemon=True
        ).start()
        port = listener.getsockname()[1]
        settings.DATABASE_DIRECT = {**given, "HOST": "127.0.0.1", "PORT": port, "OPTIONS": {}}
        yield
        listener.shutdown(socket.SHUT_RDWR)


def forward(listener: socket.socket, path: str) -> None:
    """Connect each client of the listener with the socket at `path`, until it is shut down."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what arrives, until either side ends."""
    try:
        while content := source.recv(65_536):
            target.sendall(content)
    except OSError:
        pass
    finally:
        target.close()


@pytest.mark.usefixtures("database_by_tcp")
def test_a_database_with_an_address_is_read_by_jdbc_in_parts(spark: SparkSession) -> None:
    with read(spark, NUMBERS) as frame:
        assert not frame.inputFiles(), "no file is handed over"
        assert frame.rdd.getNumPartitions() > 1
        rows = sorted(tuple(row) for row in frame.collect())
    assert rows == [(n, n / 2, str(n)) for n in range(1, 6)]
