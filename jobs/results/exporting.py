"""Export the rows of a kept result as CSV, JSON or GeoJSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from jobs.execution.job_types import JobType
from jobs.models import JobResult

Row = dict[str, Any]
#: A spreadsheet takes a text that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export(result: JobResult, job_type: JobType | None, form: str) -> tuple[str, str]:
    """Return the rows of a result as a text in the form, a key of `FORMS`, and its media type.

    A job type that names no rows has its result as the only one.
    """
    rows = job_type.rows(result) if job_type and job_type.rows else [result.result]
    media_type, write = FORMS[form]
    return write(list(rows)), media_type


def _as_json(rows: list[Row]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _as_csv(rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(names)
    table.writerows([cell(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def cell(value: Any) -> Any:
    """Return a value as a cell of CSV, of which no spreadsheet makes a formula."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _as_geojson(rows: list[Row]) -> str:
    features = [feature(row) for row in rows]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def feature(row: Row) -> Row:
    """Return a row as a feature of GeoJSON, at its geometry or its latitude and longitude."""
    properties = {
        name: value
        for name, value in row.items()
        if name not in {"geometry", "latitude", "longitude"}
    }
    return {"type": "Feature", "geometry": _geometry(row), "properties": properties}


def _geometry(row: Row) -> Row | None:
    if row.get("geometry"):
        geometry: Row = row["geometry"]
        return geometry
    place = [row.get("longitude"), row.get("latitude")]
    return None if None in place else {"type": "Point", "coordinates": place}


FORMS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "csv": ("text/csv; charset=utf-8", _as_csv),
    "json": ("application/json", _as_json),
    "geojson": ("application/geo+json", _as_geojson),
}
