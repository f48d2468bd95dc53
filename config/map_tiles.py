"""The tiles behind the desk's map: read from the environment, and allowed by the pages' policy."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_PLACEHOLDERS = ("{z}", "{x}", "{y}")


def origin(url: str, attribution: str) -> str:
    """Return the origin of the tiles as a Content-Security-Policy names it; "" without tiles.

    Raises:
        ImproperlyConfigured: the address or the attribution cannot be used.
    """
    if not url:
        return ""
    if missing := [name for name in _PLACEHOLDERS if name not in url]:
        raise ImproperlyConfigured(f"MAP_TILES_URL has no {' and no '.join(missing)}: {url!r}.")
    if not attribution:
        raise ImproperlyConfigured(
            "MAP_TILES_URL is set, but MAP_TILES_ATTRIBUTION does not say whose the tiles are."
        )
    host = _host(url)
    if not host:
        raise ImproperlyConfigured(
            "MAP_TILES_URL is no address such as https://tiles.example.org/{z}/{x}/{y}.png: "
            f"{url!r}."
        )
    return host


def _host(url: str) -> str:
    """Return scheme, host and port of an address, whose first label may be `{s}`; "" if none."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    name = (parts.hostname or "").removeprefix("{s}.")
    is_host = bool(name) and all(part.replace("-", "").isalnum() for part in name.split("."))
    if parts.scheme not in {"http", "https"} or not is_host or "@" in parts.netloc:
        return ""
    wildcard = "*." if (parts.hostname or "").startswith("{s}.") else ""
    return f"{parts.scheme}://{wildcard}{name}{port}"
