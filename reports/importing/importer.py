"""Turn rows of other systems into reports with history and tasks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.text import Truncator
from uuid_utils.compat import uuid7

from accounts.actors import record_audit_event
from imports.errors import RowRejected
from imports.importers import Importer, ImportFile, Stored
from imports.models import ImportRun
from imports.rows import Row
from jobs.ledger import database
from jobs.plain_text import one_line, paragraphs
from reports.actors import classify_report, route_report
from reports.geography import addresses
from reports.importing.formats import FIELDS, FORMATS, STATUSES
from reports.models import (
    ADDRESS_MAX_CHARACTERS,
    DESCRIPTION_MAX_CHARACTERS,
    OPEN_STATUSES,
    TITLE_MAX_CHARACTERS,
    Category,
    CategorySource,
    Report,
    Severity,
    SeveritySource,
    Status,
    StatusChange,
)

EXTERNAL_ID_MAX_CHARACTERS = 120
MADE_TITLE_CHARACTERS = 80
#: How far the clocks and time zones of two systems may differ.
FUTURE_TOLERANCE = timedelta(days=1)
_SEVERITIES = {severity: severity for severity in Severity.values}


class ReportImporter(Importer[Report]):
    """Imports reports; one whose source and external id are known already stays as it is."""

    target = "reports"
    permission = "reports.add_report"
    fields = FIELDS
    required = (("latitude",), ("longitude",), ("title", "description"))
    defaults = {
        "created_at": "every report gets the time of this import",
        "status": "reports with a closed_at are closed, all others new",
    }
    formats = FORMATS
    identity = ("created_at", "latitude", "longitude", "title", "description")

    def __init__(self, file: ImportFile) -> None:
        super().__init__(file)
        self._categories: dict[str, Category] = {}
        for category in Category.objects.all():
            self._categories[category.slug] = self._categories[category.name.lower()] = category

    def read(self, row: Row) -> Report:
        title, description = _title_and_description(
            one_line(row.text("title")), paragraphs(row.text("description"))
        )
        place = row.place()
        if place is None:
            raise RowRejected("latitude and longitude are missing")
        created_at = self._created_at(row)
        status, closed_at = _status(row, created_at)
        category = self._categories.get(row.text("category").lower())
        severity = row.choice("severity", _SEVERITIES)
        return Report(
            id=uuid7(),
            title=title,
            description=description,
            latitude=place[0],
            longitude=place[1],
            address=row.line("address", longest=ADDRESS_MAX_CHARACTERS),
            severity=severity or Severity.MEDIUM,
            severity_source=SeveritySource.IMPORT if severity else SeveritySource.NONE,
            category=category,
            category_source=CategorySource.IMPORT if category else CategorySource.NONE,
            status=status,
            published_at=None if status == Status.REJECTED else created_at,
            is_live=self.file.is_live,
            source=self.file.source,
            external_id=row.external_id(
                longest=EXTERNAL_ID_MAX_CHARACTERS, otherwise=self.digested
            ),
            created_at=created_at,
            updated_at=created_at,
            closed_at=closed_at,
        )

    def _created_at(self, row: Row) -> datetime:
        """Return the row's own time, or now if the file has no such column.

        Raises:
            RowRejected: the time is missing in this row, or in the future.
        """
        created_at = row.moment("created_at")
        if created_at is None and row.has_column("created_at"):
            raise RowRejected("created_at is missing")
        return _past(created_at, "created_at") or database.now()

    def store(self, objects: Sequence[Report]) -> Stored:
        Report.objects.bulk_create(objects, ignore_conflicts=True)
        ids = [report.pk for report in objects]
        stored = set(Report.objects.filter(pk__in=ids).values_list("pk", flat=True))
        added = [report for report in objects if report.pk in stored]
        StatusChange.objects.bulk_create(
            StatusChange(
                report=report, to_status=report.status, note="Imported.", at=report.created_at
            )
            for report in added
        )
        undecided = [(str(report.pk),) for report in added if report.category_id is None]
        decided = [(str(report.pk),) for report in added if report.category_id is not None]
        classify_report.send_many(undecided)
        route_report.send_many(decided)
        addresses.look_up_many(added)
        return Stored(created=len(added))

    def known(self, external_ids: Collection[str]) -> set[str]:
        stored = Report.objects.filter(source=self.file.source, external_id__in=external_ids)
        return {str(external_id) for external_id in stored.values_list("external_id", flat=True)}

    def preview(self, report: Report) -> dict[str, Any]:
        return {
            "external_id": report.external_id,
            "title": report.title,
            "description": Truncator(report.description).chars(200),
            "latitude": report.latitude,
            "longitude": report.longitude,
            "address": report.address,
            "category": report.category.slug if report.category else "to be classified",
            "severity": report.severity,
            "status": report.status,
            "created_at": report.created_at.isoformat(),
            "closed_at": report.closed_at.isoformat() if report.closed_at else "",
        }

    def finished(self, run: ImportRun) -> None:
        facts = {"rows": run.rows, "created": run.created, "known": run.known}
        by = self.file.imported_by
        record_audit_event.send(
            "reports.imported",
            str(by) if by else None,
            f"import:{run.source}",
            facts | {"rejected": run.rejected},
        )


def _title_and_description(title: str, description: str) -> tuple[str, str]:
    """Return a title of one line, and the description.

    A missing title is made from the description. A title that is too long is cut, and added to the
    description in full.

    Raises:
        RowRejected: both are missing, or the description is too long.
    """
    if not title and not description:
        raise RowRejected("neither title nor description")
    if not title:
        title = Truncator(" ".join(description.split())).chars(MADE_TITLE_CHARACTERS)
    if len(title) > TITLE_MAX_CHARACTERS:
        description = f"{title}\n\n{description}".strip()
        title = Truncator(title).chars(TITLE_MAX_CHARACTERS)
    if len(description) > DESCRIPTION_MAX_CHARACTERS:
        raise RowRejected(f"description is longer than {DESCRIPTION_MAX_CHARACTERS} characters")
    return title, description


def _status(row: Row, created_at: datetime) -> tuple[str, datetime | None]:
    """Return the status, and when the report was closed.

    Open reports have no closing time: in Open311 the same column has their last change.

    Raises:
        RowRejected: the closing time is in the future or before the report.
    """
    status = row.choice("status", STATUSES)
    closed_at = row.moment("closed_at", not_before=created_at)
    if not status:
        status = Status.CLOSED if closed_at else Status.NEW
    if status in OPEN_STATUSES or closed_at is None:
        return status, None
    if closed_at < created_at:
        raise RowRejected(f"closed_at is before created_at: {row.text('closed_at')[:40]}")
    return status, _past(closed_at, "closed_at")


def _past(at: datetime | None, name: str) -> datetime | None:
    """Return the time.

    Raises:
        RowRejected: it is in the future.
    """
    if at and at > timezone.now() + FUTURE_TOLERANCE:
        raise RowRejected(f"{name} is in the future: {at.isoformat()}")
    return at
