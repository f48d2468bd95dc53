"""The boundary of the city: what is refused, whom the refusal names, and how it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from reports.models import Authority, Report
from tests.reports.factories import new_report

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"


def square(west: float, south: float, **properties: str) -> dict[str, Any]:
    ring = [
        [west, south],
        [west + 1, south],
        [west + 1, south + 1],
        [west, south + 1],
        [west, south],
    ]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


CITY = square(-73.5, 41, name="Elm Harbor")
EAST = square(-72.5, 41, name="Eastport", url="https://eastport.example/report")


def write(folder: Path, name: str, document: Any) -> str:
    file = folder / name
    file.write_text(json.dumps(document))
    return str(file)


def test_without_a_boundary_every_place_is_served(api: APIClient) -> None:
    assert api.post(URL, new_report(latitude=-33.8, longitude=151.2)).status_code == 201


def test_a_place_outside_is_refused_and_the_neighbour_is_named(
    api: APIClient, tmp_path: Path
) -> None:
    around = {"type": "FeatureCollection", "features": [EAST]}
    call_command(
        "load_boundary",
        write(tmp_path, "city", CITY),
        neighbours=Path(write(tmp_path, "around", around)),
    )
    assert api.post(URL, new_report(latitude=41.3, longitude=-72.9)).status_code == 201
    answer = api.post(URL, new_report(latitude=41.3, longitude=-72.1))
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/outside-boundary")
    assert answer.json()["authority"] == {
        "name": "Eastport",
        "url": "https://eastport.example/report",
    }
    assert "Eastport serves it: https://eastport.example/report" in answer.json()["detail"]
    far = api.post(URL, new_report(latitude=0, longitude=0)).json()
    assert far["authority"] is None
    assert Report.objects.count() == 1


def test_loading_is_repeatable_and_a_dry_run_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = write(tmp_path, "city", CITY)
    call_command("load_boundary", city, dry_run=True)
    assert "+ Elm Harbor" in capsys.readouterr().out
    assert not Authority.objects.exists()
    for said in ("+ Elm Harbor", "Nothing to change."):
        call_command("load_boundary", city)
        assert said in capsys.readouterr().out
    call_command("load_boundary", write(tmp_path, "city", square(-74, 41, name="Elm Harbor")))
    assert "~ Elm Harbor" in capsys.readouterr().out
    call_command("load_boundary", write(tmp_path, "city", square(-74, 41, name="Elm")))
    assert set(Authority.objects.values_list("name", "is_own")) == {("Elm", True)}


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"type": "Point", "coordinates": [0, 0]}, "has no name"),
        (square(0, 0), "has no name"),
        ({"type": "Feature", "properties": {"name": "A"}, "geometry": None}, "A: Expected GeoJSON"),
        ({"type": "FeatureCollection", "features": []}, "no feature"),
        ({"type": "FeatureCollection", "features": [CITY, CITY]}, "there twice"),
        (square(0, 0, name="A", url="javascript:alert(1)"), "no address"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(document: Any, fault: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=fault):
        call_command("load_boundary", write(tmp_path, "city", document))
    assert not Authority.objects.exists()


def test_a_place_corrected_to_the_outside_is_refused_too(api: APIClient, tmp_path: Path) -> None:
    call_command("load_boundary", write(tmp_path, "city", CITY))
    made = api.post(URL, new_report(latitude=41.3, longitude=-72.9)).json()
    url, token = f"{URL}{made['id']}/", {"X-Tracking-Token": made["tracking_token"]}
    answer = api.patch(url, {"latitude": 41.3, "longitude": -72.1}, headers=token)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/outside-boundary")
    assert api.get(url, headers=token).json()["longitude"] == -72.9
    assert api.patch(url, {"latitude": 41.3, "longitude": -72.95}, headers=token).status_code == 200
