"""Requests of another city, by Open311 (GeoReport v2), in JSON or XML.

The requests of the last COLLECTION_FOLLOW_DAYS are read again each time, so that edits show. One
that is missing there is asked for alone; if the other city no longer knows it, it was deleted.

Source: https://wiki.open311.org/GeoReport_v2/
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from imports.errors import ImportFileError, RowRejected
from imports.reading.json_lists import read_json
from imports.reading.records import Record
from imports.reading.surveys import START_CHARACTERS
from imports.reading.xml_lists import LOST_TO_THE_END, read_xml
from imports.rows import Row
from imports.times import TimeReader
from jobs.http.outbound import Answer, BadStatus, Client
from jobs.ledger import database
from reports.collection.kinds import asking
from reports.collection.kinds.checking import require_address, require_options
from reports.collection.kinds.protocol import Batch, Item, SourceFault, SourceMisconfigured
from reports.models import Post, Source

ROWS_MAXIMUM = 1_000  # of one answer, by the specification
PAGES_MAXIMUM = 50  # of one span; more is fetched next time
SPAN = timedelta(days=1)
SHORTEST_SPAN = timedelta(minutes=1)
#: How many missing requests are asked for alone, each time.
CONFIRMED_MAXIMUM = 20
_OPTIONS = {"format": str, "jurisdiction_id": str}
_NOT_FOUND = (404, 410)
#: Item → the column of GeoReport v2.
COLUMNS = {
    "external_id": "service_request_id",
    "title": "service_name",
    "text": "description",
    "status_notes": "status_notes",
    "posted_at": "requested_datetime",
    "edited_at": "updated_datetime",
    "latitude": "lat",
    "longitude": "long",
    "address": "address",
    "url": "media_url",
}


def check(source: Source) -> None:
    """Check the address and the options."""
    require_address(source)
    options = require_options(source, _OPTIONS)
    if options.get("format", "json") not in ("json", "xml"):
        raise SourceMisconfigured("The option format must be json or xml.")


def collect(source: Source) -> Iterator[Batch]:
    """Yield the requests since the cursor, then those before it whose edits are followed.

    It goes day by day, so that a source with very many gets on whatever happens meanwhile.
    """
    now = database.now().replace(microsecond=0)
    known = source.cursor.get("until")
    until = datetime.fromisoformat(known) if known else now - _days(settings.COLLECTION_FIRST_DAYS)
    with asking.client() as client:
        for start, end in _spans(until, now):
            span = _Span(source, client, start, end)
            yield from span.read()
            yield Batch([], source.cursor | {"until": end.isoformat()})
        if known:
            for start, end in _spans(now - _days(settings.COLLECTION_FOLLOW_DAYS), until):
                span = _Span(source, client, start, end)
                yield from span.read()
                yield Batch(span.deleted(), source.cursor)


def _days(count: int) -> timedelta:
    return timedelta(days=count)


def _spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a day or less that make up the time from `start` to `end`."""
    while start < end:
        yield start, min(start + SPAN, end)
        start += SPAN


class _Span:
    """The requests of a source between two times."""

    def __init__(self, source: Source, client: Client, start: datetime, end: datetime) -> None:
        self._source = source
        self._client = client
        self._start, self._end = start, end
        self._seen: set[str] = set()
        self._has_faults = False

    def read(self) -> Iterator[Batch]:
        """Yield the pages; the cursor stays, since what is older may come on a later page."""
        yield from self._pages(self._start, self._end)

    def _pages(self, start: datetime, end: datetime) -> Iterator[Batch]:
        """Yield the pages of a span; of a server without pages, whose answer is full, its halves.

        Raises:
            SourceFault: there are too many pages.
        """
        for page in range(1, PAGES_MAXIMUM + 1):
            items = self._items(self._ask(start, end, page))
            new = [item for item in items if item.external_id not in self._seen]
            self._seen.update(item.external_id for item in new)
            if new:
                yield Batch(new, self._source.cursor)
                continue
            if len(items) >= ROWS_MAXIMUM and end - start > SHORTEST_SPAN:
                middle = start + (end - start) / 2
                yield from self._pages(start, middle)
                yield from self._pages(middle, end)
            return
        raise SourceFault(f"There are more than {PAGES_MAXIMUM} pages.")

    def _ask(self, start: datetime, end: datetime, page: int) -> Answer:
        parameters = {"start_date": _text(start), "end_date": _text(end)}
        parameters |= {"page": str(page)} if page > 1 else {}
        return self._client.get(self._address("requests"), parameters=self._with_place(parameters))

    def _address(self, resource: str) -> str:
        kind = self._source.options.get("format", "json")
        return f"{self._source.address.rstrip('/')}/{resource}.{kind}"

    def _with_place(self, parameters: Mapping[str, str]) -> dict[str, str]:
        jurisdiction = self._source.options.get("jurisdiction_id")
        return dict(parameters) | ({"jurisdiction_id": jurisdiction} if jurisdiction else {})

    def _items(self, answer: Answer) -> list[Item]:
        """Return the items of an answer, without the rows that cannot be read.

        Raises:
            SourceFault: the answer is no list of requests, or ends early.
        """
        try:
            records = list(_records(answer.content))
        except ImportFileError as error:
            raise SourceFault(f"The answer is no list of requests: {error}") from error
        except ValueError as error:
            raise SourceFault("The answer is no JSON, or ends early.") from error
        if any(LOST_TO_THE_END in record.fault for record in records):
            raise SourceFault("The answer stops being XML, or ends early.")
        items = [item for record in records if (item := item_of(record)) is not None]
        self._has_faults = self._has_faults or len(items) < len(records)
        return items

    def deleted(self) -> list[Item]:
        """Return the stored requests of the span that the other city no longer knows."""
        if self._has_faults:
            return []
        stored = Post.objects.standing().filter(
            source=self._source, posted_at__gt=self._start, posted_at__lt=self._end
        )
        missing = [
            one
            for one in stored.order_by("-posted_at").values_list("external_id", flat=True)
            if one not in self._seen
        ]
        return [
            Item(external_id=one, is_deleted=True)
            for one in missing[:CONFIRMED_MAXIMUM]
            if not self._is_known(one)
        ]

    def _is_known(self, external_id: str) -> bool:
        try:
            answer = self._client.get(
                self._address(f"requests/{external_id}"), parameters=self._with_place({})
            )
        except BadStatus as error:
            if error.status in _NOT_FOUND:
                return False
            raise
        return bool(self._items(answer))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _records(content: bytes) -> Iterator[Record]:
    """Return the records of an answer, whatever its format turns out to be.

    Raises:
        ImportFileError: it is XML of another kind.
        ValueError: it is neither XML nor whole JSON.
    """
    text = content.decode("utf-8-sig", "replace")
    if text.lstrip().startswith("<"):
        return read_xml(io.StringIO(text))
    if not json.loads(text):
        return iter(())
    return read_json(io.StringIO(text), text[:START_CHARACTERS])


def item_of(record: Record) -> Item | None:
    """Return a request as an item; None if it cannot be read or has no id."""
    try:
        row = Row(record, COLUMNS, TimeReader.of("iso", "UTC"))
        external_id = row.text("external_id")
        place = _place(row)
        return Item(
            external_id=external_id,
            title=row.text("title"),
            text="\n\n".join(filter(None, (row.text("text"), row.text("status_notes")))),
            url=row.text("url"),
            posted_at=row.moment("posted_at"),
            edited_at=row.moment("edited_at"),
            latitude=place[0] if place else None,
            longitude=place[1] if place else None,
            address=row.text("address"),
            raw=_raw(record.values),
        )
    except RowRejected:
        return None


def _place(row: Row) -> tuple[float, float] | None:
    """Return the place; a request whose place is invalid is still worth reading."""
    with suppress(RowRejected):
        return row.place()
    return None


def _raw(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None)}
