"""Count the public reports of a search with Apache Spark: the same counts as `counting`.

The texts of reports, of which a search reads a year or two, come from PostgreSQL as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import CharField
from django.db.models.functions import Cast

from reports.models import Status
from reports.patterns import crowding, recurrence, seasonality
from reports.patterns.counting import REPAIRED, StoredReports
from reports.patterns.findings import Grid
from reports.patterns.search import Extent, Search
from spark.session import session
from spark.tables import MICROSECONDS, Microseconds, Query, read

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

COLUMNS = {
    "report": "text",
    "category": "bigint",
    "latitude": "double",
    "longitude": "double",
    "at": "bigint",
    "status": "text",
    "closed_at": "bigint",
}
#: `date.toordinal()` of the first day of 1970.
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@contextmanager
def reports(search: Search) -> Iterator[SparkReports]:
    """Yield the reports of a search as a `search.Source`, read once and kept in Spark."""
    stored = StoredReports(search)
    with session() as spark, read(spark, _query(stored)) as frame:
        yield SparkReports(stored, frame.cache())


def _query(stored: StoredReports) -> Query:
    rows = stored.reports().order_by()
    columns = rows.values_list(
        Cast("id", CharField()),
        "category_id",
        "latitude",
        "longitude",
        Microseconds("created_at"),
        "status",
        Microseconds("closed_at"),
    )
    return Query.of(columns, COLUMNS, key="at")


@dataclass(frozen=True, slots=True)
class SparkReports:
    """The reports of a search in Spark: a `search.Source`."""

    stored: StoredReports
    frame: DataFrame

    def extent(self) -> Extent:
        return self.stored.extent()

    def categories(self, first: date, last: date, *, least: int = 1) -> list[int | None]:
        counts = self._reports(first, last).groupBy("category").count()
        ids = [row["category"] for row in counts.where(f"count >= {int(least)}").collect()]
        return sorted(ids, key=lambda pk: pk or 0)

    def by_cell_and_day(
        self, grid: Grid, category_id: int | None, first: date, last: date
    ) -> Iterator[crowding.Count]:
        from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

        west = self.stored.west
        east_of_it = f.when(f.col("longitude") < west, f.col("longitude") + 360.0)
        placed = self._of(category_id, first, last).select(
            f.floor(f.col("latitude") / f.lit(grid.height)).alias("y"),
            f.floor(east_of_it.otherwise(f.col("longitude")) / f.lit(grid.width)).alias("x"),
            self._day().alias("day"),
        )
        rows = placed.groupBy("y", "x", "day").count().collect()
        return ((row["y"], row["x"], row["day"], row["count"]) for row in rows)

    def by_day_and_hour(
        self, category_id: int | None, first: date, last: date
    ) -> Iterator[seasonality.HourCount]:
        from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

        times = self._of(category_id, first, last).select(
            self._day().alias("day"), f.hour(self._local()).alias("hour")
        )
        rows = times.groupBy("day", "hour").count().collect()
        return ((row["day"], row["hour"], row["count"]) for row in rows)

    def repairs(
        self, category_id: int | None, first: date, last: date
    ) -> Iterator[recurrence.Event]:
        ordered = self._of(category_id, first, last).orderBy("at", "report")
        for row in ordered.where(f"status <> '{Status.DUPLICATE.value}'").toLocalIterator():
            is_repaired = row["closed_at"] is not None and row["status"] in REPAIRED
            repaired_at = row["closed_at"] / MICROSECONDS if is_repaired else None
            yield row["latitude"], row["longitude"], row["at"] / MICROSECONDS, repaired_at

    def texts(self, first: date, last: date) -> Iterator[str]:
        return self.stored.texts(first, last)

    def day_of(self, at: float) -> date:
        return self.stored.day_of(at)

    def _reports(self, first: date, last: date) -> DataFrame:
        begin, end = (round(at.timestamp() * MICROSECONDS) for at in self.stored.times(first, last))
        return self.frame.where(f"at >= {begin} AND at < {end}")

    def _of(self, category_id: int | None, first: date, last: date) -> DataFrame:
        condition = "IS NULL" if category_id is None else f"= {int(category_id)}"
        return self._reports(first, last).where(f"category {condition}")

    def _local(self) -> Column:
        from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

        return f.from_utc_timestamp(f.timestamp_micros("at"), settings.TIME_ZONE)

    def _day(self) -> Column:
        from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

        return f.datediff(f.to_date(self._local()), f.lit("1970-01-01")) + EPOCH_ORDINAL
