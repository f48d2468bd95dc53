"""Importing reports of other systems."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from imports import carrying_out
from imports.errors import ImportFileError
from imports.importers import ImportFile
from imports.models import ImportRun
from jobs.http import strict_json
from jobs.models import Task
from jobs.testing import run_tasks
from reports.models import CategorySource, Report, Status
from tests.reports.factories import make_category
from tests.reports.importing import (
    GOOD,
    HEADER,
    SEECLICKFIX,
    Killed,
    import_reports,
    interrupt,
    numbered,
    reasons,
    seeclickfix,
    write,
)

pytestmark = pytest.mark.slow


@pytest.mark.django_db
def test_a_row_becomes_a_classified_report_that_disturbs_nobody(
    tmp_path: Path, rejects: Path
) -> None:
    make_category(
        "street_light", examples=["The street light is out"], description="Lamps that do not shine."
    )
    run = import_reports(seeclickfix(write(tmp_path, GOOD)), rejects=rejects)
    assert (run.rows, run.created, run.known, run.rejected) == (1, 1, 0, 0)
    report = Report.objects.get()
    assert (report.title, report.description) == ("Street light", "The light is out.")
    assert (report.latitude, report.longitude) == (41.31, -72.92)
    assert report.status == Status.TRIAGED
    assert report.created_at.isoformat() == "2014-05-07T23:02:44+00:00"
    assert report.is_live is False
    assert report.history.get().at == report.created_at
    run_tasks()
    report.refresh_from_db()
    assert report.category is not None
    assert report.department is not None
    assert report.due_at is not None
    assert set(Task.objects.values_list("actor", flat=True)) == {
        "classify_report",
        "record_audit_event",
    }
    assert set(Task.objects.values_list("state", flat=True)) == {"succeeded"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("..m....,,,,,,", "neither title nor description"),
        (GOOD.replace("41.31", "north"), "latitude is not a number"),
        (GOOD.replace("41.31", "nan"), "latitude is not a number"),
        (GOOD.replace("41.31", "91"), "latitude is out of range"),
        (GOOD.replace("-72.92", "-181"), "longitude is out of range"),
        (GOOD.replace("41.31", ""), "latitude is missing"),
        (GOOD.replace("41.31", "").replace("-72.92", ""), "latitude and longitude are missing"),
        (GOOD.replace("2014-05-07T19:02:44-04:00", ""), "created_at is missing"),
        (GOOD.replace("41.31", "0").replace("-72.92", "0.0"), "both 0"),
        (GOOD.replace("Street light,The light is out.", " , "), "neither title nor description"),
        (GOOD.replace("Acknowledged", "Lost"), "unknown status: Lost"),
        (GOOD.replace("2014-05-07T19:02:44-04:00", "last week"), "not a time of the format iso"),
        (
            GOOD.replace("2014-05-07T19:02:44-04:00", "0001-01-01T00:00:00+14:00"),
            "created_at is outside",
        ),
        (GOOD.replace("2014-05-07T19:02:44-04:00", "0001-01-01T00:00:00"), "created_at is outside"),
        (GOOD.replace("2014", "2999"), "is in the future"),
        (GOOD + ",more", "8 cells instead of 7"),
        ("alone", "1 cells instead of 7"),
        (
            GOOD.encode().replace(b"Street", b"Stra\xdfe \xc3\x9f"),
            "not valid in the file's encoding",
        ),
        (GOOD.encode().replace(b"Street", b"Str\0eet"), "NUL"),
        (GOOD + "x" * 10_000, "longer than 10000 characters"),
        (GOOD + "x" * 200_000, "not readable as CSV"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_row_is_rejected_with_its_reason_and_the_rest_goes_on(
    tmp_path: Path, rejects: Path, row: str | bytes, reason: str
) -> None:
    run = import_reports(seeclickfix(write(tmp_path, row, GOOD)), rejects=rejects)
    assert (run.rows, run.created, run.rejected) == (2, 1, 1)
    line = json.loads(rejects.read_text())
    assert line["row"] == 1
    assert reason in line["reason"]


@pytest.mark.django_db
def test_rejects_are_json_whatever_numbers_the_rows_had(tmp_path: Path, rejects: Path) -> None:
    path = tmp_path / "city.json"
    path.write_text(
        '[{"service_request_id": "1", "description": "A hole", "lat": NaN, "long": 1e999}]'
    )
    run = import_reports(
        ImportFile(path=path, source="city", format="open311-json"), rejects=rejects
    )
    assert run.rejected == 1
    values = strict_json.loads(rejects.read_text())["values"]
    assert (values["lat"], values["long"]) == ("nan", "inf")


@pytest.mark.django_db
def test_importing_again_adds_only_what_is_new(tmp_path: Path, rejects: Path) -> None:
    import_reports(seeclickfix(write(tmp_path, *numbered(3), "bad")), rejects=rejects)
    tasks = Task.objects.filter(actor="classify_report").count()
    run = import_reports(seeclickfix(write(tmp_path, *numbered(3), "bad")), rejects=rejects)
    assert (run.created, run.known, run.rejected) == (0, 3, 1)
    assert len(reasons(rejects)) == 1
    assert Task.objects.filter(actor="classify_report").count() == tasks == 3
    run = import_reports(seeclickfix(write(tmp_path, *numbered(5))), rejects=rejects)
    assert (run.created, run.known) == (2, 3)


@pytest.mark.django_db
def test_a_row_that_occurs_twice_is_one_report(tmp_path: Path, rejects: Path) -> None:
    run = import_reports(seeclickfix(write(tmp_path, GOOD, GOOD)), rejects=rejects)
    assert (run.created, run.known) == (1, 1)


@pytest.mark.django_db
def test_another_source_is_another_report(tmp_path: Path, rejects: Path) -> None:
    path = write(tmp_path, GOOD)
    import_reports(seeclickfix(path), rejects=rejects)
    assert import_reports(seeclickfix(path, source="town"), rejects=rejects).created == 1


@pytest.mark.django_db
def test_a_stray_quote_costs_its_own_row_alone(tmp_path: Path, rejects: Path) -> None:
    run = import_reports(
        seeclickfix(write(tmp_path, GOOD + ',"', *numbered(3000))), rejects=rejects
    )
    assert (run.rows, run.created, run.rejected) == (3001, 3000, 1)
    assert reasons(rejects) == [
        "not readable as CSV: a quote opens on this line that is not closed properly"
    ]


@pytest.mark.django_db
def test_an_interrupted_import_goes_on_where_it_stopped(
    tmp_path: Path, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 2)
    file = seeclickfix(write(tmp_path, *numbered(3), "bad", *numbered(9)[3:], "worse"))

    def die(run: ImportRun) -> None:
        if run.rows == 4:
            raise Killed

    with pytest.raises(Killed):
        import_reports(file, rejects=rejects, on_batch=die)
    assert Report.objects.count() == 3
    with rejects.open("ab") as torn:
        torn.write(b'{"row": 5, "rea')  # written, but its batch never committed
    seen: list[int] = []
    run = import_reports(file, rejects=rejects, on_batch=lambda run: seen.append(run.rows))
    assert seen == [4, 6, 8, 10, 11]
    assert run.created == Report.objects.count()
    assert run.rejected == len(reasons(rejects))


@pytest.mark.django_db
def test_a_time_near_the_end_of_the_calendar_is_no_closing(tmp_path: Path, rejects: Path) -> None:
    """In another time zone it would be outside of the calendar, and every page that shows it an
    error.
    """
    closed = GOOD.replace("Acknowledged", "Closed") + ",9999-12-31T23:59:59"
    import_reports(
        seeclickfix(write(tmp_path, closed, header=HEADER + ",closed_at")), rejects=rejects
    )
    assert "closed_at is outside" in reasons(rejects)[0]


@pytest.mark.django_db
@pytest.mark.parametrize("other", [None, b"", b'{"row": 1}\n', b'{"row": 1}\n' * 1000])
def test_an_import_resumed_with_another_file_of_rejects_begins_that_one(
    tmp_path: Path, rejects: Path, monkeypatch: pytest.MonkeyPatch, other: bytes | None
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 2)
    file = seeclickfix(write(tmp_path, "bad", "bad", *numbered(2), "bad", "bad"))
    interrupt(file, rejects, after_rows=2)
    another = tmp_path / "another.jsonl"
    if other is not None:
        another.write_bytes(other)
    interrupt(file, another, after_rows=4)
    import_reports(file, rejects=another)
    assert [json.loads(line)["row"] for line in rejects.read_text().splitlines()] == [1, 2]
    assert [json.loads(line)["row"] for line in another.read_text().splitlines()] == [5, 6]


@pytest.mark.django_db
def test_an_import_resumed_without_its_file_of_rejects_begins_a_new_one(
    tmp_path: Path, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 2)
    file = seeclickfix(write(tmp_path, "bad", "bad", "bad", "bad"))
    interrupt(file, rejects, after_rows=2)
    rejects.unlink()
    import_reports(file, rejects=rejects)
    assert [json.loads(line)["row"] for line in rejects.read_text().splitlines()] == [3, 4]


@pytest.mark.django_db
def test_a_torn_line_of_rejects_is_not_counted_again(
    tmp_path: Path, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 1)
    file = seeclickfix(write(tmp_path, "bad", *numbered(2), "bad"))
    interrupt(file, rejects, after_rows=1)
    with rejects.open("ab") as torn:
        torn.write(b'{"row": 2, "rea')
    interrupt(file, rejects, after_rows=2)
    import_reports(file, rejects=rejects)
    assert [json.loads(line)["row"] for line in rejects.read_text().splitlines()] == [1, 4]


@pytest.mark.django_db
def test_of_two_imports_of_one_source_the_second_to_commit_stops(
    tmp_path: Path, rejects: Path
) -> None:
    """The losing race on the checkpoint."""
    file = seeclickfix(write(tmp_path, *numbered(3)))

    def overtake(run: ImportRun) -> None:
        ImportRun.objects.filter(pk=run.pk).update(rows=run.rows + 1, known=run.known + 1)

    with pytest.raises(ImportFileError, match="Another import"):
        import_reports(file, rejects=rejects, on_batch=overtake)


@pytest.mark.django_db
def test_any_csv_by_naming_its_columns(tmp_path: Path, rejects: Path) -> None:
    category = make_category("pothole", name="Pothole")
    path = write(tmp_path, "7,Hole,41.3,-72.9,POTHOLE,closed", header="no,what,y,x,kind,status")
    columns = {
        "external_id": "no",
        "title": "what",
        "latitude": "y",
        "longitude": "x",
        "category": "kind",
    }
    run = import_reports(
        ImportFile(path=path, source="town", columns=columns, is_live=True), rejects=rejects
    )
    assert run.created == 1
    report = Report.objects.get(source="town", external_id="7")
    assert (report.category, report.category_source) == (category, CategorySource.IMPORT)
    assert report.status == Status.CLOSED
    assert report.is_live is True
    run_tasks()
    report.refresh_from_db()
    assert report.department == category.department
    assert report.status == Status.CLOSED


@pytest.mark.django_db
def test_a_byte_order_mark_and_quoted_line_breaks_are_read(tmp_path: Path, rejects: Path) -> None:
    path = write(tmp_path, GOOD.replace("The light is out.", '"Two\nlines, ""quoted"""'), GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert import_reports(seeclickfix(path), rejects=rejects).created == 2
    assert Report.objects.filter(description='Two\nlines, "quoted"').exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "The file is empty"),
        (b" \n\n", {}, "The file is empty"),
        (b"a,b\n1,2\n", {}, "lacks a column for latitude. It has a, b"),
        (b"a,b\n1,2\n", {"format": "open311-json"}, "lacks a column for latitude"),
        (b"a,b\n1,2\n", {"map": "titel=a"}, "There is no field titel"),
        (b"a,b\n1,2\n", {"map": "title"}, "A map is FIELD=COLUMN"),
        (b"a,b\n1,2\n", {"map": "title=a,title=b"}, "A map is FIELD=COLUMN"),
        (b"a,b\n1,2\n", {"map": "title=c"}, "The file has no column c. It has a, b"),
        (b"a,b\n", {}, "lacks a column for latitude. It has a, b"),
        (b"a,b\r\n\r\n", {"map": "title=c"}, "The file has no column c. It has a, b"),
        (b"a,b\n1\n2\n", {}, "lacks a column for latitude. It has a, b"),
        (b",,\n", {}, "The first line names no columns"),
        (b"a,\x1b[31mb\n1,2\n", {}, r"It has a, b\. "),
        (b"\x00\x01\x02\xff" * 50, {}, "The encoding of the file cannot be recognised"),
        (b"a,a\n", {}, "several columns named a"),
        (b"a,b,A \n1,2,3\n", {}, "several columns named a"),
        (b'a,"b\n1,2\n', {}, "first line cannot be read as CSV"),
        (b"<html><body>no</body></html>", {}, "an HTML page"),
        (b"<!DOCTYPE x><x/>", {}, "with a document type"),
        (b"<a><b><c>1</c></b>", {}, "lacks a column for latitude"),
        (b"<a", {}, "cannot be read as XML"),
        (b"{broken\n{}\n", {}, "neither a JSON list"),
        (b"PK\x03\x04xlsx", {}, "an Excel workbook"),
        (b"\x1f\x8bnonsense", {}, "The file is damaged"),
        (b"a,b\n1,2\n", {"encoding": "utf-9"}, "'utf-9' is not a known encoding"),
        (b"a,b\n1,2\n", {"time_format": "%H:%M"}, "is not a time format"),
        (b"a,b\n1,2\n", {"time_zone": "Europe/Nowhere"}, "is not a time zone"),
        (b"a,b\n1,2\n", {"source": "x" * 81}, "A source has 1 to 80"),
    ],
)
def test_files_and_options_that_cannot_work_say_why(
    tmp_path: Path, content: bytes, options: dict[str, str], message: str
) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        call_command(
            "import_reports", str(path), rejects=tmp_path / "r", stdout=StringIO(), **options
        )


@pytest.mark.django_db
@pytest.mark.parametrize("rejects", [".", "bad.csv/rejects"])
def test_a_file_of_rejects_that_cannot_be_written_is_named(tmp_path: Path, rejects: str) -> None:
    path = write(tmp_path, GOOD).rename(tmp_path / "bad.csv")
    with pytest.raises(CommandError, match=str(tmp_path)):
        call_command("import_reports", str(path), *SEECLICKFIX, rejects=tmp_path / rejects)


@pytest.mark.django_db
def test_the_command_says_what_came_out(tmp_path: Path, rejects: Path) -> None:
    out = StringIO()
    path = write(tmp_path, "bad", GOOD)
    call_command("import_reports", str(path), *SEECLICKFIX, rejects=rejects, stdout=out)
    assert "city: 2 rows, 1 new, 0 known before, 1 rejected" in out.getvalue()
    assert str(rejects) in out.getvalue()


@pytest.mark.django_db
def test_the_rate_of_a_resumed_import_is_that_of_its_own_rows(
    tmp_path: Path, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying_out, "BATCH_ROWS", 30)
    path, out = write(tmp_path, *numbered(31)), StringIO()
    interrupt(seeclickfix(path), rejects, after_rows=30)
    ticks = iter([0.0])
    clock = SimpleNamespace(monotonic=lambda: next(ticks, 0.5))  # half a second passes
    monkeypatch.setattr("imports.command.time", clock)
    call_command("import_reports", str(path), *SEECLICKFIX, rejects=rejects, stdout=out)
    assert "31 rows, 31 new" in out.getvalue()
    assert "(2 rows/s)" in out.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.faults
@pytest.mark.campaign
def test_a_killed_command_is_resumed_without_loss_or_repetition(
    tmp_path: Path, rejects: Path, process_environment: dict[str, str]
) -> None:
    path = write(tmp_path, *numbered(4_000), "bad")
    command = [sys.executable, "manage.py", "import_reports", str(path), *SEECLICKFIX]
    command.append(f"--rejects={rejects}")
    environment = process_environment | {"DEBUG": "on"}  # no mail or SMS server to be named
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 60
    while Report.objects.count() < 1000 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    at_kill = Report.objects.count()
    assert 1000 <= at_kill < 4_000
    output = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert Report.objects.count() == 4_000
    assert Task.objects.filter(actor="classify_report").count() == 4_000
    assert "4001 rows, 4000 new, 0 known before, 1 rejected" in output
    assert len(reasons(rejects)) == 1
