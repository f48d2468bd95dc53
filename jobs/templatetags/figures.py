"""Template filters that write figures for people."""

from __future__ import annotations

from datetime import datetime

from django import template

from jobs.operations import display

register = template.Library()

DASH = "–"


@register.filter
def duration(seconds: float | None) -> str:
    """Write a duration: `0.0032` → `3.2 ms`, `75` → `1 min 15 s`; a dash for None."""
    if seconds is None:
        return DASH
    if seconds < 1:
        return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"
    if seconds < 60:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


@register.filter
def number(value: float | None) -> str:
    """Write a number: `12345` → `12,345`; a dash for None."""
    return DASH if value is None else f"{value:,.0f}"


@register.filter
def at_least(value: int, limit: int) -> str:
    """Write a count; one that stopped at `limit` reads `10,000+`."""
    return f"{value:,}+" if value >= limit else f"{value:,}"


@register.filter
def percent(part: float | None) -> str:
    """Write a fraction in percent: `0.0123` → `1.2 %`.

    A tiny fraction is never rounded to 0 %, nor one just below 1 to 100 %.
    """
    if part is None:
        return DASH
    if 0 < part < 0.001:
        return "< 0.1 %"
    if 0.999 < part < 1:
        return "> 99.9 %"
    return f"{part * 100:.{0 if part in {0, 1} else 1}f} %"


@register.filter
def exact(at: datetime | None) -> str:
    """Write a time to the millisecond: `2026-05-01 12:00:00.123`; a dash for None."""
    return DASH if at is None else display.exact(at)
