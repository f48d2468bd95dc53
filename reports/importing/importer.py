"""Reports from files of other systems: of any size, resumed where they were interrupted, each
report once.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone
from django.utils.text import Truncator
from uuid_utils.compat import uuid7

import jobs
from accounts.actors import record_audit_event
from jobs.http import strict_json
from jobs.plain_text import one_line, paragraphs
from jobs.urgency import Urgency
from reports.actors import classify_report, route_report
from reports.errors import ImportFileError
from reports.importing.formats import FIELDS, FORMATS, Record
from reports.models import (
    DESCRIPTION_MAX_CHARACTERS,
    OPEN_STATUSES,
    TITLE_MAX_CHARACTERS,
    Category,
    CategorySource,
    ImportRun,
    Report,
    Severity,
    Status,
    StatusChange,
)

BATCH_ROWS = 500
FINGERPRINT_BYTES = 64 * 1024
YEARS = range(1900, 3000)  # A time near an end of the calendar cannot be told in every time zone.

# What other systems call the status of a report.
STATUSES: dict[str, str] = {
    **{status: status for status in Status.values},
    "open": Status.NEW,
    "acknowledged": Status.TRIAGED,
    "in progress": Status.IN_PROGRESS,
    "fixed": Status.RESOLVED,
    "archived": Status.CLOSED,
}


class RowRejected(ValueError):
    """The row is no report; the message says why."""


@dataclass(frozen=True, kw_only=True)
class ImportFile:
    """A file to import, and how to read it."""

    path: Path
    source: str
    format: str = "csv"
    columns: Mapping[str, str] | None = None  # field → column, over the format's own
    is_live: bool = False

    def records(self, file: BinaryIO, offset: int) -> Iterator[Record]:
        return FORMATS[self.format].read(file, offset, self.all_columns)

    @property
    def all_columns(self) -> dict[str, str]:
        return {**FORMATS[self.format].columns, **(self.columns or {})}

    def fingerprint(self) -> str:
        """Differs when the file, its format or its columns do: then an earlier checkpoint says
        nothing.
        """
        with self.path.open("rb") as file:
            start = file.read(FINGERPRINT_BYTES)
        how = json.dumps([self.path.stat().st_size, self.format, sorted(self.all_columns.items())])
        return hashlib.sha256(how.encode() + start).hexdigest()


def import_reports(
    file: ImportFile, *, rejects: Path, on_progress: Callable[[ImportRun], None] | None = None
) -> ImportRun:
    """Every readable row of the file is a report with its tasks; every other one is in `rejects`
    with the reason.

    Goes on after the last committed batch when the same file was interrupted, and otherwise begins
    anew: a report known by its source and external id is left as it is. Where `rejects` is not the
    file that the interrupted run wrote to, it holds the rejects from there on alone. Unless
    `is_live`, nobody is notified and nothing escalates. Raises `ImportFileError` for a file that is
    not of its format, or that is being imported by someone else.
    """
    with jobs.entering(Urgency.BULK, sender=f"import:{file.source}"):
        return _import(file, rejects, on_progress)


def _import(
    file: ImportFile, rejects: Path, on_progress: Callable[[ImportRun], None] | None
) -> ImportRun:
    run = _begin(file)
    with file.path.open("rb") as data, rejects.open("ab") as rejected:
        _cut_rejects(run, rejects, rejected)
        reader = _RowReader(file)
        records = file.records(data, run.byte_offset)
        while batch := list(islice(records, BATCH_ROWS)):
            _import_batch(run, reader, batch, rejected)
            if on_progress:
                on_progress(run)
    _finish(run)
    return run


def interrupted_run(file: ImportFile) -> ImportRun | None:
    """The run of this very file that has not ended, with which an import of it goes on."""
    return ImportRun.objects.filter(
        source=file.source, fingerprint=file.fingerprint(), finished_at=None
    ).first()


def _begin(file: ImportFile) -> ImportRun:
    """The run to go on with: the interrupted one of this very file, else a fresh one."""
    run = interrupted_run(file)
    if run is not None:
        return run
    counters = dict.fromkeys(
        ("byte_offset", "rows", "created", "known", "rejected", "rejects_bytes"), 0
    )
    begun = {
        "fingerprint": file.fingerprint(),
        "started_at": timezone.now(),
        "finished_at": None,
        **counters,
    }
    return ImportRun.objects.update_or_create(source=file.source, defaults=begun)[0]


def _cut_rejects(run: ImportRun, path: Path, rejected: BinaryIO) -> None:
    """The file holds what the run's committed batches wrote to it; nothing, where they wrote to
    another one.
    """
    place = str(path.resolve())
    is_own = run.rejects_path == place and path.stat().st_size >= run.rejects_bytes
    rejected.truncate(run.rejects_bytes if is_own else 0)
    rejected.seek(0, os.SEEK_END)
    run.rejects_path = place


def _import_batch(
    run: ImportRun, reader: _RowReader, batch: list[Record], rejected: BinaryIO
) -> None:
    reports: list[Report] = []
    for number, record in enumerate(batch, start=run.rows + 1):
        try:
            reports.append(reader.report(record))
        except RowRejected as reason:
            rejected.write(_reject_line(number, str(reason), record))
    rejected.flush()
    with transaction.atomic():
        added = _store(reports)
        _advance(
            run,
            byte_offset=batch[-1].end,
            rows=run.rows + len(batch),
            created=run.created + added,
            known=run.known + len(reports) - added,
            rejected=run.rejected + len(batch) - len(reports),
            rejects_bytes=rejected.tell(),
            rejects_path=run.rejects_path,
        )


def _store(reports: list[Report]) -> int:
    """Insert the reports that are not there yet, with their history and tasks; answer how many
    those were.
    """
    Report.objects.bulk_create(reports, ignore_conflicts=True)
    ids = set(
        Report.objects.filter(pk__in=[report.pk for report in reports]).values_list("pk", flat=True)
    )
    added = [report for report in reports if report.pk in ids]
    StatusChange.objects.bulk_create(
        StatusChange(report=report, to_status=report.status, note="Imported.", at=report.created_at)
        for report in added
    )
    undecided = [(str(report.pk),) for report in added if report.category_id is None]
    decided = [(str(report.pk),) for report in added if report.category_id is not None]
    classify_report.send_many(undecided)
    route_report.send_many(decided)
    return len(added)


def _advance(run: ImportRun, **progress: Any) -> None:
    """Move the checkpoint, unless someone else has moved it since."""
    progress["updated_at"] = timezone.now()
    here = ImportRun.objects.filter(pk=run.pk, byte_offset=run.byte_offset, finished_at=None)
    if not here.update(**progress):
        raise ImportFileError(f"Another import of {run.source} is running.")
    for name, value in progress.items():
        setattr(run, name, value)


def _finish(run: ImportRun) -> None:
    facts = {"rows": run.rows, "created": run.created, "known": run.known, "rejected": run.rejected}
    with transaction.atomic():
        _advance(run, finished_at=timezone.now())
        record_audit_event.send("reports.imported", None, f"import:{run.source}", facts)


def _reject_line(number: int, reason: str, record: Record) -> bytes:
    return (
        strict_json.dumps({"row": number, "reason": reason, "values": record.values}).encode()
        + b"\n"
    )


class _RowReader:
    """Turns records into reports that are not stored yet."""

    def __init__(self, file: ImportFile) -> None:
        self._file = file
        self._columns = file.all_columns
        self._categories: dict[str, Category] = {}
        for category in Category.objects.all():
            self._categories[category.slug] = self._categories[category.name.lower()] = category

    def report(self, record: Record) -> Report:
        """The report of this record; raises `RowRejected`."""
        if record.fault:
            raise RowRejected(record.fault)
        row = {name: _text(record.values.get(self._columns.get(name, "")), name) for name in FIELDS}
        title, description = _title_and_description(
            one_line(row["title"]), paragraphs(row["description"])
        )
        latitude, longitude = _place(row)
        created_at = self._created_at(row, record)
        status = _choice(row["status"], STATUSES, "status") or Status.NEW
        category = self._categories.get(row["category"].lower())
        return Report(
            id=uuid7(),
            title=title,
            description=description,
            latitude=latitude,
            longitude=longitude,
            address=one_line(row["address"])[:300],
            severity=_choice(row["severity"], {s: s for s in Severity.values}, "severity")
            or Severity.MEDIUM,
            category=category,
            category_source=CategorySource.IMPORT if category else CategorySource.NONE,
            status=status,
            published_at=None if status == Status.REJECTED else created_at,
            is_live=self._file.is_live,
            source=self._file.source,
            external_id=row["external_id"][:120] or _stable_id(row),
            created_at=created_at,
            updated_at=created_at,
            closed_at=_time(row["closed_at"], "closed_at")
            if status not in OPEN_STATUSES and row["closed_at"]
            else None,
        )

    def _created_at(self, row: dict[str, str], record: Record) -> datetime:
        """The row's own time; now, if the file has no such column at all."""
        if self._columns.get("created_at") not in record.values:
            return timezone.now()
        at = _time(row["created_at"], "created_at")
        if at > timezone.now() + timedelta(days=1):
            raise RowRejected(f"created_at lies in the future: {row['created_at']}")
        return at


def _text(value: Any, name: str) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    text = str(value)
    if "\0" in text:
        raise RowRejected(f"{name} contains a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RowRejected(f"{name} is not valid UTF-8")
    return text.strip()


def _title_and_description(title: str, description: str) -> tuple[str, str]:
    """A title of one line; made from the description where there is none, and kept whole there when
    too long.
    """
    if not title and not description:
        raise RowRejected("neither title nor description")
    if not title:
        title = Truncator(" ".join(description.split())).chars(80)
    if len(title) > TITLE_MAX_CHARACTERS:
        description = f"{title}\n\n{description}".strip()
        title = Truncator(title).chars(TITLE_MAX_CHARACTERS)
    if len(description) > DESCRIPTION_MAX_CHARACTERS:
        raise RowRejected(f"description longer than {DESCRIPTION_MAX_CHARACTERS} characters")
    return title, description


def _place(row: dict[str, str]) -> tuple[float, float]:
    latitude, longitude = _degrees(row, "latitude", 90), _degrees(row, "longitude", 180)
    if latitude == longitude == 0:
        raise RowRejected("latitude and longitude are both 0")
    return latitude, longitude


def _degrees(row: dict[str, str], name: str, limit: int) -> float:
    if not row[name]:
        raise RowRejected(f"{name} is missing")
    try:
        value = float(row[name])
    except ValueError:
        raise RowRejected(f"{name} is not a number: {row[name][:40]}") from None
    if not math.isfinite(value) or abs(value) > limit:
        raise RowRejected(f"{name} is out of range: {row[name][:40]}")
    return value


def _time(text: str, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else timezone.make_aware(at)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowRejected(f"{name} is not an ISO 8601 date: {text[:40]}") from None
    if at.year not in YEARS:
        raise RowRejected(f"{name} lies outside of {YEARS[0]} to {YEARS[-1]}: {text[:40]}")
    return at


def _choice(text: str, choices: Mapping[str, str], name: str) -> str:
    if text and text.lower() not in choices:
        raise RowRejected(f"unknown {name}: {text[:40]}")
    return choices[text.lower()] if text else ""


def _stable_id(row: dict[str, str]) -> str:
    """The same row has the same id at every import, where the file gives none."""
    told = [row[name] for name in ("created_at", "latitude", "longitude", "title", "description")]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
