"""Importing opportunities of other systems."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from imports.models import ImportRun
from imports.reading.records import RECORD_MAX_CHARACTERS
from jobs.http import strict_json
from jobs.testing import run_tasks
from matching.models import Opportunity, OpportunityVector
from tests.matching.importing import import_opportunities

ROW = {
    "external_id": "1",
    "kind": "volunteering",
    "title": "Plant trees",
    "description": "In the park.",
}


def numbered(count: int) -> list[str]:
    return [f"{number},job,Nurse in ward {number}" for number in range(count)]


def import_csv(tmp_path: Path, *rows: str) -> ImportRun:
    file = tmp_path / "o.csv"
    file.write_text("\n".join(["external_id,kind,title", *rows]) + "\n")
    return import_opportunities(file, source="csv", rejects=tmp_path / "rejects.jsonl")


@pytest.mark.django_db
def test_an_import_repeated_changes_only_what_differs(tmp_path: Path) -> None:
    file, rejects = tmp_path / "o.jsonl", tmp_path / "r.jsonl"
    rows = [
        ROW,
        ROW | {"external_id": "2"},
        {"kind": "party"},
        ROW | {"external_id": "3", "latitude": 999},
    ]
    file.write_text("\n".join([*map(json.dumps, rows), "{broken", ""]))
    first = import_opportunities(file, source="test", rejects=rejects)
    assert (first.rows, first.created, first.rejected) == (5, 2, 3)
    assert len(rejects.read_text().splitlines()) == 3
    again = import_opportunities(file, source="test", rejects=rejects)
    assert (again.created, again.changed, again.known) == (0, 0, 2)
    file.write_text(json.dumps(ROW | {"title": "Plant more trees"}))
    assert import_opportunities(file, source="test", rejects=rejects).changed == 1
    assert Opportunity.objects.get(external_id="1").version == 2
    run_tasks()
    assert OpportunityVector.objects.count() == 2


@pytest.mark.django_db
def test_csv_is_imported_too(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    file.write_text("external_id,kind,title,languages,capacity\n1,job,Nurse,en;es,3\n")
    assert import_opportunities(file, source="csv", rejects=tmp_path / "r").created == 1
    assert Opportunity.objects.get().languages == ["en", "es"]


@pytest.mark.django_db
def test_a_stray_quote_costs_its_own_row_alone(tmp_path: Path) -> None:
    counts = import_csv(tmp_path, '0,job,"Nurse', *numbered(300))
    assert (counts.rows, counts.created, counts.rejected) == (301, 300, 1)
    rejected = json.loads((tmp_path / "rejects.jsonl").read_text())
    assert "readable" in rejected["reason"]


@pytest.mark.django_db
def test_an_import_leaves_the_limits_of_the_process_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    import_csv(tmp_path, *numbered(1))
    assert csv.field_size_limit() == before


@pytest.mark.django_db
def test_a_line_without_end_is_one_rejected_line(tmp_path: Path) -> None:
    file, rejects = tmp_path / "o.jsonl", tmp_path / "r.jsonl"
    long: dict[str, Any] = ROW | {
        "external_id": "0",
        "description": "x" * (3 * RECORD_MAX_CHARACTERS),
    }
    file.write_text("\n".join(map(json.dumps, [long, ROW, {"kind": "party"}])))
    counts = import_opportunities(file, source="test", rejects=rejects)
    assert (counts.rows, counts.created, counts.rejected) == (3, 1, 2)
    assert [json.loads(line)["row"] for line in rejects.read_text().splitlines()] == [1, 3]


@pytest.mark.django_db
def test_a_number_beyond_every_float_is_one_rejected_line(tmp_path: Path) -> None:
    file = tmp_path / "o.jsonl"
    file.write_text("\n".join(map(json.dumps, [ROW | {"latitude": 10**400, "longitude": 0}, ROW])))
    counts = import_opportunities(file, source="test", rejects=tmp_path / "r.jsonl")
    assert (counts.created, counts.rejected) == (1, 1)


@pytest.mark.django_db
def test_rejects_are_json_whatever_numbers_the_rows_had(tmp_path: Path) -> None:
    file, rejects = tmp_path / "o.jsonl", tmp_path / "r.jsonl"
    place = ROW | {"latitude": math.nan, "longitude": [math.inf, -math.inf]}
    file.write_text(json.dumps(place) + "\n" + json.dumps(ROW)[:-1] + ', "capacity": 1e999}\n')
    assert import_opportunities(file, source="test", rejects=rejects).rejected == 2
    first, second = (strict_json.loads(line)["values"] for line in rejects.read_text().splitlines())
    assert (first["latitude"], first["longitude"], second["capacity"]) == (
        "nan",
        ["inf", "-inf"],
        "inf",
    )
