"""Answers in XML and JSON, as GeoReport v2 spells them.

XML nests a plural and its singulars and has no namespace; JSON leaves the outermost name out. An
empty value is an empty element in XML and null in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from django.http import HttpRequest

#: The name of one entry of each list.
SINGULAR = {
    "attributes": "attribute",
    "endpoints": "endpoint",
    "errors": "error",
    "formats": "format",
    "photos": "photo",
    "service_request_updates": "request_update",
    "service_requests": "request",
    "services": "service",
    "values": "value",
}
#: What XML 1.0 cannot hold (section 2.2), not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'

Value = Mapping[str, Any] | Sequence[Any] | str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Format:
    """A format of answers: its suffix in addresses and its media type."""

    suffix: str
    media_type: str

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; charset=utf-8"

    def render(self, name: str, value: Value) -> bytes:
        """Return the answer called `name`; without it, as in JSON, only its value."""
        return _json(value) if self is JSON else _xml(name, value)


XML = Format("xml", "text/xml")
JSON = Format("json", "application/json")
FORMATS = {one.suffix: one for one in (XML, JSON)}


def asked_format(path: str, accept: str) -> Format:
    """Return the format of the answer at an address: that of its suffix, or by the `Accept` header.

    Without either it is XML.
    """
    suffix = path.rstrip("/").rpartition(".")[2].lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept or XML.media_type
    preferred = request.get_preferred_type([one.media_type for one in FORMATS.values()])
    return JSON if preferred == JSON.media_type else XML


def _json(value: Value) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # "?" in place of half a pair of UTF-16


def _xml(name: str, value: Value) -> bytes:
    root = ET.Element(name)
    _fill(root, name, value)
    return (_DECLARATION + ET.tostring(root, encoding="unicode")).encode()


def _fill(element: ET.Element, name: str, value: Any) -> None:
    """Put a value into its element: text, named children, or an element for each entry."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _fill(ET.SubElement(element, key), key, inner)
    elif isinstance(value, list | tuple):
        for entry in value:
            _fill(ET.SubElement(element, SINGULAR[name]), SINGULAR[name], entry)
    elif value is not None:
        element.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _NOT_IN_XML.sub("", str(value))
