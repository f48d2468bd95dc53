"""Links in messages that are made only when a message is sent, so that nothing stored holds them.

A template's context names what the link is about; the app that owns it registers how to make it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.conf import settings

MakePath = Callable[[str], str]
_makers: dict[str, MakePath] = {}


def register(name: str, make_path: MakePath) -> None:
    """Let templates have `<name>_link`, whose path is made from the context's `<name>`."""
    _makers[name] = make_path


def links(context: Mapping[str, str]) -> dict[str, str]:
    """Return the links that can be made from this context, as full addresses."""
    return {
        f"{name}_link": settings.PUBLIC_URL + make_path(context[name])
        for name, make_path in _makers.items()
        if context.get(name)
    }
