"""Public reports as service requests: what everybody may read of them, by the protocol's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from georeport.reading import DESCRIPTION_MAX_CHARACTERS
from georeport.searching import CLOSED, OPEN
from georeport.services import language_of
from reports.models import (
    OPEN_STATUSES,
    Answer,
    Photo,
    PhotoFile,
    PhotoKind,
    Report,
    ReportQuerySet,
    Status,
    StatusChange,
    WaitingFor,
)

_FIELDS = (
    "pk", "status", "title", "description", "severity", "waiting_for", "address",
    "latitude", "longitude", "created_at", "updated_at", "closed_at", "due_at",
    "category__slug", "category__name", "category__translations", "department__name",
)  # fmt: skip

Row = dict[str, Any]


def rows_of(reports: ReportQuerySet, rows: slice) -> list[Row]:
    """Return these of the reports, with the note and the photo of each, by one statement.

    Notes and photos are looked up for these alone, and not for those on the pages before.
    """
    page = Report.objects.filter(pk__in=reports.values("pk")[rows])
    page = page.order_by(*reports.query.order_by)
    notes = StatusChange.objects.standing().filter(report=OuterRef("pk"), is_internal=False)
    last_note = notes.exclude(note="").order_by("-at", "-id").values("note")[:1]
    photos = Photo.objects.public().filter(report=OuterRef("pk"), kind=PhotoKind.BEFORE)
    first_photo = photos.order_by("created_at", "id").values("pk")[:1]
    shown = page.annotate(note=Subquery(last_note), photo=Subquery(first_photo))
    return list(shown.values(*_FIELDS, "note", "photo"))


def service_request(row: Row, *, base: str, accepted: str) -> dict[str, Any]:
    """Return a report as a service request; `base` begins the addresses of photos."""
    is_open = row["status"] in OPEN_STATUSES
    return {
        "service_request_id": str(row["pk"]),
        "status": OPEN if is_open else CLOSED,
        "status_notes": row["note"] or str(Status(row["status"]).label),
        "service_name": _service_name(row, accepted),
        "service_code": row["category__slug"],
        "description": _description(row),
        "agency_responsible": row["department__name"],
        "service_notice": _notice(row),
        "requested_datetime": moment(row["created_at"]),
        "updated_datetime": moment(_updated_at(row)),
        "expected_datetime": moment(row["due_at"]),
        "address": row["address"] or None,
        "address_id": None,
        "zipcode": None,
        "lat": row["latitude"],
        "long": row["longitude"],
        "media_url": picture(base, row["photo"]) if row["photo"] else None,
    }


def extensions(rows: list[Row], *, base: str) -> dict[UUID, dict[str, Any]]:
    """Return what else is public of each report, which a client gets if it asks for extensions."""
    ids = [row["pk"] for row in rows]
    photos: dict[UUID, list[str]] = {}
    ready = Photo.objects.public().filter(report__in=ids).order_by("created_at", "id")
    for report_id, photo_id in ready.values_list("report_id", "pk"):
        photos.setdefault(report_id, []).append(picture(base, photo_id))
    answers = _answers(ids)
    return {
        row["pk"]: {
            "title": row["title"],
            "detailed_status": row["status"],
            "severity": row["severity"],
            "attributes": answers.get(row["pk"], []),
            "photos": photos.get(row["pk"], []),
        }
        for row in rows
    }


def moment(at: datetime | None) -> str | None:
    """Return a time as the W3C writes it, in UTC and whole seconds."""
    if at is None:
        return None
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def picture(base: str, photo_id: UUID) -> str:
    """Return the whole address of a photo."""
    return base + reverse("photo-file", args=[photo_id, PhotoFile.Size.LARGE])


def _answers(ids: Iterable[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    answers: dict[UUID, list[dict[str, Any]]] = {}
    for answer in Answer.objects.filter(report__in=ids).select_related("question"):
        question, value = answer.question, answer.value
        shown = {
            "code": question.code,
            "description": question.label,
            "value": _answer(value),
        }
        answers.setdefault(answer.report_id, []).append(shown)
    return answers


def _answer(value: Any) -> str:
    """Return an answer as text: a list with commas, a whole number without its fraction."""
    if isinstance(value, list):
        return ",".join(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _description(row: Mapping[str, Any]) -> str:
    """Return the words of a report, cut where the protocol ends them."""
    words = str(row["description"] or row["title"])
    is_long = len(words) > DESCRIPTION_MAX_CHARACTERS
    return words[: DESCRIPTION_MAX_CHARACTERS - 1] + "…" if is_long else words


def _service_name(row: Mapping[str, Any], accepted: str) -> str:
    translations = row["category__translations"] or {}
    translated = translations.get(language_of(translations, accepted), {}).get("name")
    return str(translated or row["category__name"])


def _notice(row: Mapping[str, Any]) -> str | None:
    """Return for whom or what a report waits, in words."""
    if row["status"] != Status.WAITING or not row["waiting_for"]:
        return None
    return f"It waits for {WaitingFor(row['waiting_for']).label}."


def _updated_at(row: Mapping[str, Any]) -> datetime:
    """Return when a report was closed, or last changed while it is open."""
    is_open = row["status"] in OPEN_STATUSES
    at: datetime = row["updated_at"] if is_open else row["closed_at"] or row["updated_at"]
    return at
