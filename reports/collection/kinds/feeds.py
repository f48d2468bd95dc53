"""RSS and Atom feeds (RFC 4287), read with feedparser, which is given no network.

Only a feed that has changed is read (ETag, If-Modified-Since). Deletions are followed where the
feed has tombstones (RFC 6721); that an entry is no longer listed means nothing.
"""

from __future__ import annotations

import calendar
import html
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat
from xml.sax import SAXParseException

import feedparser

from jobs.http.outbound import Answer
from reports.collection.kinds import asking
from reports.collection.kinds.checking import require_address, require_options
from reports.collection.kinds.protocol import Batch, Cursor, Item, SourceFault
from reports.models import Source

ENTRIES_MAXIMUM = 1_000
_NOT_MODIFIED = 304
_TOMBSTONE = "http://purl.org/atompub/tombstones/1.0 deleted-entry"
_TAGS = re.compile(r"<[^<>]{1,2000}>")
_BREAKS = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]{0,200}>", re.IGNORECASE)
_SKIPPED = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


def check(source: Source) -> None:
    """Check that the address is a URL, and that there are no options."""
    require_address(source)
    require_options(source, {})


def collect(source: Source) -> Iterator[Batch]:
    """Yield the entries of the feed if it has changed since the last time."""
    with asking.client() as client:
        answer = client.get(source.address, headers=_conditions(source.cursor))
    if answer.status == _NOT_MODIFIED:
        yield Batch([], source.cursor)
        return
    parsed = feedparser.parse(answer.content, response_headers=_headers(answer))
    if not parsed.get("version") and not parsed.entries:
        raise SourceFault("The answer is neither RSS nor Atom.")
    is_cut = isinstance(parsed.get("bozo_exception"), (expat.ExpatError, SAXParseException))
    entries = parsed.entries[: ENTRIES_MAXIMUM + 1][: -1 if is_cut else ENTRIES_MAXIMUM]
    items = [item for entry in entries if (item := _item(entry)) is not None]
    deleted = [Item(external_id=name, is_deleted=True) for name in _tombstones(answer.content)]
    # Of a feed that stops being XML, what came before is kept, and it is read again next time.
    yield Batch([*items, *deleted], source.cursor if is_cut else _cursor(answer))
    if is_cut:
        raise SourceFault("The feed stops being XML; its last entries may be missing.")


def _conditions(cursor: Cursor) -> dict[str, str]:
    names = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
    return {name: cursor[key] for name, key in names.items() if cursor.get(key)}


def _cursor(answer: Answer) -> Cursor:
    names = {"etag": "ETag", "last_modified": "Last-Modified"}
    return {key: answer.headers[name] for key, name in names.items() if answer.headers.get(name)}


def _headers(answer: Answer) -> dict[str, str]:
    """Return what feedparser needs: the encoding's name, and the base of relative addresses."""
    content_type = answer.headers.get("Content-Type") or ""
    return {"content-type": content_type, "content-location": answer.address}


def _item(entry: Mapping[str, Any]) -> Item | None:
    """Return the entry as an item; None if nothing identifies it."""
    external_id = entry.get("id") or entry.get("link") or ""
    if not external_id:
        return None
    latitude, longitude = _place(entry)
    return Item(
        external_id=str(external_id),
        title=plain(str(entry.get("title") or "")),
        text=plain(_content(entry)),
        author=str(entry.get("author") or ""),
        url=str(entry.get("link") or ""),
        posted_at=_moment(entry, "published_parsed") or _moment(entry, "updated_parsed"),
        edited_at=_moment(entry, "updated_parsed") if entry.get("published_parsed") else None,
        latitude=latitude,
        longitude=longitude,
        raw={
            name: entry.get(name)
            for name in ("id", "link", "title", "summary", "published", "updated", "author")
            if entry.get(name)
        },
    )


def _content(entry: Mapping[str, Any]) -> str:
    """Return the longest of what the entry has as its text."""
    contents = [str(part.get("value") or "") for part in entry.get("content") or []]
    return max([*contents, str(entry.get("summary") or "")], key=len)


def plain(text: str) -> str:
    """Return the text of a piece of HTML."""
    without = _SKIPPED.sub(" ", text)
    return html.unescape(_TAGS.sub(" ", _BREAKS.sub("\n", without)))


def _moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(calendar.timegm(entry[name]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _place(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the point of GeoRSS, in degrees, where the entry has a valid one."""
    where = entry.get("where") or {}
    point = where.get("coordinates") if where.get("type") == "Point" else None
    try:
        longitude, latitude = (float(degrees) for degrees in (point or ())[:2])
    except (TypeError, ValueError):
        return None, None
    is_valid = abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if is_valid else (None, None)


def _tombstones(content: bytes) -> list[str]:
    """Return the ids of the entries that the feed says were deleted.

    A document type ends the search, so that no entity is ever expanded here.
    """
    ids: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == _TOMBSTONE and attributes.get("ref"):
            ids.append(attributes["ref"])

    def refuse(*_: object) -> None:
        raise _HasDoctype

    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, refuse
    # feedparser is more patient with such a feed, and says what is wrong.
    with suppress(expat.ExpatError, _HasDoctype, LookupError):
        parser.Parse(content, True)
    return ids[:ENTRIES_MAXIMUM]


class _HasDoctype(Exception):
    """The document has a document type."""
