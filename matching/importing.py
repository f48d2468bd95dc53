"""The importer of opportunities; an opportunity is recognised by its source and external id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now
from django.utils.text import Truncator

from accounts.actors import record_audit_event
from imports.errors import RowRejected
from imports.importers import Importer, Stored
from imports.models import ImportRun
from imports.rows import Row
from jobs.ledger.database import lock
from matching.errors import LanguageUnknown
from matching.models import Kind, Opportunity
from matching.opportunities.publishing import TEXT_FIELDS, announce_changes
from matching.search import generation
from matching.text import languages

EXTERNAL_ID_MAX_CHARACTERS = 200
_LINES = {"title": 300, "organisation": 200, "category": 120}
_TEXTS = {"description": 20_000, "requirements": 5000}
#: The fields that a row may change in an opportunity that was imported before.
FIELDS = (
    "kind", "title", "description", "organisation", "category", "requirements", "languages",
    "starts_on", "ends_on", "latitude", "longitude", "is_remote", "capacity", "is_active",
)  # fmt: skip
_KINDS = {kind: kind for kind in Kind.values}


class OpportunityImporter(Importer[Opportunity]):
    """Imports opportunities; one that was imported before takes the values of the row."""

    target = "opportunities"
    permission = "matching.add_opportunity"
    fields = ("external_id", *FIELDS)
    required = (("kind",), ("title",))
    formats = {"csv": {}, "jsonl": {}, "geojson": {"external_id": "id"}}
    identity = ("kind", "title", "description", "organisation", "starts_on")

    def read(self, row: Row) -> Opportunity:
        kind = row.choice("kind", _KINDS)
        texts = {name: row.line(name, longest=most) for name, most in _LINES.items()}
        texts |= {name: row.paragraphs(name, longest=most) for name, most in _TEXTS.items()}
        for name, value in (("kind", kind), ("title", texts["title"])):
            if not value:
                raise RowRejected(f"{name} is missing")
        starts_on, ends_on = row.day("starts_on"), row.day("ends_on")
        if starts_on and ends_on and ends_on < starts_on:
            raise RowRejected("ends_on is before starts_on")
        latitude, longitude = row.place() or (None, None)
        return Opportunity(
            kind=kind,
            source=self.file.source,
            external_id=row.external_id(
                longest=EXTERNAL_ID_MAX_CHARACTERS, otherwise=self.digested
            ),
            starts_on=starts_on,
            ends_on=ends_on,
            latitude=latitude,
            longitude=longitude,
            is_remote=row.flag("is_remote", default=False),
            languages=_languages(row),
            capacity=row.count("capacity"),
            is_active=row.flag("is_active", default=True),
            **texts,
        )

    def store(self, objects: Sequence[Opportunity]) -> Stored:
        """Add new opportunities and change those that differ; the last row of an id counts."""
        read = {opportunity.external_id: opportunity for opportunity in objects}
        lock(f"import {self.file.source}")
        stored = Opportunity.objects.filter(source=self.file.source, external_id__in=list(read))
        known = {opportunity.external_id: opportunity for opportunity in stored.defer("search")}
        new = [one for external_id, one in read.items() if external_id not in known]
        changes = {
            old.pk: differences
            for external_id, old in known.items()
            if (differences := _differences(old, read[external_id]))
        }
        Opportunity.objects.bulk_create(new)
        for pk, differences in changes.items():
            _change(pk, differences)
        if new or changes:
            generation.advance()
        affected: dict[UUID, Collection[str]] = {opportunity.pk: FIELDS for opportunity in new}
        announce_changes(affected | changes)
        return Stored(created=len(new), changed=len(changes))

    def known(self, external_ids: Collection[str]) -> set[str]:
        stored = Opportunity.objects.filter(source=self.file.source, external_id__in=external_ids)
        return set(stored.values_list("external_id", flat=True))

    def preview(self, opportunity: Opportunity) -> dict[str, Any]:
        values = {name: getattr(opportunity, name) for name in self.fields}
        texts = {name: Truncator(values[name]).chars(200) for name in _TEXTS}
        days = {name: str(values[name] or "") for name in ("starts_on", "ends_on")}
        return values | texts | days

    def finished(self, run: ImportRun) -> None:
        facts = {"rows": run.rows, "created": run.created, "changed": run.changed}
        by = self.file.imported_by
        record_audit_event.send(
            "opportunities.imported",
            str(by) if by else None,
            f"import:{run.source}",
            facts | {"known": run.known, "rejected": run.rejected},
        )


def _languages(row: Row) -> list[str]:
    try:
        return languages.tags_of(row.texts("languages"))
    except LanguageUnknown as error:
        raise RowRejected(str(error)) from error


def _differences(old: Opportunity, new: Opportunity) -> dict[str, Any]:
    return {name: getattr(new, name) for name in FIELDS if getattr(new, name) != getattr(old, name)}


def _change(pk: UUID, differences: dict[str, Any]) -> None:
    bump = {} if TEXT_FIELDS.isdisjoint(differences) else {"version": F("version") + 1}
    Opportunity.objects.filter(pk=pk).update(**differences, **bump, updated_at=Now())
