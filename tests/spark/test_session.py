"""What Spark needs, and what happens without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
