"""The handbook of the desk, docs/desk.md, as a page of the desk.

It reads the little of Markdown in which the handbook is written: headings, paragraphs, lists,
**bold**, `keys` and [links](address).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

HANDBOOK = settings.BASE_DIR / "docs" / "desk.md"
_INLINE = (
    (re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)"), r'<a href="\2">\1</a>'),
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"`([^`]+)`"), r"<kbd>\1</kbd>"),
)
_HEADING, _BULLET, _NUMBER = (
    re.compile(pattern) for pattern in (r"(#+) (.+)", r"- (.+)", r"\d+\. (.+)")
)
_LISTS = {"ul": _BULLET, "ol": _NUMBER}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the handbook with its table of contents."""
    blocks = _blocks()
    context = admin.site.each_context(request) | {
        "title": _("Help"),
        "contents": [(slugify(text), text) for kind, text in blocks if kind == "h2"],
        "text": _html(blocks),
    }
    return TemplateResponse(request, "desk/shell/handbook.html", context)


@cache
def _blocks() -> tuple[tuple[str, str], ...]:
    """Return the handbook as blocks, each with the name of its element."""
    text = HANDBOOK.read_text(encoding="utf-8")
    return tuple(_kind(block) for block in _units(text) if not block.startswith("# "))


def _units(text: str) -> Iterator[str]:
    """Yield headings, paragraphs and entries of lists, each with its lines put together."""
    for paragraph in re.split(r"\n{2,}", text.strip()):
        for unit in re.split(r"\n(?=- |\d+\. )", paragraph):
            yield " ".join(unit.split())


def _kind(unit: str) -> tuple[str, str]:
    if heading := _HEADING.fullmatch(unit):
        return f"h{len(heading[1])}", heading[2]
    for element, pattern in _LISTS.items():
        if entry := pattern.fullmatch(unit):
            return element, entry[1]
    return "p", unit


def _html(blocks: tuple[tuple[str, str], ...]) -> SafeString:
    parts = []
    for kind, group in groupby(blocks, key=lambda block: block[0]):
        texts = [text for _kind, text in group]
        if kind in _LISTS:
            entries = "".join(f"<li>{_inline(text)}</li>" for text in texts)
            parts.append(f"<{kind}>{entries}</{kind}>")
        else:
            parts += [_element(kind, text) for text in texts]
    return mark_safe("\n".join(parts))  # noqa: S308 - every text is escaped


def _element(kind: str, text: str) -> str:
    anchor = f' id="{slugify(text)}"' if kind.startswith("h") else ""
    return f"<{kind}{anchor}>{_inline(text)}</{kind}>"


def _inline(text: str) -> str:
    html = str(escape(text))
    for pattern, replacement in _INLINE:
        html = pattern.sub(replacement, html)
    return html
