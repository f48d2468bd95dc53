"""The languages of the public pages, and the one in which a reader gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_info, get_supported_language_variant

from jobs.remembered import Remembered
from reports.catalogue.texts import preferred

COOKIE = "language"
COOKIE_SECONDS = 365 * 24 * 3600
OWN_LOCALE = Path(__file__).parent / "locale"
#: How long a process uses the list of translations that it has found.
KEPT_SECONDS = 60


def offered() -> list[str]:
    """Return the city's own language, and those into which its texts are translated."""
    return _offered.get()


def of_request(request: HttpRequest) -> str:
    """Return the language that the reader chose, else the one that their browser prefers."""
    chosen = request.COOKIES.get(COOKIE, "")
    languages = offered()
    if chosen in languages:
        return chosen
    accepted = request.headers.get("Accept-Language", "")
    return preferred(accepted, languages, default=settings.LANGUAGE_CODE)


def choices() -> list[dict[str, Any]]:
    """Return the languages for the switcher, each by its own name; none if there is only one."""
    languages = offered()
    return [dict(get_language_info(one)) for one in languages] if len(languages) > 1 else []


def _translated() -> list[str]:
    folders = [OWN_LOCALE, *map(Path, settings.LOCALE_PATHS)]
    catalogues = [path for folder in folders for path in folder.glob("*/LC_MESSAGES/django.mo")]
    tags = {path.parent.parent.name.replace("_", "-").lower() for path in catalogues}
    return [settings.LANGUAGE_CODE, *sorted(filter(_is_known, tags - {settings.LANGUAGE_CODE}))]


def _is_known(tag: str) -> bool:
    """Return whether Django knows the language, and so how its dates and numbers are written."""
    try:
        return get_supported_language_variant(tag, strict=True) == tag
    except LookupError:
        return False


_offered = Remembered(_translated, seconds=KEPT_SECONDS)
