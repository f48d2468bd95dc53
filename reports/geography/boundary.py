"""The boundary of the city: which places it serves, and which authority serves those beyond."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from jobs.remembered import Remembered
from reports.errors import BoundaryInvalid, OutsideBoundary
from reports.geography import polygons
from reports.geography.polygons import Polygons, PolygonsInvalid
from reports.models import Authority

#: How long a process uses the boundary that it has read.
KEPT_SECONDS = 60
NAME_MAX_CHARACTERS, URL_MAX_CHARACTERS = 120, 300


@dataclass(frozen=True)
class Served:
    """An authority and the polygons it serves."""

    name: str
    url: str
    shape: Polygons


@dataclass(frozen=True)
class Boundary:
    """The city's own polygons, none where it set no boundary, and its neighbours."""

    own: list[Served]
    neighbours: list[Served]

    def require_inside(self, latitude: float, longitude: float) -> None:
        """Check that the city serves a place; degrees in WGS 84.

        Raises:
            OutsideBoundary: it does not; the error names the neighbour that does, if one is known.
        """
        if not self.own or any(
            authority.shape.covers(latitude, longitude) for authority in self.own
        ):
            return
        beyond = (
            authority
            for authority in self.neighbours
            if authority.shape.covers(latitude, longitude)
        )
        neighbour = next(beyond, None)
        raise OutsideBoundary(
            neighbour.name if neighbour else "", neighbour.url if neighbour else ""
        )


def require_inside(latitude: float, longitude: float) -> None:
    """Check that the city serves a place. Raises OutsideBoundary."""
    kept.get().require_inside(latitude, longitude)


def load(document: Any, *, is_own: bool, name: str = "", is_dry_run: bool = False) -> list[str]:
    """Store authorities from GeoJSON; return the changes in words, none where all is there already.

    Each feature has `name` and `url` among its properties. The city's own may be one geometry, with
    `name`. Authorities of the same kind that the document leaves out are removed.

    Raises:
        BoundaryInvalid: a feature has no name or no polygons, or a name is there twice.
    """
    authorities = dict(_authorities(document, name))
    with transaction.atomic():
        stored = {
            authority.name: authority for authority in Authority.objects.filter(is_own=is_own)
        }
        changes = list(_changes(stored, authorities))
        if not is_dry_run and changes:
            _replace(authorities, is_own=is_own)
    kept.forget()
    return sorted(changes, key=lambda line: line[2:])


def _changes(
    stored: Mapping[str, Authority], authorities: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name in stored.keys() - authorities.keys():
        yield f"- {name}"
    for name, fields in authorities.items():
        if name not in stored:
            yield f"+ {name}"
        elif any(getattr(stored[name], field) != value for field, value in fields.items()):
            yield f"~ {name}"


def _replace(authorities: Mapping[str, Mapping[str, Any]], *, is_own: bool) -> None:
    Authority.objects.filter(is_own=is_own).exclude(name__in=authorities).delete()
    for name, fields in authorities.items():
        values = {**fields, "updated_at": Now()}
        Authority.objects.update_or_create(name=name, is_own=is_own, defaults=values)


def _read() -> Boundary:
    own: list[Served] = []
    neighbours: list[Served] = []
    for authority in Authority.objects.order_by("name"):
        served = Served(authority.name, authority.url, polygons.parse(authority.polygons))
        (own if authority.is_own else neighbours).append(served)
    return Boundary(own, neighbours)


kept = Remembered(_read, seconds=KEPT_SECONDS)


def _authorities(document: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    seen = set()
    for number, feature in enumerate(_features(document), start=1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        facts = properties if isinstance(properties, dict) else {}
        title = str(name or facts.get("name") or "").strip()[:NAME_MAX_CHARACTERS]
        if not title:
            raise BoundaryInvalid(f"Feature {number} has no name.")
        if title in seen:
            raise BoundaryInvalid(f"{title} is there twice.")
        seen.add(title)
        url = str(facts.get("url") or "")[:URL_MAX_CHARACTERS]
        if url and not url.startswith(("https://", "http://")):
            raise BoundaryInvalid(f"{title}: {url!r} is no address of a web page.")
        try:
            polygons.parse(feature)
        except PolygonsInvalid as error:
            raise BoundaryInvalid(f"{title}: {error}") from error
        yield title, {"url": url, "polygons": feature}


def _features(document: Any) -> list[Any]:
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or not features:
            raise BoundaryInvalid("There is no feature in it.")
        return features
    return [document]
