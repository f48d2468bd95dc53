"""Importing opportunities in tests."""

from __future__ import annotations

from pathlib import Path

from imports.carrying_out import import_file
from imports.importers import ImportFile
from imports.models import ImportRun
from matching.importing import OpportunityImporter


def import_opportunities(file: Path, *, source: str, rejects: Path) -> ImportRun:
    return import_file(OpportunityImporter(ImportFile(path=file, source=source)), rejects=rejects)
