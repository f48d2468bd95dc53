"""Entity tags of reports over HTTP: `ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13).

A tag is strong: `"VERSION-DIGEST"`. The digest is that of the answer, which depends on its reader;
`If-Match` compares the version alone, so it takes a weak tag too: compression makes the tag of an
answer weak (`W/"VERSION-DIGEST"`), and clients send it back as they read it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from reports.models import Report

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_OURS = re.compile(r'(?:W/)?"(\d{1,9})-[0-9a-f]{16}"')


def tagged(request: Request, report: Report, data: Any) -> Response:
    """Return the answer about a report with its tag, or 304 where the client has it already."""
    digest = hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:16]
    tag = f'"{report.version}-{digest}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.method in {"GET", "HEAD"} and _has(request.headers.get("If-None-Match"), tag):
        return Response(status=304, headers=headers)
    return Response(data, headers=headers)


def expected_versions(request: Request) -> frozenset[int] | None:
    """Return the versions of `If-Match`, or None where the request takes any version.

    A tag that is none of ours matches no version.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    matches = map(_OURS.fullmatch, _TAG.findall(header))
    return frozenset(int(match[1]) for match in matches if match)


def _has(header: str | None, tag: str) -> bool:
    """Return whether a list of tags has this one; weak tags count, as `If-None-Match` wants."""
    if header is None:
        return False
    return header.strip() == "*" or tag in {
        tag_sent.removeprefix("W/") for tag_sent in _TAG.findall(header)
    }
