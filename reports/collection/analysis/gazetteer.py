"""Find places that a text names: streets, crossings, squares and parts of the city.

The names are those of `NamedPlace` (`manage.py load_gazetteer`) and of the areas. A longer name
wins over a shorter one inside it. A name of one word counts only where it has a capital letter, or
every "north" would be North.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from jobs.ledger.database import fetch
from jobs.remembered import Remembered
from reports.duplicates.scoring import METRES_PER_DEGREE
from reports.geography.polygons import Polygons, PolygonsInvalid
from reports.models import Area, NamedPlace, Precision

CHECK_SECONDS = 5.0  # between two looks at whether the names have changed
LONGEST_NAME_WORDS = 7
CROSSING_METRES = 30.0
LONGEST_TEXT_CHARACTERS = 5_000
_WORD = re.compile(r"\w+(?:['’]\w+)*")
#: Short forms of the last word of a name, and of its first.
_LAST = {
    "st": "street", "ave": "avenue", "av": "avenue", "rd": "road", "blvd": "boulevard",
    "dr": "drive", "ln": "lane", "ct": "court", "pl": "place", "sq": "square", "hwy": "highway",
    "pkwy": "parkway", "ter": "terrace", "str": "strasse",
}  # fmt: skip
_FIRST = {"st": "saint", "n": "north", "s": "south", "e": "east", "w": "west", "mt": "mount"}


@dataclass(frozen=True, slots=True)
class Located:
    """The place that a text names; `area_id` where it lies in an area, or names one."""

    name: str = ""
    precision: str = Precision.UNKNOWN
    latitude: float | None = None
    longitude: float | None = None
    area_id: int | None = None


@dataclass(frozen=True, eq=False)
class _Entry:
    """A name with its geometry."""

    name: str
    kind: str
    geometry: Any
    area_id: int | None = None

    @cached_property
    def shape(self) -> BaseGeometry:
        return shape(self.geometry)


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """All names, by their folded words, and the areas with their polygons."""

    names: dict[tuple[str, ...], _Entry]
    areas: Sequence[tuple[int, Polygons]]

    def locate(self, text: str) -> Located:
        """Return the most exact place that the text names."""
        named = list(dict.fromkeys(self._mentions(text[:LONGEST_TEXT_CHARACTERS])))
        streets = [entry for entry in named if entry.kind == NamedPlace.Kind.STREET]
        areas = [entry for entry in named if entry.kind == NamedPlace.Kind.AREA]
        if crossing := _crossing(streets):
            return self._at(crossing[0], Precision.CROSSING, crossing[1])
        for entry in named:
            if entry.kind == NamedPlace.Kind.PLACE:
                return self._at(entry.name, Precision.PLACE, entry.shape.representative_point())
        if streets:
            return self._at(streets[0].name, Precision.STREET, _middle(streets[0], areas))
        if areas:
            return Located(areas[0].name, Precision.AREA, area_id=areas[0].area_id)
        return Located()

    def area_at(self, latitude: float, longitude: float) -> int | None:
        """Return the id of the first area, by name, that covers a point."""
        covering = (pk for pk, polygons in self.areas if polygons.covers(latitude, longitude))
        return next(covering, None)

    def _at(self, name: str, precision: str, point: BaseGeometry) -> Located:
        latitude, longitude = float(point.y), float(point.x)
        return Located(name, precision, latitude, longitude, self.area_at(latitude, longitude))

    def _mentions(self, text: str) -> Iterator[_Entry]:
        words = [match[0] for match in _WORD.finditer(text)]
        start = 0
        while start < len(words):
            for length in range(min(LONGEST_NAME_WORDS, len(words) - start), 0, -1):
                spelled = words[start : start + length]
                entry = self.names.get(folded(spelled))
                if entry is not None and (length > 1 or not spelled[0][0].islower()):
                    yield entry
                    start += length - 1
                    break
            start += 1


def folded(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a name in one spelling: `St. John St` becomes saint john street."""
    plain = [word.replace("’", "'").removesuffix("'s").casefold() for word in words]
    if len(plain) > 1:
        plain[0] = _FIRST.get(plain[0], plain[0])
        plain[-1] = _LAST.get(plain[-1], plain[-1])
    if plain and len(plain[-1]) > 5 and plain[-1].endswith("str"):
        plain[-1] += "asse"
    return tuple(plain)


def _crossing(streets: Sequence[_Entry]) -> tuple[str, BaseGeometry] | None:
    """Return the name and the point where two of the streets meet, the first two that do."""
    for one, other in combinations(streets[:6], 2):
        a, b = nearest_points(one.shape, other.shape)
        if a.distance(b) * METRES_PER_DEGREE <= CROSSING_METRES:
            return f"{one.name} / {other.name}", a
    return None


def _middle(street: _Entry, areas: Sequence[_Entry]) -> BaseGeometry:
    """Return the middle of the street, of its part in an area that the text names as well."""
    line = street.shape
    for area in areas:
        inside = line.intersection(area.shape)
        if not inside.is_empty:
            line = inside
            break
    parts = getattr(line, "geoms", [line])
    longest = max(parts, key=lambda part: part.length)
    if longest.geom_type == "LineString":
        return longest.interpolate(0.5, normalized=True)
    return longest.representative_point()


# --- The names of this process -------------------------------------------------------------------


@lru_cache(maxsize=1)
def _of_version(_version: str) -> Gazetteer:
    return _read()


# The names are read anew only where they have changed.
kept = Remembered(lambda: _of_version(_version()), seconds=CHECK_SECONDS)
current = kept.get


def _version() -> str:
    """Return a text that changes with each change of a name or an area."""
    [(digest,)] = fetch(
        "SELECT md5(concat((SELECT string_agg(concat_ws(' ', id, xmin, ctid), '|' ORDER BY id)"
        " FROM reports_namedplace), '/', (SELECT string_agg(concat_ws(' ', id, xmin, ctid), '|'"
        " ORDER BY id) FROM reports_area)))",
        (),
    )
    return str(digest)


def _read() -> Gazetteer:
    names: dict[tuple[str, ...], _Entry] = {}
    areas: list[tuple[int, Polygons]] = []
    for place in NamedPlace.objects.order_by("pk"):
        names.setdefault(folded(_WORD.findall(place.name)), _entry_of(place))
    for area in Area.objects.order_by("name"):
        try:
            polygons = area.shape()
        except PolygonsInvalid:
            continue
        areas.append((area.pk, polygons))
        entry = _Entry(area.name, NamedPlace.Kind.AREA, polygons.shape.__geo_interface__, area.pk)
        names[folded(_WORD.findall(area.name))] = entry
    names.pop((), None)
    return Gazetteer(names, areas)


def _entry_of(place: NamedPlace) -> _Entry:
    return _Entry(place.name, place.kind, place.geometry)


# --- Loading a file ------------------------------------------------------------------------------

_KINDS = {
    "LineString": NamedPlace.Kind.STREET,
    "MultiLineString": NamedPlace.Kind.STREET,
    "Point": NamedPlace.Kind.PLACE,
    "MultiPoint": NamedPlace.Kind.PLACE,
    "Polygon": NamedPlace.Kind.AREA,
    "MultiPolygon": NamedPlace.Kind.AREA,
}


def load(document: Any, *, property_name: str = "name") -> int:
    """Replace all names by the features of a GeoJSON FeatureCollection; return how many there are.

    Lines are streets, points are places, polygons are parts of the city. Several features with one
    name are one street.

    Raises:
        ValueError: it is no FeatureCollection, or a feature is invalid; the message says which.
    """
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise ValueError("It is no GeoJSON FeatureCollection.")
    shapes: dict[tuple[str, str], list[BaseGeometry]] = defaultdict(list)
    for number, feature in enumerate(document.get("features") or [], start=1):
        named = _named_shape(feature, property_name, number)
        if named is not None:
            shapes[named[:2]].append(named[2])
    places = [
        NamedPlace(name=name, kind=kind, geometry=_joined(parts).__geo_interface__)
        for (name, kind), parts in shapes.items()
    ]
    NamedPlace.objects.all().delete()
    NamedPlace.objects.bulk_create(places, batch_size=1000)
    return len(places)


def _named_shape(
    feature: Any, property_name: str, number: int
) -> tuple[str, str, BaseGeometry] | None:
    """Return name, kind and shape of a feature; None if it has no name."""
    try:
        name = str((feature.get("properties") or {}).get(property_name) or "").strip()
        geometry = feature.get("geometry") or {}
        kind = _KINDS.get(str(geometry.get("type")))
        if not name or kind is None:
            return None
        read = shape(geometry)
    except (
        AttributeError,
        TypeError,
        ValueError,
        IndexError,
        shapely.errors.ShapelyError,
    ) as error:
        raise ValueError(f"Feature {number} is invalid: {error}.") from error
    west, south, east, north = read.bounds if not read.is_empty else (200, 200, 200, 200)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError(f"Feature {number} ({name[:60]}) is not in degrees of WGS 84.")
    return name[:200], kind, read


def _joined(parts: Sequence[BaseGeometry]) -> BaseGeometry:
    if len(parts) == 1:
        return parts[0]
    joined = shapely.union_all(list(parts))
    return shapely.line_merge(joined) if joined.geom_type == "MultiLineString" else joined
