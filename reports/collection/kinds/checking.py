"""Checking the addresses and options of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from jobs.errors import AddressRefused
from jobs.http import addresses
from reports.collection.kinds.protocol import SourceMisconfigured
from reports.models import Source


def require_address(source: Source) -> None:
    """Check that the address of the source is a URL with http or https that may be called.

    A name is resolved, and its addresses are checked, at each call.

    Raises:
        SourceMisconfigured: it is no such URL, holds a password, or has a private IP address.
    """
    parts = _parsed(source.address)
    if parts is None or not parts.hostname:
        raise SourceMisconfigured("The address must be a URL with http:// or https://.")
    if parts.username is not None:
        raise SourceMisconfigured(
            "The address must hold no password: it is shown at the desk and in the audit log."
        )
    if _is_refused(parts.hostname):
        raise SourceMisconfigured(str(AddressRefused()))


def _parsed(address: str) -> SplitResult | None:
    """Return the parts of an address with http or https; None where it is none."""
    if any(character.isspace() for character in address):
        return None
    try:
        parts = urlsplit(address)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if is_port and parts.scheme in ("http", "https") else None


def _is_refused(host: str) -> bool:
    """Return whether the host is an IP address that may not be called."""
    try:
        return not addresses.is_allowed(host)
    except ValueError:  # a name
        return False


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
