"""`manage.py evaluate_dates`: forecasts of one file's requests, learned from another."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

HEADER = [
    "external_id", "created_at", "closed_at", "category", "area", "channel", "latitude",
    "longitude",
]  # fmt: skip
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)


def write(path: Path, rows: Iterable[Iterable[Any]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return str(path)


def requests(days: range) -> list[list[Any]]:
    """In the west things are done on the next Tuesday, in the east on the next Friday."""
    rows = []
    for day in days:
        for number in range(8):
            created = BEGIN + timedelta(days=day, minutes=number)
            weekday = 4 if number % 2 else 1
            wait = (weekday - created.weekday() - 1) % 7 + 1
            closed = created + timedelta(days=wait, hours=3)
            place = -72.85 if number % 2 else -72.95
            rows.append(
                [f"{day}-{number}", created.isoformat(), closed.isoformat(), "Bulky", "", "Call",
                 41.3, place]
            )  # fmt: skip
    return rows


def evaluation(train: str, test: str, *arguments: str) -> Any:
    out = io.StringIO()
    call_command("evaluate_dates", "--train", train, "--test", test, *arguments, stdout=out)
    return out.getvalue()


def test_forecasts_are_compared_with_the_median_of_the_type(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", requests(range(28)))
    test = write(tmp_path / "test.csv", requests(range(28, 42)))
    figures = json.loads(evaluation(train, test, "--json"))
    assert figures["baseline_median_error_hours"] == 48
    assert figures["median_error_hours"] < 4
    assert figures["coverage"] > 0.7
    assert {"baseline_coverage", "train_open", "test_closed"} <= figures.keys()
    assert "baseline" in evaluation(train, test)


def test_an_open_request_counts_as_open(tmp_path: Path) -> None:
    rows = requests(range(28))
    still_open = [[*row[:2], "", *row[3:]] for row in rows[-40:]]
    train = write(tmp_path / "train.csv", rows[:-40] + still_open)
    test = write(tmp_path / "test.csv", requests(range(28, 35)) + still_open)
    figures = json.loads(evaluation(train, test, "--json"))
    assert (figures["train"], figures["train_open"]) == (len(rows), 40)
    assert (figures["test"], figures["test_closed"]) == (96, 56)


LINE = ["1", "2026-03-02T08:00:00+00:00", "", "Bulky", "", "Call", "41.3", "-72.9"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no request"),
        ([LINE], "at least 20 closed requests"),
        ([[*LINE[:1], "yesterday", *LINE[2:]]], "line 2: created_at 'yesterday' is no time"),
        ([[*LINE[:1], "2026-03-02T08:00:00", *LINE[2:]]], "has no offset from UTC"),
        ([[*LINE[:2], "soon", *LINE[3:]]], "closed_at 'soon' is no time"),
        ([[*LINE[:6], "91", LINE[7]]], "latitude '91' is no number up to 90 degrees"),
        ([[*LINE[:6], "nan", LINE[7]]], "latitude 'nan' is no number"),
        ([LINE[:5]], "line 2: not as many values"),
        ([[*LINE, "more"]], "line 2: not as many values"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, lines: list[list[str]], message: str
) -> None:
    path = write(tmp_path / "bad.csv", lines)
    with pytest.raises(CommandError, match=message):
        evaluation(path, path)


def test_other_faults_are_named(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", requests(range(14)))
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        evaluation(good, str(tmp_path / "none.csv"))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="no column external_id, created_at"):
        evaluation(str(tmp_path / "other.csv"), good)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="no CSV in UTF-8"):
        evaluation(good, str(tmp_path / "binary.csv"))
    with pytest.raises(CommandError, match="no request is closed"):
        evaluation(good, write(tmp_path / "open.csv", [LINE]))
    with pytest.raises(CommandError, match="holidays of 'XX' are not known"):
        evaluation(good, good, "--holidays", "XX")
