"""What an app must say to have its rows imported: its fields, its rules, and how it stores them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.db.models import Model

from imports.errors import ImportFileError
from imports.rows import Row
from imports.times import TimeReader

if TYPE_CHECKING:
    from imports.models import ImportRun

M = TypeVar("M", bound=Model)
SOURCE_MAX_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True)
class ImportFile:
    """A file to import, and how to read it.

    `columns` says which column holds a field, over the format's own. `encoding` is detected and
    `time_zone` is TIME_ZONE unless given. With `ids_from_rows`, a row without an id gets a digest.
    Unless `is_live`, nobody is notified of the rows.
    """

    path: Path
    source: str
    format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    time_format: str = "iso"
    time_zone: str = ""
    ids_from_rows: bool = False
    is_live: bool = False
    imported_by: UUID | None = None

    def __post_init__(self) -> None:
        """Raises ImportFileError for a source that could not be stored whole."""
        if not self.source or len(self.source) > SOURCE_MAX_CHARACTERS:
            raise ImportFileError(
                f"A source has 1 to {SOURCE_MAX_CHARACTERS} characters: {self.source[:100]!r}."
            )

    def times(self) -> TimeReader:
        """Return the reader of its times; raises ImportFileError for an unknown format or zone."""
        return TimeReader.of(self.time_format, self.time_zone)

    def reading(self) -> dict[str, Any]:
        """Return what decides how its values are read, as JSON."""
        others = {"path", "source", "format", "columns", "imported_by"}
        return {name: value for name, value in asdict(self).items() if name not in others}


@dataclass(frozen=True, slots=True)
class Stored:
    """How many of a batch's rows were new, and how many changed what was there."""

    created: int
    changed: int = 0


class Importer(ABC, Generic[M]):
    """Turns the rows of one file into objects of an app, and stores them."""

    #: The name of what is imported, a contract: runs and uploads are stored under it.
    target: ClassVar[str]
    #: What a user needs to import by the desk.
    permission: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    #: Of each group, the file must have one.
    required: ClassVar[tuple[tuple[str, ...], ...]]
    #: What is stored where the file has no such column, in words; only what may surprise.
    defaults: ClassVar[Mapping[str, str]] = {}
    #: Format → field → column, where they differ from the fields' own names.
    formats: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    #: The fields a digest is made of for a row without an id.
    identity: ClassVar[tuple[str, ...]]

    def __init__(self, file: ImportFile) -> None:
        self.file = file
        self.digested = self.identity if file.ids_from_rows else ()

    @abstractmethod
    def read(self, row: Row) -> M:
        """Return what the row says, not stored. Raises RowRejected."""

    @abstractmethod
    def store(self, objects: Sequence[M]) -> Stored:
        """Store a batch with the tasks it causes, in the caller's transaction."""

    @abstractmethod
    def known(self, external_ids: Collection[str]) -> set[str]:
        """Return which of these ids of the file's source are stored."""

    @abstractmethod
    def shown(self, one: M) -> dict[str, Any]:
        """Return what would be stored of an object, for the preview."""

    def finished(self, run: ImportRun) -> None:
        """Do what follows a whole import, in the transaction that ends it."""


_importers: dict[str, type[Importer[Any]]] = {}


def register(importer: type[Importer[Any]]) -> None:
    """Make an app's importer known; the app does so when it is ready."""
    _importers[importer.target] = importer


def importer_of(target: str) -> type[Importer[Any]]:
    """Return the importer of that target; raises KeyError."""
    return _importers[target]


def importers() -> list[type[Importer[Any]]]:
    """Return all importers by name."""
    return [_importers[target] for target in sorted(_importers)]
