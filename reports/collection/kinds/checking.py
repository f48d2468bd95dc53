"""Checking the addresses and options of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reports.collection.kinds.protocol import SourceMisconfigured
from reports.models import Source


def require_address(source: Source) -> None:
    """Check that the address of the source is a URL with http or https.

    Raises:
        SourceMisconfigured: it is not.
    """
    try:
        parts = urlsplit(source.address)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_url = is_url and (parts.port is None or parts.port > 0)
    except ValueError:
        is_url = False
    if not is_url:
        raise SourceMisconfigured("The address must be a URL with http:// or https://.")


def require_options(source: Source, known: Mapping[str, type]) -> dict[str, Any]:
    """Return the options of the source.

    Raises:
        SourceMisconfigured: one is unknown or of another type.
    """
    options = source.options
    if not isinstance(options, dict):
        raise SourceMisconfigured("The options must be an object, such as {}.")
    for name, value in options.items():
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise SourceMisconfigured(f"Unknown option {name[:40]!r}; there are: {allowed}.")
        if not isinstance(value, known[name]):
            raise SourceMisconfigured(f"The option {name} is no {known[name].__name__}.")
    return options
