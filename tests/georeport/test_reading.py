"""Reading by Open311: discovery, services, definitions, requests, in both formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import cycle
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from config.serving import answers, uploads
from georeport.models import Catalogue
from jobs.ledger import database
from reports.catalogue.questions import ask
from reports.models import Answer, Category, Report, Status, StatusChange
from tests.georeport.asking import BASE, get, refusals
from tests.reports.factories import make_category, make_report
from tests.reports.photos import make_photo

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def listed(query: str = "") -> list[dict[str, Any]]:
    answer = get(f"requests.json?{query}")
    assert answer.status_code == 200, answer.content
    shown: list[dict[str, Any]] = answer.json()
    return shown


def ids(query: str = "") -> list[str]:
    return [one["service_request_id"] for one in listed(query)]


def make_request(**fields: Any) -> Report:
    return make_report(**({"category": make_category()} | fields))


def test_discovery_lists_a_production_and_a_test_endpoint(settings: Any) -> None:
    settings.OPEN311_CONTACT = "Ask <it@example.org> & co"
    answer = get("discovery.json")
    assert answer["Content-Type"] == "application/json"
    document = answer.json()
    assert list(document) == ["changeset", "contact", "key_service", "endpoints"]
    assert [one["type"] for one in document["endpoints"]] == ["production", "test"]
    first = document["endpoints"][0]
    assert list(first) == ["specification", "url", "changeset", "type", "formats"]
    assert first["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert first["url"] == "http://testserver/open311/v2"
    assert first["formats"] == ["text/xml", "application/json"]
    answer = get("discovery.xml")
    assert answer["Content-Type"] == "text/xml"
    assert answer.content.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    root = ET.fromstring(answer.content)
    assert root.findtext("contact") == "Ask <it@example.org> & co"
    assert root.findtext("endpoints/endpoint/formats/format") == "text/xml"
    assert Client().get("/open311/discovery.xml").content == answer.content


def test_the_changeset_of_discovery_is_when_services_or_definitions_changed() -> None:
    def changeset() -> datetime:
        Catalogue.objects.update(changed_at=F("changed_at") - DAY)  # so that a new one differs
        shown = get("discovery.json").json()
        [changed] = {shown["changeset"], *(one["changeset"] for one in shown["endpoints"])}
        return datetime.fromisoformat(changed)

    first = changeset()
    assert database.now() - first < timedelta(minutes=1)
    assert changeset() == first - DAY
    pothole = make_category()
    changes: list[Callable[[], Any]] = [
        lambda: Category.objects.update(name="Hole"),
        lambda: Category.objects.update(translations={"es": {"name": "Bache"}}),
        lambda: ask(pothole, "depth", {"label": "How deep?"}),
        lambda: ask(pothole, "depth", {"label": "How deep in cm?"}),
        lambda: Category.objects.update(is_active=False),
    ]
    make_report(category=pothole)
    changeset()
    for change in changes:
        before = changeset()
        change()
        assert changeset() > before


def test_services_are_the_active_categories_in_the_readers_language() -> None:
    group = make_category("lights").group_id
    assert group is None
    make_category("old", is_active=False)
    ask(make_category("pothole", keywords=["hole", "road"], translations={"es": {"name": "Bache"}}),
        "depth", {"label": "How deep?"})  # fmt: skip
    lights, pothole = get("services.json").json()
    assert list(pothole) == [
        "service_code", "service_name", "description", "metadata", "type", "keywords", "group",
    ]  # fmt: skip
    assert (pothole["service_code"], pothole["service_name"]) == ("pothole", "Pothole")
    assert (pothole["metadata"], lights["metadata"]) == (True, False)
    assert (pothole["keywords"], pothole["type"]) == ("hole, road", "realtime")
    spanish = get("services.xml", accept_language="es-MX,en;q=0.5")
    assert "Accept-Language" in spanish["Vary"]
    service = ET.fromstring(spanish.content).findall("service")[1]
    assert service.findtext("service_name") == "Bache"
    assert (service.findtext("metadata"), service.findtext("group")) == ("true", "")


def test_a_definition_has_the_present_questions_in_order() -> None:
    pothole = make_category()
    ask(pothole, "depth", {"label": "How deep?", "type": "number", "position": 1})
    ask(pothole, "depth", {"label": "How deep in cm?", "is_required": True})
    values = [{"key": "road", "name": "Road", "translations": {"es": {"name": "Calle"}}}]
    where = {"label": "Where?", "type": "multivaluelist", "values": values, "position": 2}
    ask(pothole, "where", where)
    definition = get("services/pothole.json").json()
    assert definition == {
        "service_code": "pothole",
        "attributes": [
            {
                "variable": True,
                "code": "depth",
                "datatype": "number",
                "required": True,
                "datatype_description": None,
                "order": 1,
                "description": "How deep in cm?",
            },
            {
                "variable": True,
                "code": "where",
                "datatype": "multivaluelist",
                "required": False,
                "datatype_description": None,
                "order": 2,
                "description": "Where?",
                "values": [{"key": "road", "name": "Road"}],
            },
        ],
    }
    root = ET.fromstring(get("services/pothole.xml", accept_language="es").content)
    assert root.tag == "service_definition"
    assert root.findtext("attributes/attribute[2]/values/value/name") == "Calle"
    assert get("services/lights.json").status_code == 404


def test_a_request_has_every_field_of_the_protocol_in_its_order() -> None:
    at = timezone.now().replace(microsecond=0) - DAY
    report = make_request(
        status=Status.IN_PROGRESS, address="1 Main Street", due_at=at + 5 * DAY, created_at=at,
        title="T & <b>", description="Deep \x0b\u0001 <hole> & more",
    )  # fmt: skip
    StatusChange.objects.create(report=report, to_status="in_progress", note="We come.", at=at)
    StatusChange.objects.create(
        report=report, to_status="in_progress", note="Secret.", is_internal=True
    )
    photo = make_photo(report)
    [shown] = listed()
    moment = f"{at:%Y-%m-%dT%H:%M:%S}Z"
    assert shown.pop("updated_datetime").endswith("Z")
    assert shown == {
        "service_request_id": str(report.pk),
        "status": "open",
        "status_notes": "We come.",
        "service_name": "Pothole",
        "service_code": "pothole",
        "description": report.description,
        "agency_responsible": "Streets",
        "service_notice": None,
        "requested_datetime": moment,
        "expected_datetime": f"{at + 5 * DAY:%Y-%m-%dT%H:%M:%S}Z",
        "address": "1 Main Street",
        "address_id": None,
        "zipcode": None,
        "lat": 41.3,
        "long": -72.9,
        "media_url": f"http://testserver/api/v1/photos/{photo.pk}/large.jpg",
    }


def test_a_request_is_xml_too_and_is_sent_again_only_when_it_has_changed() -> None:
    report = make_request(description="Deep \x0b\u0001 <hole> & more")
    answer = get(f"requests/{report.pk}.xml")
    assert answer["Content-Type"] == "text/xml; charset=utf-8"
    [request] = ET.fromstring(answer.content)
    assert request.tag == "request"
    assert "<hole> & more" in (request.findtext("description") or "")
    assert request.findtext("zipcode") == ""
    assert answer["Access-Control-Allow-Origin"] == "*"
    again = get(f"requests/{report.pk}.xml", if_none_match=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again["Access-Control-Allow-Origin"] == "*"
    assert "max-age=60" in get("services.xml")["Cache-Control"]
    assert "no-cache" in answer["Cache-Control"]


def test_a_closed_request_was_updated_when_it_was_closed() -> None:
    closed_at = timezone.now().replace(microsecond=0) - 3 * DAY
    make_request(status=Status.DUPLICATE, closed_at=closed_at, description="é" * 5000)
    [shown] = listed("status=closed")
    assert shown["description"] == "é" * 3999 + "…"
    assert shown["updated_datetime"] == f"{closed_at:%Y-%m-%dT%H:%M:%S}Z"
    assert (shown["status"], shown["status_notes"]) == ("closed", "duplicate")


def test_only_public_requests_with_a_service_are_shown() -> None:
    hidden = make_request(published_at=None)
    uncertain = make_report()
    for report in (hidden, uncertain):
        assert refusals(get(f"requests/{report.pk}.json")) == [
            (404, f"service_request_id {report.pk} was not found.")
        ]
    assert listed() == []


def test_a_page_needs_one_statement(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        make_photo(make_request())
    with django_assert_num_queries(1):
        assert len(listed()) == 3


def test_extensions_show_photos_answers_and_the_detailed_status() -> None:
    pothole = make_category()
    question = ask(pothole, "depth", {"label": "How deep?", "type": "number"})
    report = make_request(category=pothole)
    Answer.objects.create(report=report, question=question, value=7.0)
    photos = [make_photo(report), make_photo(report)]
    [shown] = listed("extensions=true")
    assert shown["extended_attributes"] == {
        "title": "Deep hole",
        "detailed_status": "triaged",
        "severity": "medium",
        "attributes": [{"code": "depth", "description": "How deep?", "value": "7"}],
        "photos": [f"http://testserver/api/v1/photos/{one.pk}/large.jpg" for one in photos],
    }
    root = ET.fromstring(get("requests.xml?extensions=true").content)
    assert root.findtext("request/extended_attributes/attributes/attribute/value") == "7"


def test_filters_choose() -> None:
    now = database.now().replace(microsecond=500_000)
    fresh = make_request(created_at=now - DAY, updated_at=now - DAY)
    lights = {"category": make_category("lights"), "latitude": 10, "status": Status.RESOLVED}
    light = make_request(created_at=now - 2 * DAY, updated_at=now - 2 * DAY, **lights)
    old = make_request(created_at=now - 100 * DAY, updated_at=now - 100 * DAY)
    a, b, c = (str(one.pk) for one in (fresh, light, old))

    def at(days: int) -> str:
        return f"{now - days * DAY:%Y-%m-%dT%H:%M:%SZ}"

    expected = {
        "": [a, b],
        "status=&service_code=&start_date=&page=&api_key=x&unknown=1": [a, b],
        "status=open": [a],
        "status=CLOSED": [b],
        "status=open,closed": [a, b],
        "service_code=lights": [b],
        "service_code=lights, pothole": [a, b],
        f"service_request_id={c},{a},nothing&status=closed&service_code=nonsense": [a, c],
        f"start_date={at(2)}": [a, b],
        f"end_date={at(2)}": [b],
        f"end_date={at(20)}": [c],
        f"start_date={at(101)}&end_date={at(20)}": [c],
        "start_date=2026-01-01&end_date=2026-04-01": [],
        f"start_date={now - 2 * DAY:%Y-%m-%d}&end_date={now - 2 * DAY:%Y-%m-%d}": [b],
        f"start_date={quote((now - 2 * DAY).isoformat())}": [a, b],
        f"start_date={(now - 2 * DAY).isoformat()}": [a, b],
        "bbox=-73,9,-72,11": [b],
        "lat=10.0008&long=-72.9&radius=100": [b],
        "lat=10.001&long=-72.9&radius=100": [],
        "lat=10.005&long=-72.9": [b],
        "lat=41.3&long=-72.9&radius=100000": [a],
        f"lat=10&long=-72.9&service_request_id={a}": [a],
        f"updated_before={at(1)}": [b],
        f"updated_after={at(50)}&updated_before={at(1)}": [b],
        "page_size=1": [a],
        "page_size=1&page=2": [b],
        "page=2": [],
        f"updated_after={at(101)}": [a, b, c],
        f"updated_after={at(50)}": [a, b],
        f"updated_after={at(101)}&start_date={at(90)}": [a, b],
        "jurisdiction_id=testserver": [a, b],
        "jurisdiction_id=testserver:8000": [a, b],
    }
    assert {query: ids(query) for query in expected} == expected


@pytest.mark.parametrize("own", ["city.example", "www.City.example"])
def test_a_jurisdiction_is_named_with_and_without_www(own: str, settings: Any) -> None:
    settings.OPEN311_JURISDICTION_ID = own
    for asked in ("city.example", "WWW.city.example", own, "testserver"):
        assert get(f"services.json?jurisdiction_id={asked}").status_code == 200


ENORMOUS = "9" * 5000
REFUSED = [
    ("requests", "start_date=2026-01-01T00:00:00Z&end_date=2026-05-01T00:00:00Z", 400, "90 days"),
    ("requests", "start_date=2026-01-01T00:00:00Z&end_date=2026-04-01T00:00:01Z", 400, "90 days"),
    ("requests", "start_date=2026-05-02T00:00:00Z&end_date=2026-05-01T00:00:00Z", 400, "before"),
    *[
        ("requests", f"{name}={quote(text)}", 400, f"{name} must be a time")
        for name in ("start_date", "end_date", "updated_after")
        for text in ("yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "0000-00-00", "9999-12-31",
                     "0001-01-01T00:00:00+14:00", "20260101", "٢٠٢٦-01-01", ENORMOUS,
                     "2026-01-01T00:00:00+99:99", "2026-01-01T25:00:00Z")
    ],
    *[
        ("requests", f"bbox={text}", 400, "bbox must be")
        for text in ("1,2,3", "nan,nan,nan,nan", "0,5,0,1", "1e400,0,0,0", "a,b,c,d", "-181,0,0,0")
    ],
    *[
        ("requests", f"{name}={quote(text)}", 400, f"{name} must be")
        for name in ("page", "page_size")
        for text in ("0", "-1", "1.5", "x", ENORMOUS, "٣", "100000")
    ],
    ("requests", "lat=41.3", 400, "belong together"),
    ("requests", "radius=5", 400, "needs lat and long"),
    *[
        ("requests", f"lat=1&long=1&radius={text}", 400, "radius must be")
        for text in ("0", "-1", "nan", "x", "1e400", "100001")
    ],
    ("requests", "status=maybe", 400, "status must be"),
    ("requests", "extensions=perhaps", 400, "extensions must be"),
    ("requests", "status=open&status=closed&page=1&page=2", 400, "several times"),
    ("requests", "service_request_id=" + ",".join(map(str, range(1001))), 400, "1,000"),
    ("requests", "service_code=%ff%fe", 400, "UTF-8"),
    ("requests", "service_code=nonsense", 404, "service_code nonsense"),
    ("requests", "service_code=%00", 400, ""),
    ("requests", "jurisdiction_id=elsewhere.example", 404, "jurisdiction_id"),
    ("discovery", "jurisdiction_id=elsewhere.example", 404, "jurisdiction_id"),
    ("services", "jurisdiction_id=elsewhere.example", 404, "jurisdiction_id"),
    *[(f"{resource}/%00", "", 400, "") for resource in ("services", "requests", "tokens")],
    *[
        (resource, f"page={page}&page_size={size}", 400, "start_date and end_date")
        for resource in ("requests", "servicerequestupdates")
        for page, size in ((51, 1000), (10_000, 6))
    ],
    ("services/nonsense", "", 404, "service_code nonsense"),
    ("requests/nonsense", "", 404, "service_request_id nonsense"),
    ("requests/00000000-0000-0000-0000-000000000000", "", 404, "service_request_id"),
    ("nothing", "", 404, "no such resource"),
]  # fmt: skip


def test_what_cannot_be_read_is_refused_in_both_formats() -> None:
    for suffix, (resource, query, status, text) in zip(cycle(("xml", "json")), REFUSED):
        answer = get(f"{resource}.{suffix}?{query}")
        [(code, sentence)] = refusals(answer)
        assert (answer.status_code, code) == (status, status), (resource, query)
        assert text in sentence, (resource, query, sentence)
        assert suffix in answer["Content-Type"]


def test_too_large_a_body_is_said_to_have_too_many_photos() -> None:
    for path in ("requests.json", "requests.XML", "requests"):
        explained = uploads.explanation({"method": "POST", "path": f"{BASE}/{path}"})
        assert "at most 20 MB together" in explained, path
    assert uploads.explanation({"method": "GET", "path": f"{BASE}/requests.json"}) == ""


def test_a_refusal_before_the_views_has_the_same_form() -> None:
    as_json = {"accept": "application/json"}
    for path in ("requests.json", "requests"):
        too_large = answers.refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{BASE}/{path}",
            detail="Too large.",
            accept="application/json",
        )
        assert json.loads(too_large.content) == [{"code": 413, "description": "Too large."}]
        assert (b"access-control-allow-origin", b"*") in too_large.headers
    for host, path, headers, status, kind in [
        ("elsewhere.example", "services.xml", {}, 400, "text/xml"),
        ("elsewhere.example", "services", as_json, 400, "application/json"),
        ("testserver", "nothing", {}, 404, "text/xml"),
        ("testserver", "nothing", as_json, 404, "application/json"),
        ("testserver", "nothing.JSON", {}, 404, "application/json"),
        ("testserver", "tokens/.json", {}, 404, "application/json"),
    ]:
        refused = Client(SERVER_NAME=host).get(f"{BASE}/{path}", headers=headers)
        assert (refused.status_code, refusals(refused)[0][0]) == (status, status), path
        assert refused["Content-Type"] == f"{kind}; charset=utf-8", path
        assert refused["Access-Control-Allow-Origin"] == "*", path


def test_formats_slashes_and_methods() -> None:
    assert refusals(get("services.yaml")) == [
        (404, "There is no format yaml; expected .xml or .json.")
    ]
    assert get("services.json/").status_code == 200
    assert get("services.JSON")["Content-Type"] == "application/json; charset=utf-8"
    assert get("services")["Content-Type"] == "text/xml; charset=utf-8"
    assert "Accept" in get("requests")["Vary"].split(", ")
    negotiated = get("services", accept="application/json")
    assert negotiated["Content-Type"] == "application/json; charset=utf-8"
    assert Client().head(f"{BASE}/services.xml").status_code == 200
    refused = Client().delete(f"{BASE}/services.json")
    assert (refused.status_code, refusals(refused)[0][0]) == (405, 405)
    assert refused["Allow"] == "GET, HEAD, OPTIONS"
    for path, methods in [("requests.json", "GET, HEAD, POST, OPTIONS"),
                          ("services", "GET, HEAD, OPTIONS")]:  # fmt: skip
        preflight = Client().options(f"{BASE}/{path}")
        assert preflight.status_code == 204
        assert preflight["Access-Control-Allow-Origin"] == "*"
        assert preflight["Access-Control-Allow-Methods"] == methods
        assert "Content-Type" in preflight["Access-Control-Allow-Headers"]
