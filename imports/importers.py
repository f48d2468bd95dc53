"""What an app defines to have its rows imported: fields, rules, and how they are stored."""

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

    `columns` maps fields to columns and overrides the format. An empty `encoding` is detected; an
    empty `time_zone` means TIME_ZONE. With `ids_from_rows`, a row without an id gets a digest of
    its values as id. Unless `is_live`, no messages about the rows are sent.
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
        """Check the length of the source.

        Raises:
            ImportFileError: the source is empty or too long to be stored.
        """
        if not self.source or len(self.source) > SOURCE_MAX_CHARACTERS:
            raise ImportFileError(
                f"A source has 1 to {SOURCE_MAX_CHARACTERS} characters: {self.source[:100]!r}."
            )

    def times(self) -> TimeReader:
        """Return the reader of the file's times.

        Raises:
            ImportFileError: the time format or the time zone is unknown.
        """
        return TimeReader.of(self.time_format, self.time_zone)

    def reading(self) -> dict[str, Any]:
        """Return the options that decide how values are read, as JSON."""
        others = {"path", "source", "format", "columns", "imported_by"}
        return {name: value for name, value in asdict(self).items() if name not in others}


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows of a batch were new, and how many changed a stored object."""

    created: int
    changed: int = 0


class Importer(ABC, Generic[M]):
    """The base of an app's importer: reads the rows of one file as objects and stores them."""

    #: The name of what is imported. Runs and uploads are stored under it, so it must not change.
    target: ClassVar[str]
    #: The permission that a user needs to import at the desk.
    permission: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    #: Groups of fields; the file must have a column for one field of each group.
    required: ClassVar[tuple[tuple[str, ...], ...]]
    #: Field → a sentence on what is stored if the file has no column for it; only surprising ones.
    defaults: ClassVar[Mapping[str, str]] = {}
    #: Format → field → column, where they differ from the fields' own names.
    formats: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    #: The fields from which the id of a row without one is computed.
    identity: ClassVar[tuple[str, ...]]

    def __init__(self, file: ImportFile) -> None:
        self.file = file
        self.digested = self.identity if file.ids_from_rows else ()

    @abstractmethod
    def read(self, row: Row) -> M:
        """Return the object that the row describes, not stored.

        Raises:
            RowRejected: the row cannot be stored.
        """

    @abstractmethod
    def store(self, objects: Sequence[M]) -> Stored:
        """Store a batch with the tasks it causes, in the caller's transaction."""

    @abstractmethod
    def known(self, external_ids: Collection[str]) -> set[str]:
        """Return which of these ids of the file's source are stored."""

    @abstractmethod
    def preview(self, imported: M) -> dict[str, Any]:
        """Return what would be stored of an object, for the preview."""

    def finished(self, run: ImportRun) -> None:
        """Record the end of the whole import, in the transaction that ends it. Optional."""


_importers: dict[str, type[Importer[Any]]] = {}


def register(importer: type[Importer[Any]]) -> None:
    """Register an app's importer; called by the app's `ready()`."""
    _importers[importer.target] = importer


def importer_of(target: str) -> type[Importer[Any]]:
    """Return the importer of that target.

    Raises:
        KeyError: there is none.
    """
    return _importers[target]


def importers() -> list[type[Importer[Any]]]:
    """Return all importers, ordered by target."""
    return [_importers[target] for target in sorted(_importers)]
