"""Carrying an import out: files of any size, resumed after an interruption, each row once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from django.db import transaction
from django.db.models import Model

import jobs
from imports.columns import columns_of
from imports.errors import ImportFileError, RowRejected
from imports.importers import Importer
from imports.models import ImportRun
from imports.reading.records import Record
from imports.reading.surveys import Survey, reading, survey
from imports.rows import Row
from jobs.http import strict_json
from jobs.ledger import database
from jobs.urgency import Urgency

M = TypeVar("M", bound=Model)
BATCH_ROWS = 500
PREVIEW_ROWS = 20
#: How many ids a preview remembers. In longer files, repetitions after these are counted as new.
COMPARED_ROWS = 1_000_000
COUNTERS = ("rows", "created", "changed", "known", "rejected")

Transaction = Callable[[], AbstractContextManager[None]]


class Progress:
    """How far an import has come, for a progress display. `notes` say how the file is read."""

    def __init__(self, run: ImportRun, notes: tuple[str, ...], fraction: float) -> None:
        self.run = run
        self.notes = notes
        self.fraction = fraction


OnProgress = Callable[[Progress], None]


class Reading:
    """The rows of a surveyed file, in batches, as an importer's objects."""

    def __init__(self, importer: Importer[M], surveyed: Survey, stack: ExitStack) -> None:
        """Open the file and find out which column holds which field.

        Raises:
            ImportFileError: the file or its options do not allow an import.
        """
        self._importer = importer
        self._times = importer.file.times()
        records, self._raw = stack.enter_context(reading(surveyed))
        sample = list(islice(records, BATCH_ROWS))
        self._records = chain(sample, records)
        self._size = max(surveyed.size, 1)
        columns = columns_of(importer, surveyed, sample)
        self.columns = columns.by_field
        self.notes = (f"Read as {surveyed}.", *columns.notes)

    @property
    def fraction(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return min(self._raw.tell() / self._size, 1.0)

    def skip(self, rows: int) -> None:
        """Pass over rows that were imported before."""
        next(islice(self._records, rows, rows), None)

    def batches(self) -> Iterator[list[Record]]:
        """Yield the records in batches."""
        while batch := list(islice(self._records, BATCH_ROWS)):
            yield batch

    def objects(self, batch: list[Record], reject: Callable[[int, str], None]) -> list[Any]:
        """Return the objects of a batch; call `reject` with index and reason of the other rows."""
        objects = []
        for index, record in enumerate(batch):
            try:
                row = Row(record, self.columns, self._times)
                objects.append(self._importer.read(row))
            except RowRejected as reason:
                reject(index, str(reason))
        return objects


def import_file(
    importer: Importer[Any],
    *,
    rejects: Path,
    effects: Transaction = transaction.atomic,
    on_progress: OnProgress | None = None,
) -> ImportRun:
    """Store every readable row of the importer's file, and write the others to `rejects`.

    If the import of the same file was interrupted, it continues after the last committed batch;
    otherwise it begins anew. If `rejects` is not the file that the interrupted run wrote to, it
    holds only the rejects from there on. Each batch commits in `effects()`, together with how far
    the run has come. `on_progress` is called at the beginning and after each batch.

    Raises:
        ImportFileError: the file cannot be read (nothing was stored), or another import of the same
            source is running.
    """
    with _readable_file(), _as_bulk_work(importer), ExitStack() as stack:
        surveyed = survey(importer.file.path, encoding=importer.file.encoding)
        rows = Reading(importer, surveyed, stack)
        rejected = stack.enter_context(rejects.open("ab"))
        run = _begin(importer, _fingerprint(importer, surveyed, rows.columns))
        rows.skip(run.rows)
        _cut_rejects(run, rejects, rejected)
        if on_progress:
            on_progress(Progress(run, rows.notes, rows.fraction))
        for batch in rows.batches():
            _import_batch(run, importer, rows, batch, rejected, effects)
            if on_progress:
                on_progress(Progress(run, rows.notes, rows.fraction))
        with effects():
            _advance(run, finished_at=database.now())
            importer.finished(run)
    return run


def check_file(
    importer: Importer[Any], *, rejects: Path, on_progress: OnProgress | None = None
) -> tuple[ImportRun, tuple[str, ...], list[dict[str, Any]]]:
    """Read the whole file and store nothing of it.

    Returns the run with the counts that an import would have now, notes on how the file is read,
    and the first PREVIEW_ROWS rows as they would be stored.

    Raises:
        ImportFileError: the file cannot be imported.
    """
    preview: list[dict[str, Any]] = []
    seen: set[int] = set()
    with _readable_file(), ExitStack() as stack:
        surveyed = survey(importer.file.path, encoding=importer.file.encoding)
        rows = Reading(importer, surveyed, stack)
        rejected = stack.enter_context(rejects.open("wb"))
        run = ImportRun(target=importer.target, source=importer.file.source)
        for batch in rows.batches():
            objects = rows.objects(batch, _rejecting(run.rows, batch, rejected))
            new = _new_ids(importer, objects, seen)
            preview += [
                importer.preview(imported) for imported in objects[: PREVIEW_ROWS - len(preview)]
            ]
            run.rows += len(batch)
            run.created += new
            run.known += len(objects) - new
            run.rejected += len(batch) - len(objects)
            if on_progress:
                on_progress(Progress(run, rows.notes, rows.fraction))
    return run, rows.notes, preview


def _new_ids(importer: Importer[Any], objects: list[Any], seen: set[int]) -> int:
    """Return how many ids are neither stored nor earlier in the file, and add them to `seen`."""
    ids = {imported.external_id for imported in objects}
    new = {
        external_id for external_id in ids - importer.known(ids) if hash(external_id) not in seen
    }
    if len(seen) < COMPARED_ROWS:
        seen.update(map(hash, new))
    return len(new)


def _fingerprint(importer: Importer[Any], surveyed: Survey, columns: dict[str, str]) -> str:
    """Return a hash of the file's content and of how it is read; it tells imports apart."""
    how = json.dumps([surveyed.digest, str(surveyed), columns, importer.file.reading()])
    return hashlib.sha256(how.encode()).hexdigest()


def _interrupted(importer: Importer[Any], mark: str) -> ImportRun | None:
    return ImportRun.objects.filter(
        target=importer.target, source=importer.file.source, fingerprint=mark, finished_at=None
    ).first()


def _begin(importer: Importer[Any], mark: str) -> ImportRun:
    """Return the run to continue: the interrupted one of this very file, otherwise a fresh one."""
    if run := _interrupted(importer, mark):
        return run
    begun = {"fingerprint": mark, "started_at": database.now(), "finished_at": None}
    begun |= dict.fromkeys((*COUNTERS, "rejects_bytes"), 0)
    return ImportRun.objects.update_or_create(
        target=importer.target, source=importer.file.source, defaults=begun
    )[0]


def _cut_rejects(run: ImportRun, path: Path, rejected: BinaryIO) -> None:
    """Cut the file of rejects to what the run's committed batches wrote to it.

    A file that is not the run's own is emptied.
    """
    place = str(path.resolve())
    is_own = run.rejects_path == place and path.stat().st_size >= run.rejects_bytes
    rejected.truncate(run.rejects_bytes if is_own else 0)
    rejected.seek(0, os.SEEK_END)
    run.rejects_path = place


def _import_batch(
    run: ImportRun,
    importer: Importer[Any],
    rows: Reading,
    batch: list[Record],
    rejected: BinaryIO,
    effects: Transaction,
) -> None:
    objects = rows.objects(batch, _rejecting(run.rows, batch, rejected))
    rejected.flush()
    with effects():
        stored = importer.store(objects)
        _advance(
            run,
            rows=run.rows + len(batch),
            created=run.created + stored.created,
            changed=run.changed + stored.changed,
            known=run.known + len(objects) - stored.created - stored.changed,
            rejected=run.rejected + len(batch) - len(objects),
            rejects_bytes=rejected.tell(),
            rejects_path=run.rejects_path,
        )


def _advance(run: ImportRun, **progress: Any) -> None:
    """Store the run's progress.

    Raises:
        ImportFileError: another process has moved this run on meanwhile.
    """
    progress["updated_at"] = database.now()
    here = ImportRun.objects.filter(
        pk=run.pk, fingerprint=run.fingerprint, started_at=run.started_at, rows=run.rows
    )
    if not here.filter(finished_at=None).update(**progress):
        raise ImportFileError(f"Another import of {run.source} is running.")
    for name, value in progress.items():
        setattr(run, name, value)


def _rejecting(rows: int, batch: list[Record], rejected: BinaryIO) -> Callable[[int, str], None]:
    """Return a function that writes a line about a rejected row of the batch."""

    def reject(index: int, reason: str) -> None:
        record = batch[index]
        line = {"row": rows + index + 1, "line": record.line, "reason": reason}
        rejected.write(strict_json.dumps(line | {"values": record.values}).encode() + b"\n")

    return reject


def _as_bulk_work(importer: Importer[Any]) -> AbstractContextManager[None]:
    """Mark the tasks sent inside the block as bulk work, with the source as their sender.

    So people do not wait behind an import, and several sources take turns.
    """
    return jobs.entering(Urgency.BULK, sender=f"import:{importer.file.source}")


@contextmanager
def _readable_file() -> Iterator[None]:
    """Turn an error of the operating system inside the block into ImportFileError."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise ImportFileError(f"{error.filename}: {error.strerror}.") from error
