"""Polygons: what is read, which points they cover, and what each fault says."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from reports.geography import polygons
from reports.geography.boxes import BoundingBox
from reports.geography.polygons import POSITIONS_MAXIMUM, PolygonsInvalid
from reports.models import Area
from tests.reports.factories import make_user

BACKEND = "accounts.backends.StaffBackend"
SQUARE = [[-73, 41], [-72, 41], [-72, 42], [-73, 42], [-73, 41]]
HOLE = [[-72.6, 41.4], [-72.4, 41.4], [-72.4, 41.6], [-72.6, 41.6], [-72.6, 41.4]]
ISLAND = [[-71, 41], [-70, 41], [-70.5, 41.5], [-71, 41]]
BOW = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]


def polygon(*rings: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings), **more}


def feature(geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


TWO = {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [ISLAND]]}


@pytest.mark.parametrize(
    "document",
    [TWO, feature(TWO), collection(feature(polygon(SQUARE, HOLE)), feature(polygon(ISLAND)))],
)
def test_points_inside_and_on_the_border_are_covered(document: Any) -> None:
    shape = polygons.parse(document)
    assert shape.box == BoundingBox(-73, 41, -70, 42)
    for latitude, longitude, inside in [
        (41.2, -72.9, True),
        (41, -72.5, True),  # the border
        (42, -72, True),  # a corner
        (41.5, -72.5, False),  # the hole
        (41.4, -72.5, True),  # the border of the hole
        (41.2, -70.5, True),  # the island
        (41.2, -71.5, False),
        (-41.2, -72.9, False),
    ]:
        assert shape.covers(latitude, longitude) is inside, (latitude, longitude)


def test_polygons_that_overlap_cover_what_each_covers() -> None:
    inner = [[-72.7, 41.3], [-72.3, 41.3], [-72.3, 41.7], [-72.7, 41.7], [-72.7, 41.3]]
    shape = polygons.parse(collection(feature(polygon(SQUARE, HOLE)), feature(polygon(inner))))
    assert shape.covers(41.5, -72.5)


def test_a_third_coordinate_and_wgs84_by_its_older_name_are_taken() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert polygons.parse(polygon([[*at, 12.5] for at in SQUARE], crs=crs)).covers(41.5, -72.5)


def test_many_threads_ask_at_once() -> None:
    ring = [
        [math.cos(part * math.tau / 20_000), math.sin(part * math.tau / 20_000)]
        for part in range(20_000)
    ]
    shape = polygons.parse(polygon([*ring, ring[0]]))
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda n: shape.covers(n % 3 - 1, 0.01), range(2_000))
    assert sum(answers) == len([n for n in range(2_000) if n % 3 == 1])


FAULTS = {
    "nothing": ({}, "Expected GeoJSON of type Polygon"),
    "a text": ("Polygon", "Expected GeoJSON of type Polygon"),
    "another type": ({"type": "Point", "coordinates": [1, 2]}, "not 'Point'"),
    "no coordinates": ({"type": "Polygon"}, "Coordinates: expected a list."),
    "no ring": (polygon(), "The polygon has no ring."),
    "no feature": (collection(), "There is no polygon in it."),
    "a bare geometry among features": (collection(polygon(SQUARE)), "Feature 1 is no Feature."),
    "a point among features": (
        collection(feature(polygon(SQUARE)), feature({"type": "Point"})),
        "not 'Point' (feature 2)",
    ),
    "a feature in a feature": (feature(feature(polygon(SQUARE))), "not 'Feature'"),
    "not closed": (polygon(SQUARE[:-1]), "Ring 1 is not closed"),
    "too short": (polygon(SQUARE[:2]), "Ring 1 has fewer than four positions."),
    "latitude first": (
        polygon([[95, -173], *SQUARE]),
        "Ring 1, position 1 is out of range: 95, -173. GeoJSON writes the longitude first.",
    ),
    "a position of texts": (polygon([["-73", "41"], *SQUARE]), "expected [longitude, latitude]"),
    "a position of truths": (polygon([[True, False], *SQUARE]), "expected [longitude, latitude]"),
    "not finite": (polygon([[math.nan, 41], *SQUARE]), "Ring 1, position 1 is not finite."),
    "a huge number": (polygon([[10**400, 41], *SQUARE]), "Ring 1, position 1 is not finite."),
    "crossing itself": (
        collection(feature(polygon(SQUARE)), feature(polygon(BOW))),
        "Feature 2, the polygon is not valid: Self-intersection[0.5 0.5].",
    ),
    "without extent": (polygon([[0, 0], [1, 1], [0, 0], [0, 0]]), "The polygon is not valid"),
    "another system": (
        polygon(SQUARE, crs={"properties": {"name": "EPSG:3857"}}),
        "Its coordinates are in 'EPSG:3857'",
    ),
    "too many positions": (
        polygon([SQUARE[0]] * (POSITIONS_MAXIMUM + 1)),
        "more than 50,000 positions",
    ),
    "too many in parts": (
        {"type": "MultiPolygon", "coordinates": [[SQUARE]] * (POSITIONS_MAXIMUM // 5 + 1)},
        "more than 50,000 positions",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place(fault: str) -> None:
    document, message = FAULTS[fault]
    with pytest.raises(PolygonsInvalid) as raised:
        polygons.parse(document)
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe\x00", "[" * 100_000])
def test_a_file_that_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(PolygonsInvalid, match="It is no JSON"):
        polygons.parse_text(text)


def test_a_model_refuses_what_cannot_be_used() -> None:
    area = Area(name="North", polygons=polygon(SQUARE[:-1]))
    with pytest.raises(ValidationError) as refused:
        area.clean_fields()
    assert refused.value.message_dict == {
        "polygons": ["Ring 1 is not closed: its last position must be its first."]
    }


def test_the_admin_draws_an_area_and_names_a_fault(client: Client, db: None) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True), backend=BACKEND)
    url = "/admin/reports/area/add/"
    refused = client.post(url, {"name": "North", "polygons": json.dumps(polygon(BOW))})
    assert "The polygon is not valid: Self-intersection" in refused.content.decode()
    client.post(url, {"name": "North", "polygons": json.dumps(TWO)})
    listed = client.get("/admin/reports/area/").content.decode()
    assert listed.count('aria-label="Outline of the area"') == 1
    assert listed.count("Z M") == 2  # three rings
