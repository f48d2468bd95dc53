"""Requests to the interface, and what its answers say."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from django.test import Client

from georeport import keys

BASE = "/open311/v2"


def get(path: str, **headers: str) -> Any:
    return Client().get(f"{BASE}/{path}", headers=headers)


def make_key(**fields: Any) -> str:
    """Create a key, and return its text."""
    return keys.create_key(**({"name": "App"} | fields))[1]


def post(path: str, base: str = BASE, headers: dict[str, str] | None = None, **form: Any) -> Any:
    """Send a form; `attribute__code` is the parameter `attribute[code]`."""
    fields = {_name(name): value for name, value in form.items()}
    return Client().post(f"{base}/{path}", fields, headers=headers or {})


def _name(name: str) -> str:
    kind, _, code = name.partition("__")
    return f"{kind}[{code}]" if code else name


def refusals(answer: Any) -> list[tuple[Any, Any]]:
    """Return the errors of an answer, as code and sentence, from either format."""
    if answer["Content-Type"] == "application/json; charset=utf-8":
        return [(one["code"], one["description"]) for one in json.loads(answer.content)]
    assert answer["Content-Type"] == "text/xml; charset=utf-8"
    root = ET.fromstring(answer.content)
    assert root.tag == "errors"
    return [(int(one.findtext("code", "")), one.findtext("description")) for one in root]
