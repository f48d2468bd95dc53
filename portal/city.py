"""The city behind the maps of the public pages, as JSON, and what the maps need to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from jobs.remembered import Remembered
from reports.geography import background
from reports.geography.background import STREETS_ZOOM

CACHING_SECONDS = 300
CACHING = f"public, max-age={CACHING_SECONDS}"
#: Tiles of streets that a process keeps, of up to a megabyte each: drawing one takes long.
TILES_KEPT = 64
_ANY = 10**6  # stands for the numbers that the script puts into an address


@require_safe
def outlines_view(_request: HttpRequest) -> HttpResponse:
    """Return the outlines of the city and its areas as GeoJSON."""
    return JsonResponse(background.outlines(), headers={"Cache-Control": CACHING})


@require_safe
def streets_view(_request: HttpRequest, x: int, y: int) -> HttpResponse:
    """Return the named streets and places of a tile at zoom STREETS_ZOOM as GeoJSON."""
    content = _tiles.get().get((x, y)) or _drawn(x, y)
    headers = {"Cache-Control": CACHING}
    return HttpResponse(content, content_type="application/json", headers=headers)


def _drawn(x: int, y: int) -> bytes:
    """Return a tile as it is sent; it is kept if there is anything on it, and space."""
    streets, kept = background.streets(x, y), _tiles.get()
    content = json.dumps(streets).encode()
    if streets["features"] and len(kept) < TILES_KEPT:
        kept[x, y] = content
    return content


def _no_tiles() -> dict[tuple[int, int], bytes]:
    return {}


_tiles = Remembered(_no_tiles, seconds=CACHING_SECONDS)


def map_settings(points: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return what the script of the maps reads: points to show, the city behind them, tiles."""
    streets = reverse("portal-streets", args=[_ANY, _ANY + 1])
    return {
        "points": list(points),
        "bounds": background.bounds(),
        "outlines": reverse("portal-outlines"),
        "streets": streets.replace(str(_ANY + 1), "{y}").replace(str(_ANY), "{x}"),
        "streetsZoom": STREETS_ZOOM,
        "tiles": settings.MAP_TILES_URL,
        "attribution": settings.MAP_TILES_ATTRIBUTION,
    }
