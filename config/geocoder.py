"""The geocoder that gives reports their address, as the settings choose it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

#: The services of geopy that find the address of a place, and take these options.
SERVICES = ("nominatim", "photon", "pelias", "opencage")
#: Those that can be given a key, those that answer nobody without one, and those that have no
#: public server.
TAKE_KEY, NEED_KEY, NEED_URL = {"pelias", "opencage"}, {"opencage"}, {"pelias"}


def options(service: str, *, url: str, key: str, user_agent: str, timeout: float) -> dict[str, Any]:
    """Return the options with which geopy's class for this service is made; none without one.

    Raises:
        ImproperlyConfigured: something is missing or does not fit, or geopy is not installed.
    """
    if not service:
        return {}
    if service in NEED_KEY and not key:
        raise ImproperlyConfigured(f"GEOCODER is {service}, but GEOCODER_KEY is not set.")
    if service in NEED_URL and not url:
        raise ImproperlyConfigured(f"GEOCODER is {service}, but GEOCODER_URL names no server.")
    if find_spec("geopy") is None:
        raise ImproperlyConfigured(
            f"GEOCODER is {service}, but geopy is not installed: "
            "pip install -r requirements-geocoder.txt, or build the image with --build-arg "
            "GEOCODER=on."
        )
    chosen = {"user_agent": user_agent, "timeout": timeout} | _server(url)
    return chosen | ({"api_key": key} if service in TAKE_KEY and key else {})


def _server(url: str) -> dict[str, str]:
    """Return the scheme, and the host with port and path, of the server's address."""
    if not url:
        return {}
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address or parts.username or parts.query or parts.fragment:
        raise ImproperlyConfigured(
            f"GEOCODER_URL is no address such as https://nominatim.example.org: {url!r}."
        )
    return {"scheme": parts.scheme, "domain": parts.netloc + parts.path.rstrip("/")}
