"""Ask the geocoder for the address of a place, or the other way round: through geopy."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings

from jobs.execution import breakers
from jobs.ledger.database import persistently
from jobs.plain_text import one_line
from reports.errors import GeocoderRefused, GeocoderUnavailable
from reports.models import ADDRESS_MAX_CHARACTERS

BREAKER = "geocoder"


def address_at(latitude: float, longitude: float) -> str:
    """Return the address of a place in degrees (WGS 84) on one line, or "" if it has none.

    Takes at least the time that GEOCODER_REQUESTS_PER_SECOND leaves for one request, so that calls
    one after the other keep to it.

    Raises:
        Postponed: the geocoder's breaker is open.
        GeocoderUnavailable: it did not answer, asked for a pause, or answered nonsense.
        GeocoderRefused: it refused the question.
    """
    location = _in_turn(lambda one: one.reverse((latitude, longitude), **_language()))
    return _fitting(one_line(str(location.address or ""))) if location else ""


def place_of(address: str) -> tuple[float, float] | None:
    """Return the place of an address in degrees (WGS 84), latitude first; None if it has none.

    Takes time and raises as `address_at`.
    """
    location = _in_turn(lambda one: one.geocode(address, **_language()))
    return (float(location.latitude), float(location.longitude)) if location else None


def _language() -> dict[str, Any]:
    languages = {"language": settings.GEOCODER_LANGUAGE} if settings.GEOCODER_LANGUAGE else {}
    return {"exactly_one": True, **languages}


def _in_turn(question: Callable[[Any], Any]) -> Any:
    """Return the geocoder's answer to a question, past its breaker and at the allowed pace."""
    permit = breakers.admit(BREAKER)
    started = time.monotonic()
    try:
        location = _ask(question)
    except GeocoderUnavailable as error:
        breakers.failed(permit, str(error), retry_after=error.retry_after)
        raise
    except GeocoderRefused:
        breakers.succeeded(permit)
        raise
    persistently(lambda: breakers.succeeded(permit))
    pause = 1 / settings.GEOCODER_REQUESTS_PER_SECOND
    time.sleep(max(0.0, started + pause - time.monotonic()))
    return location


def _ask(question: Callable[[Any], Any]) -> Any:
    """Return the geocoder's answer, None where it knows nothing. Raises as `address_at`."""
    from geopy import exc  # noqa: PLC0415 - an extra; only workers with a geocoder load it

    try:
        return question(_geocoder())
    except exc.GeocoderRateLimited as error:
        pause = timedelta(seconds=error.retry_after) if error.retry_after else None
        raise GeocoderUnavailable("The geocoder asked for a pause.", retry_after=pause) from error
    except exc.GeocoderQueryError as error:
        raise GeocoderRefused from error
    # Of an answer that is not what its protocol says, geopy reads whatever it finds.
    except (exc.GeopyError, OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        message = f"The geocoder gave no usable answer: {type(error).__name__}."
        raise GeocoderUnavailable(message) from error


def _fitting(address: str) -> str:
    """Return the address, of one that is too long only the first parts."""
    if len(address) <= ADDRESS_MAX_CHARACTERS:
        return address
    cut = address[:ADDRESS_MAX_CHARACTERS]
    return (cut.rpartition(",")[0] or cut).strip()


def _geocoder() -> Any:
    chosen = tuple(sorted(settings.GEOCODER_OPTIONS.items()))
    return _made(settings.GEOCODER, chosen)


@lru_cache(maxsize=1)
def _made(service: str, chosen: tuple[tuple[str, Any], ...]) -> Any:
    from geopy.adapters import URLLibAdapter  # noqa: PLC0415 - an extra
    from geopy.geocoders import get_geocoder_for_service  # noqa: PLC0415

    return get_geocoder_for_service(service)(**dict(chosen), adapter_factory=URLLibAdapter)
