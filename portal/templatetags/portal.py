"""Filters of the public pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from portal import wording

register = template.Library()


@register.filter
def age(moment: datetime) -> str:
    """Return how long ago something was, such as "2 days ago"."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(span)s ago") % {"span": timesince(moment, depth=1)}


@register.filter
def in_words(status: str) -> Any:
    """Return a report's status in plain words."""
    return wording.STATUS.get(status, status)


@register.filter
def sign(status: str) -> str:
    """Return the sign that stands before a status."""
    return wording.SIGNS.get(status, "○")


@register.filter
def state(status: str) -> str:
    """Return `open`, `done` or `ended`: the class by which a status is coloured."""
    if status in {"resolved", "closed"}:
        return "done"
    return "ended" if status in {"rejected", "duplicate"} else "open"


@register.filter
def step_in_words(name: str) -> Any:
    """Return what a step of the reporter's is called on its button."""
    return wording.STEPS.get(name, name)


@register.filter
def degrees(number: float) -> str:
    """Return degrees with the dot that scripts and addresses expect, in every language."""
    return f"{number:.6f}"
