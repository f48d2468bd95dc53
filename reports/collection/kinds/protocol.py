"""What every kind of source shares: posts as they are read, in batches with a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from jobs.errors import AsksForPause
from reports.errors import ReportsError
from reports.models import Source

Cursor = dict[str, Any]


class SourceFault(ReportsError, AsksForPause):
    """The source could not be read."""

    def __init__(self, message: str = "", *, pause: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = pause


class SourceMisconfigured(SourceFault):
    """The source's address or options cannot be used."""


class SourceBusy(ReportsError, AsksForPause):
    """The source has been asked often enough for now; what is left is fetched later."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__()
        self.retry_after = pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A post as its source gives it, with personal data still in it; degrees in WGS 84.

    `author` is a handle, of which only a keyed hash is stored. A deleted item has nothing but its
    id. `raw` is kept for COLLECTION_RAW_DAYS.
    """

    external_id: str
    title: str = ""
    text: str = ""
    author: str = ""
    url: str = ""
    posted_at: datetime | None = None
    edited_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str = ""
    is_deleted: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items, and the cursor once they are stored; both are stored in one transaction."""

    items: Sequence[Item]
    cursor: Cursor


class Collector(Protocol):
    """Reads one kind of source."""

    def check(self, source: Source) -> None:
        """Check the address and the options of a source, without asking it.

        Raises:
            SourceMisconfigured: they cannot be used.
        """

    def collect(self, source: Source) -> Iterator[Batch]:
        """Yield what is new, edited or deleted since the source's cursor.

        No transaction is open around it. A batch that was yielded is stored, whatever comes after.
        Whoever reads the source again from the same cursor gets the same items again.

        Raises:
            SourceFault: the source cannot be read; `retry_after` is the pause that it asked for.
            SourceBusy: it has been asked often enough for now.
            OutboundError: it cannot be reached.
        """
