"""The Spark session of this process."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from spark.errors import SparkUnavailable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Where Debian's libpostgresql-jdbc-java puts PostgreSQL's driver.
JDBC_DRIVER = Path("/usr/share/java/postgresql.jar")

_lock = threading.Lock()
_users = 0


def missing() -> list[str]:
    """Return what Spark lacks on this machine, each with the command that installs it."""
    lacks = {
        "pyspark: pip install -r requirements-spark.txt": find_spec("pyspark") is not None,
        "Java 17: apt-get install openjdk-17-jre-headless": _has_java(),
        f"PostgreSQL's JDBC driver {JDBC_DRIVER}: apt-get install libpostgresql-jdbc-java": (
            JDBC_DRIVER.is_file()
        ),
    }
    return [how for how, is_there in lacks.items() if not is_there]


def _has_java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java") is not None or (
        home is not None and Path(home, "bin/java").exists()
    )


@contextmanager
def session() -> Iterator[SparkSession]:
    """Yield the Spark session, which the threads of this process share.

    The last of them that leaves its block stops the session, which frees the memory of its Java
    process.

    Raises:
        SparkUnavailable: something is missing here; the message says how to install it.
    """
    if lacks := missing():
        raise SparkUnavailable(f"USE_SPARK is on, but something is missing: {'; '.join(lacks)}.")
    global _users  # noqa: PLW0603 - counts the threads of this process that use the session
    with _lock:
        spark = _build()
        _users += 1
    try:
        yield spark
    finally:
        with _lock:
            _users -= 1
            if not _users:
                spark.stop()


def _build() -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(settings.SPARK_MASTER).appName("CivicLens")
    for name, value in _configuration().items():
        builder = builder.config(name, value)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    logging.getLogger("py4j").setLevel(logging.WARNING)  # it logs each connection that it closes
    return spark


def _configuration() -> dict[str, str]:
    return {
        "spark.driver.memory": settings.SPARK_DRIVER_MEMORY,
        "spark.jars": str(JDBC_DRIVER),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.SPARK_PARTITIONS),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
