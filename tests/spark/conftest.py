"""One Spark session for all tests of Spark, since its Java process takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from pytest_django.fixtures import Settings

from spark.session import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with session() as spark:
        yield spark


@pytest.fixture
def with_spark(settings: Settings, spark: SparkSession) -> SparkSession:
    """USE_SPARK=1 for this test."""
    settings.USE_SPARK = True
    return spark
