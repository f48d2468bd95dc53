"""Importing reports of other systems from JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imports import carrying_out
from imports.importers import ImportFile
from imports.models import ImportRun
from reports.models import Report
from tests.reports.factories import make_category
from tests.reports.importing import Killed, import_reports, reasons


@pytest.mark.django_db
@pytest.mark.parametrize("as_lines", [False, True])
def test_open311_json_is_streamed(
    tmp_path: Path, rejects: Path, as_lines: bool, monkeypatch: Any
) -> None:
    monkeypatch.setattr("imports.reading.json_lists.CHUNK_CHARACTERS", 7)
    request = {
        "service_request_id": "a",
        "service_code": "pothole",
        "status": "closed",
        "description": 'A "deep" hole {really} \\ here',
        "lat": 41.3,
        "long": -72.9,
        "requested_datetime": "2024-01-02T03:04:05Z",
        "updated_datetime": "2024-02-02T03:04:05Z",
        "extra": {"nested": {"deep": [1, "}"]}},
    }
    make_category("pothole")
    items = [json.dumps(request | {"service_request_id": str(number)}) for number in range(3)]
    items.insert(1, '{"broken": tru}')
    text = "\n".join(items) if as_lines else f"[{', '.join(items)}]"
    path = tmp_path / "requests.json"
    path.write_text(text)
    file = ImportFile(path=path, source="api", format="open311-json")
    run = import_reports(file, rejects=rejects)
    assert (run.created, run.rejected) == (3, 1)
    report = Report.objects.get(external_id="0")
    assert report.description == 'A "deep" hole {really} \\ here'
    assert report.category is not None
    assert report.closed_at is not None
    assert report.closed_at.isoformat() == "2024-02-02T03:04:05+00:00"


def requests(tmp_path: Path, text: str | bytes) -> ImportFile:
    path = tmp_path / "requests.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ImportFile(path=path, source="api", format="open311-json")


HOLE = '{"service_request_id": "%d", "description": "Hole", "lat": 1, "long": 2}'


@pytest.mark.django_db
@pytest.mark.parametrize("chunk", [5, 64 * 1024])
@pytest.mark.parametrize(
    ("text", "created", "expected"),
    [
        (f'[{HOLE % 1}, 5, "x", null, {HOLE % 2}]', 2, ["not a JSON object"] * 3),
        (f'[[1, {{"a": 2}}], "a, ]}}\\"", {HOLE % 1}]', 1, ["not a JSON object"] * 2),
        (f"[{HOLE % 1} nonsense, {HOLE % 2}}}, {HOLE % 3}]", 3, ["not readable as JSON"] * 2),
        (f"[{HOLE % 1}]\n[{HOLE % 2}, 1]", 2, ["not a JSON object"]),
        (f"[{HOLE % 1}, {HOLE % 2}] the end", 2, ["not readable as JSON"]),
        (f"[{HOLE % 1}, {HOLE % 2},, ]\n", 2, []),
        (f"\ufeff [{HOLE % 1}, 12", 1, ["not a JSON object"]),
        (f'[{HOLE % 1}, "12', 1, ["cut off"]),
        (f"[{HOLE % 1}, \\", 1, ["not readable as JSON"]),
        (
            f'{HOLE % 1}\nnonsense\n\n5\n[{{}}]\n{HOLE % 2}\n{{"a": \n',
            2,
            ["JSON", "object", "object", "JSON"],
        ),
        (f"\ufeff{HOLE % 1}\r\n{{\r\n{HOLE % 2}", 2, ["not readable as JSON"]),
        (
            b'{"a": "\xc3\x9f"}\n{"\xff": 1}\n' + (HOLE % 1).encode(),
            1,
            ["neither title", "encoding"],
        ),
        ("[]", 0, []),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_object_is_rejected_with_its_reason(
    tmp_path: Path,
    rejects: Path,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    text: str,
    created: int,
    expected: list[str],
) -> None:
    file = requests(tmp_path, text)
    monkeypatch.setattr("imports.reading.json_lists.CHUNK_CHARACTERS", chunk)
    run = import_reports(file, rejects=rejects)
    assert (run.rows, run.created, run.rejected) == (
        created + len(expected),
        created,
        len(expected),
    )
    assert all(part in reason for part, reason in zip(expected, reasons(rejects), strict=True))


@pytest.mark.django_db
@pytest.mark.parametrize("between", [", ", "\n"])
def test_a_record_too_large_is_rejected_and_the_rest_goes_on(
    tmp_path: Path, rejects: Path, between: str
) -> None:
    wide = (HOLE % 1).replace("Hole", "x" * 3_000_000)
    text = between.join([HOLE % 1, wide, HOLE % 2])
    run = import_reports(
        requests(tmp_path, text if between == "\n" else f"[{text}]"), rejects=rejects
    )
    assert (run.rows, run.created, run.rejected) == (3, 2, 1)
    assert reasons(rejects) == ["longer than a million characters"]
    assert rejects.stat().st_size < 5000


@pytest.mark.django_db
@pytest.mark.parametrize("as_lines", [False, True])
def test_a_json_file_goes_on_after_any_record(
    tmp_path: Path, rejects: Path, monkeypatch: pytest.MonkeyPatch, as_lines: bool
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 1)
    records = [HOLE % 1, "5", HOLE % 2, '"a"', "[1, 2]", HOLE % 3]
    file = requests(tmp_path, "\n".join(records) if as_lines else f"[{', '.join(records)}]")

    def die(_run: ImportRun) -> None:
        raise Killed

    for _ in records:
        with pytest.raises(Killed):
            import_reports(file, rejects=rejects, on_batch=die)
    run = import_reports(file, rejects=rejects)
    assert (run.rows, run.created, run.rejected) == (6, 3, 3)
    assert len(reasons(rejects)) == 3


@pytest.mark.django_db
def test_a_json_file_that_was_cut_off_gives_what_is_whole(tmp_path: Path, rejects: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text(
        '[{"service_request_id": 1, "description": "Hole", "lat": 1, "long": 2}, {"service_r'
    )
    run = import_reports(
        ImportFile(path=path, source="cut", format="open311-json"), rejects=rejects
    )
    assert (run.created, run.rejected) == (1, 1)
    assert reasons(rejects) == ["cut off"]
