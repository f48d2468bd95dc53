"""Read the rows of a query of PostgreSQL into Spark, in parts that it reads at the same time.

Where the database is reached by TCP, Spark's own processes read by JDBC. One that is reached by a
local socket, such as the embedded one, is read here and handed over as Parquet files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, Func, QuerySet
from psycopg import ClientCursor

from jobs.ledger import database

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Rows that are in memory together while they are handed over.
BATCH_ROWS = 50_000
MICROSECONDS = 1_000_000
_TYPES = {"bigint": "int64", "double": "float64", "text": "string"}


@dataclass(frozen=True, slots=True)
class Query:
    """A query whose rows Spark reads.

    Args:
        sql: without parameters. Its columns are `bigint`, `double precision` or `text`, so that
            both ways of reading give the same values; times are microseconds since 1970.
        columns: the names of its columns and their types: `bigint`, `double` or `text`.
        key: the column, a `bigint`, by whose ranges the rows are divided into parts.
    """

    sql: str
    columns: dict[str, str]
    key: str

    @classmethod
    def of(cls, rows: QuerySet[Any, tuple[Any, ...]], columns: dict[str, str], *, key: str) -> Self:
        """Return the query of a `values_list()`, whose values get the names of `columns`."""
        connection.ensure_connection()
        sql = ClientCursor(connection.connection).mogrify(*rows.query.sql_with_params())
        names = ", ".join(columns)
        return cls(f"SELECT * FROM ({sql}) AS rows ({names})", columns, key)  # noqa: S608 - psycopg quotes the values


class Microseconds(Func):
    """A time as microseconds since 1970, exactly."""

    template = f"(extract(epoch FROM %(expressions)s) * {MICROSECONDS})::bigint"
    output_field = BigIntegerField()


@contextmanager
def read(spark: SparkSession, query: Query) -> Iterator[DataFrame]:
    """Yield the rows of the query as a DataFrame, which must not be used after the block."""
    if _is_local_socket():
        with TemporaryDirectory(dir=settings.SPARK_EXCHANGE_DIR, prefix="spark-") as folder:
            _write(query, Path(folder))
            yield spark.read.parquet(folder)
    else:
        yield _read_by_jdbc(spark, query)


def _is_local_socket() -> bool:
    given = settings.DATABASE_DIRECT or settings.DATABASES["default"]
    host = given["HOST"] or given.get("OPTIONS", {}).get("host", "")
    return not host or host.startswith("/")


def _write(query: Query, folder: Path) -> None:
    """Write the rows as Parquet files, with no more than one batch of them in memory."""
    import pyarrow as pa  # noqa: PLC0415 - an extra
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    schema = pa.schema(
        [(name, getattr(pa, _TYPES[kind])()) for name, kind in query.columns.items()]
    )
    number = 0
    for number, rows in enumerate(_batches(query.sql), start=1):
        columns = dict(zip(query.columns, zip(*rows, strict=True), strict=True))
        parquet.write_table(pa.table(columns, schema=schema), folder / f"{number}.parquet")
    if not number:
        parquet.write_table(schema.empty_table(), folder / "0.parquet")


def _batches(sql: str) -> Iterator[list[tuple[Any, ...]]]:
    with database.unlimited_transactions(), connection.chunked_cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield rows


def _read_by_jdbc(spark: SparkSession, query: Query) -> DataFrame:
    [(low, high)] = database.fetch(
        f"SELECT min({query.key}), max({query.key}) FROM ({query.sql}) AS rows",  # noqa: S608 - SQL of our own
        [],
    )
    options = {
        **_access(),
        "driver": "org.postgresql.Driver",
        "dbtable": f"({query.sql}) AS rows",
        "partitionColumn": query.key,
        "lowerBound": str(low or 0),
        "upperBound": str((high or 0) + 1),
        "numPartitions": str(settings.SPARK_PARTITIONS),
        "fetchsize": str(BATCH_ROWS),
    }
    return spark.read.format("jdbc").options(**options).load()


def _access() -> dict[str, str]:
    """Return the address and the login of PostgreSQL itself, past any pooler."""
    given = settings.DATABASE_DIRECT or settings.DATABASES["default"]
    options = given.get("OPTIONS", {})
    parameters = "&".join(
        f"{name}={quote(str(options[name]))}"
        for name in ("sslmode", "sslrootcert")
        if name in options
    )
    address = f"{given['HOST']}:{given['PORT'] or 5432}/{quote(given['NAME'])}"
    return {
        "url": f"jdbc:postgresql://{address}?{parameters}",
        "user": given["USER"],
        "password": given["PASSWORD"],
    }
