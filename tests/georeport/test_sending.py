"""Sending requests by Open311: keys, forms, photos, addresses, tokens; and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEvent
from georeport import keys
from georeport.models import ApiKey, SentRequest
from jobs.execution import current
from jobs.ledger import database
from jobs.models import Task
from jobs.testing import run_tasks
from reports.catalogue.questions import ask
from reports.errors import GeocoderRefused
from reports.following import contacts
from reports.models import Answer, BlockedWord, Photo, PhotoState, Report
from tests.georeport.asking import BASE, get, make_key, post, refusals
from tests.reports import nominatim
from tests.reports.factories import make_category
from tests.reports.outside import Reply, outside_server
from tests.reports.photos import jpeg

pytestmark = pytest.mark.django_db

TEST = "/open311/test/v2"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def key() -> str:
    make_category()
    return make_key()


def form(key: str, **fields: Any) -> dict[str, Any]:
    least = {"api_key": key, "service_code": "pothole", "lat": "41.3", "long": "-72.9"}
    return least | {"description": "A hole.\n\nDeep & <wide>."} | fields


def send(key: str, **fields: Any) -> Any:
    return post("requests.json", **form(key, **fields))


def sent(key: str, **fields: Any) -> Report:
    answer = send(key, **fields)
    assert answer.status_code == 201, answer.content
    [shown] = answer.json()
    return Report.objects.get(pk=shown["service_request_id"])


def test_a_request_becomes_a_report_that_everybody_reads(key: str) -> None:
    answer = post("requests.xml", **form(key, account_id="77", address_string="1 Main Street"))
    assert (answer.status_code, answer["Content-Type"]) == (201, "text/xml; charset=utf-8")
    [request] = ET.fromstring(answer.content)
    assert [one.tag for one in request] == ["service_request_id", "service_notice", "account_id"]
    assert (request.tag, request.findtext("account_id")) == ("request", "77")
    [shown] = get(f"requests/{request.findtext('service_request_id')}.json").json()
    assert shown["description"] == "A hole.\n\nDeep & <wide>."
    assert (shown["lat"], shown["long"], shown["address"]) == (41.3, -72.9, "1 Main Street")
    report = Report.objects.get()
    assert (report.title, report.category_source, report.reporter) == ("A hole.", "reporter", None)
    assert Task.objects.filter(actor="route_report").exists()
    assert SentRequest.objects.get().key.last_used_at is not None


def test_attributes_are_answers(key: str) -> None:
    category = make_category()
    values = [{"key": "a", "name": "A"}, {"key": "b", "name": "B"}, {"key": "c", "name": "C"}]
    for code, kind in {
        "depth": "number", "since": "datetime", "note": "text", "one": "singlevaluelist",
        "many": "multivaluelist", "more": "multivaluelist", "line": "string",
    }.items():  # fmt: skip
        listed = values if kind.endswith("list") else []
        ask(category, code, {"label": code, "type": kind, "values": listed})
    body = form(key) | {
        "attribute[depth]": "7.5", "attribute[since]": "2026-05-31T08:00:00Z",
        "attribute[note]": "x\ny", "attribute[one]": "b", "attribute[many][]": ["c", "a"],
        "attribute[more]": "a,b", "attribute[line]": "",
    }  # fmt: skip
    answer = Client().post(f"{BASE}/requests.json", body)
    assert answer.status_code == 201, answer.content
    assert dict(Answer.objects.values_list("question__code", "value")) == {
        "depth": 7.5, "since": "2026-05-31T08:00:00+00:00", "note": "x\ny", "one": "b",
        "many": ["a", "c"], "more": ["a", "b"],
    }  # fmt: skip
    refused = Client().post(f"{BASE}/requests.json", body | {"attribute[depth]": "deep"})
    assert refusals(refused) == [(400, "attribute[depth]: Expected a number.")]


def test_contact_details_are_kept_and_never_shown(key: str) -> None:
    reached = {"email": "jane@example.org", "phone": "+12025550123"}
    person = reached | {"first_name": "Jane", "last_name": "Roe"}
    report = sent(key, device_id="phone-1", **person)
    contact = contacts.read(report.pk)
    assert contact is not None
    assert (contact.name, contact.email) == ("Jane Roe", "jane@example.org")
    shown = get(f"requests/{report.pk}.xml?extensions=true").content
    assert not any(one.encode() in shown for one in person.values())


def test_what_programs_send_beyond_the_protocol_makes_no_request_fail(key: str) -> None:
    """The telephone of the specification's example, and what FixMyStreet adds by itself."""
    pictures = {"photo1": jpeg(), "media[]": jpeg(quality=30)}
    uploads = {name: SimpleUploadedFile("a.jpg", one) for name, one in pictures.items()}
    unasked = {f"attribute[{code}]": "1" for code in ("easting", "northing", "external_id")}
    links = {f"media_url[{number}]": f"https://a.example/{number}.jpg" for number in range(2)}
    answer = send(key, phone="111111111", email="a@example.org", **uploads, **unasked, **links)
    [shown] = answer.json()
    assert "international form" in shown["service_notice"]
    report = Report.objects.get(pk=shown["service_request_id"])
    contact = contacts.read(report.pk)
    assert contact is not None
    assert (contact.email, contact.phone) == ("a@example.org", "")
    assert Photo.objects.filter(report=report).count() == 2
    assert Task.objects.filter(actor="fetch_media").count() == 2
    ask(make_category(), "easting", {"label": "Easting?"})
    assert send(key, **{"attribute[easting]": "7"}).status_code == 201
    assert Answer.objects.get().value == "7"
    refused = send(key, **{"media_url[0]": "ftp://a.example/a.jpg"})
    assert "media_url" in refusals(refused)[0][1]


def test_what_must_wait_is_not_shown_and_a_key_that_is_not_vouched_for_waits(key: str) -> None:
    BlockedWord.objects.create(word="casino", phrase="casino")
    for report in (
        sent(key, description="Win at the casino."),
        sent(make_key(is_vouched_for=False)),
    ):
        assert report.published_at is None
        assert get(f"requests/{report.pk}.json").status_code == 404
    [shown] = send(make_key(is_vouched_for=False)).json()
    assert "once the city has looked" in shown["service_notice"]


def test_media_becomes_photos_and_media_url_is_fetched_by_a_task(key: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    media = SimpleUploadedFile("a.jpg", jpeg(), "image/jpeg")
    with outside_server() as outside:
        outside.gives("/a.jpg", Reply(jpeg()))
        report = sent(key, media=media, media_url=f"{outside.url}/a.jpg")
        assert outside.asked == []
        run_tasks()
    first, second = Photo.objects.filter(report=report).order_by("created_at")
    assert (first.state, second.state) == (PhotoState.READY, PhotoState.READY)
    [shown] = get(f"requests/{report.pk}.json").json()
    assert shown["media_url"] == f"http://testserver/api/v1/photos/{first.pk}/large.jpg"


def test_media_that_is_private_missing_or_no_photo_is_left_out(key: str, settings: Any) -> None:
    with outside_server() as outside:
        outside.gives("/a.jpg", Reply(jpeg()))
        sent(key, media_url=f"{outside.url}/a.jpg")
        run_tasks()
        assert outside.asked == []
        settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        outside.gives("/page", Reply("<html>"))
        sent(key, media_url=[f"{outside.url}/page", f"{outside.url}/nothing.jpg"])
        run_tasks()
        assert len(outside.asked) == 2
    assert not Photo.objects.exists()
    assert not Task.objects.filter(state="dead").exists()


def test_media_url_gives_one_photo_though_its_task_ends_before_it_is_done(
    key: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with outside_server() as outside:
        outside.gives("/a.jpg", Reply(jpeg()))
        sent(key, media_url=[f"{outside.url}/a.jpg", f" {outside.url}/a.jpg"])
        with monkeypatch.context() as patched:
            patched.setattr(current, "failpoint", lambda *_: 1 / 0)
            run_tasks(raise_errors=False)
        run_tasks(until_delay=False)
        assert len(outside.asked) == 1
    assert Photo.objects.count() == 1
    assert Task.objects.get(actor="fetch_media").attempt == 2


def test_a_request_that_comes_again_is_the_same(key: str) -> None:
    first = sent(key, device_id="phone-1", media=SimpleUploadedFile("a.jpg", jpeg()))
    again = sent(key, device_id="phone-1", media=SimpleUploadedFile("a.jpg", jpeg()))
    assert again == first
    assert Photo.objects.count() == SentRequest.objects.count() == 1
    assert sent(key, device_id="phone-2") != first
    assert len({sent(key).pk for _ in range(2)}) == 2  # nobody says that it is one person
    for pictures in ([jpeg(quality=30)], [jpeg(), jpeg(quality=30)]):
        media = [SimpleUploadedFile("a.jpg", picture) for picture in pictures]
        assert sent(key, device_id="phone-1", media=media) != first


def test_a_request_that_comes_again_after_midnight_is_the_same(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, ids = database.now(), []
    for days, age in ((0, 0), (1, 0), (1, 25)):
        Report.objects.update(created_at=now - timedelta(hours=age))
        monkeypatch.setattr(database, "now", lambda days=days: now + timedelta(days=days))
        ids.append(sent(key, device_id="phone-1").pk)
    assert ids[0] == ids[1] != ids[2]


def test_an_idempotency_key_is_of_one_person_and_one_request(key: str) -> None:
    def send_once(api_key: str, **fields: Any) -> Any:
        return post("requests.json", headers={"Idempotency-Key": "abc"}, **form(api_key, **fields))

    first, again, other_person, other_key = (
        send_once(api_key, **fields).json()[0]["service_request_id"]
        for api_key, fields in [(key, {}), (key, {}), (key, {"email": "a@example.org"}),
                                (make_key(), {})]
    )  # fmt: skip
    assert first == again
    assert len({first, other_person, other_key}) == 3
    media = SimpleUploadedFile("a.jpg", jpeg())
    for changed in ({"description": "Another."}, {"lat": "41.4"}, {"media": media}):
        refused = send_once(key, **changed)
        assert (refused.status_code, refusals(refused)[0][0]) == (400, 400), changed
        assert "Idempotency-Key" in refusals(refused)[0][1]
    assert Report.objects.count() == 3


def test_the_test_endpoint_checks_everything_and_stores_nothing(key: str, settings: Any) -> None:
    test_key = make_key(is_test=True)
    for text in (key, test_key):
        media = SimpleUploadedFile("a.jpg", jpeg(), "image/jpeg")
        answer = post("requests.json", TEST, **form(text, media=media))
        assert answer.status_code == 201
        assert get(f"requests/{answer.json()[0]['service_request_id']}.json").status_code == 404
    assert not Report.objects.exists()
    assert not SentRequest.objects.exists()
    assert not Task.objects.filter(actor="route_report").exists()
    assert post("requests.json", TEST, **form(key, lat="91")).status_code == 400
    settings.PHOTOS_PER_REPORT = 1
    for base in (BASE, TEST):
        two = [SimpleUploadedFile(name, jpeg(), "image/jpeg") for name in ("a.jpg", "b.jpg")]
        refused = post("requests.json", base, **form(key, media=two))
        assert "1 photos" in refusals(refused)[0][1]
    assert refusals(send(test_key))[0][0] == 403


@pytest.fixture
def geocoder(settings: Any) -> Any:
    from config import geocoder as options_of

    with nominatim.running() as running:
        settings.GEOCODER = "nominatim"
        settings.GEOCODER_OPTIONS = options_of.options(
            "nominatim", url=running.url, key="", user_agent="CivicLens (test)", timeout=5
        )
        settings.GEOCODER_REQUESTS_PER_SECOND = 1000
        settings.GEOCODER_LANGUAGE = ""
        yield running


def by_address(key: str, **fields: Any) -> str:
    answer = send(key, lat="", long="", address_string="12 Main Street", **fields)
    assert answer.status_code == 201, answer.content
    [shown] = answer.json()
    assert list(shown) == ["token", "service_notice", "account_id"]
    return str(shown["token"])


def test_an_address_gives_a_token_and_later_the_id(key: str, geocoder: Any) -> None:
    geocoder.answer = (200, b'[{"lat": "41.5", "lon": "-72.5", "display_name": "x"}]', {})
    token = by_address(key, email="jane@example.org")
    assert b"jane" not in bytes(SentRequest.objects.get().sealed or b"jane")
    [pending] = get(f"tokens/{token}.json").json()
    assert pending == {"service_request_id": None, "token": token}
    run_tasks()
    report = Report.objects.get()
    assert (report.latitude, report.longitude, report.address) == (41.5, -72.5, "12 Main Street")
    [request] = ET.fromstring(get(f"tokens/{token}.xml").content)
    assert (request.tag, request.findtext("service_request_id")) == ("request", str(report.pk))
    assert SentRequest.objects.get().sealed is None


def test_an_address_of_a_key_that_may_send_no_more_becomes_no_report(
    key: str, geocoder: Any
) -> None:
    geocoder.answer = (200, b'[{"lat": "41.5", "lon": "-72.5", "display_name": "x"}]', {})
    tokens = []
    for change in ({"revoked_at": database.now()}, {"may_submit": False}):
        stored, text = keys.create_key(name="App")
        tokens.append(by_address(text))
        ApiKey.objects.filter(pk=stored.pk).update(**change)
    run_tasks()
    assert not Report.objects.exists()
    for token in tokens:
        [(code, sentence)] = refusals(get(f"tokens/{token}.json"))
        assert (code, "api_key" in sentence) == (400, True)
    assert not SentRequest.objects.exclude(sealed=None).exists()


def test_an_address_without_a_place_says_so(key: str, geocoder: Any) -> None:
    geocoder.answer = (200, b"[]", {})
    token = by_address(key)
    run_tasks()
    assert refusals(get(f"tokens/{token}.json")) == [
        (400, "No place was found for this address_string; send lat and long.")
    ]
    assert refusals(get("tokens/nonsense.xml"))[0][0] == 404


def test_a_geocoder_that_fails_for_good_is_said_too(key: str, geocoder: Any) -> None:
    geocoder.answer = (400, b"", {})
    token = by_address(key)
    with pytest.raises(GeocoderRefused):
        run_tasks()
    run_tasks()
    assert refusals(get(f"tokens/{token}.json")) == [
        (400, "The address could not be looked up; send lat and long.")
    ]


LONG = "x" * 4001
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"api_key": ""}, 403, "api_key was not provided"),
    ({"api_key": "wrong"}, 403, "api_key was not found"),
    ({"api_key": "cl311_demo_\ud83d\ude00"}, 403, "api_key was not found"),
    ({"api_key": "_" * 5000}, 403, "api_key was not found"),
    ({"api_key": "cl311_a\x00b_c"}, 400, "api_key"),
    ({"service_code": "a\x00b"}, 400, "service_code"),
    ({"account_id": "a\x00b"}, 400, "account_id"),
    ({"service_code": ""}, 400, "service_code was not provided"),
    ({"service_code": "nonsense"}, 404, "service_code nonsense"),
    ({"jurisdiction_id": "elsewhere.example"}, 404, "jurisdiction_id"),
    ({"lat": ""}, 400, "lat and long belong together"),
    ({"lat": "", "long": ""}, 400, "A location was not provided"),
    ({"lat": "", "long": "", "address_string": "x"}, 400, "send lat and long"),
    ({"lat": "", "long": "", "address_id": "1"}, 400, "address_id"),
    *[({"lat": text}, 400, "lat must be a number") for text in ("91", "nan", "1e400", "41,3", "٤")],
    ({"long": "-181"}, 400, "long must be a number"),
    ({"lat": ["1", "2"]}, 400, "several times"),
    ({"description": LONG}, 400, "4,000"),
    ({"description": "a\x00b"}, 400, "description"),
    ({"address_string": "x" * 301}, 400, "address_string: "),
    ({"email": "nobody"}, 400, "email"),
    ({"attribute[nothing]": "1"}, 400, "attribute[nothing]"),
    ({"media_url": "ftp://example.org/a.jpg"}, 400, "media_url"),
    ({"media_url": "file:///etc/passwd"}, 400, "media_url"),
    ({"media_url": [f"https://example.org/{number}.jpg" for number in range(6)]}, 400, "media_url"),
    ({"media": SimpleUploadedFile("a.jpg", b"")}, 400, ""),
    ({"media": SimpleUploadedFile("a.jpg", b"no photo at all")}, 400, "no photo"),
    ({"title": "x" * 201}, 400, "title"),
]


def test_what_is_not_valid_is_refused_and_stores_nothing(key: str) -> None:
    for fields, status, text in REFUSED:
        body = form(key) | fields
        try:
            answer = Client().post(f"{BASE}/requests.json", body)
        except UnicodeEncodeError:
            continue
        [(code, sentence), *_] = refusals(answer)
        assert (answer.status_code, code) == (status, status), (fields, sentence)
        assert text in sentence, (fields, sentence)
    assert not Report.objects.exists()


def test_several_faults_are_named_together(key: str) -> None:
    assert len(refusals(send(key, email="nobody", address_string="x" * 301))) == 2


def test_a_form_is_read_and_nothing_else(key: str) -> None:
    url, body = f"{BASE}/requests.json", f"api_key={key}&service_code=pothole&lat=1&long=1"
    kind = "application/x-www-form-urlencoded"
    for charset in ("utf-8", "utf8", "ISO-8859-1"):  # it is UTF-8, whatever they say
        street = f"{body}&description=Stra%C3%9Fe"
        taken = Client().post(url, street, content_type=f"{kind}; charset={charset}")
        assert taken.status_code == 201, charset
        assert Report.objects.latest("created_at").description == "Straße"
    assert Client().post(f"{url}?{body}", b"", content_type=kind).status_code == 201
    bad = Client().post(url, f"{body}&description=Stra%DFe", content_type=kind)
    assert refusals(bad) == [(400, "description is not valid UTF-8.")]
    bad = Client().post(url, f"{body}&description=Straße".encode("latin-1"), content_type=kind)
    assert refusals(bad) == [(400, "The request could not be read as a form in UTF-8.")]
    for kind, content in {
        "application/json": b"{}",
        "multipart/form-data; boundary=x": b"--y",
        "multipart/form-data": b"x",
        "text/plain": b"x",
        "": b"api_key=x",
        "application/x-www-form-urlencoded; charset=latin-1": b"a=b",
    }.items():
        refused = Client().post(url, content, content_type=kind)
        assert refusals(refused)[0][0] in {400, 403}, kind
        is_form = kind.startswith(("application/x-www", "multipart/"))
        assert is_form or "Send a form" in refusals(refused)[0][1], kind
    large = Client().post(url, b"a=" + b"x" * 3_000_000, content_type=FORM)
    assert (large.status_code, refusals(large)[0][0]) == (413, 413)
    assert large["Access-Control-Allow-Origin"] == "*"
    many = "&".join(f"a{number}=1" for number in range(2000))
    assert refusals(Client().post(url, many, content_type="application/x-www-form-urlencoded"))


def test_a_key_is_revoked_limited_and_bound_to_what_it_may(key: str) -> None:
    stored, text = keys.create_key(name="Few", requests_per_hour=1)
    assert send(text).status_code == 201
    limited = send(text)
    assert (limited.status_code, refusals(limited)[0][0]) == (429, 429)
    assert int(limited["Retry-After"]) > 0
    assert keys.revoke(stored)
    assert not keys.revoke(stored)
    assert refusals(send(text))[0][0] == 403
    assert refusals(send(make_key(may_submit=False))) == [
        (403, "This api_key may not send requests.")
    ]
    assert text.encode() not in bytes(stored.digest)
    events = AuditEvent.objects.filter(subject=f"georeport_key:{stored.pk}").order_by("pk")
    assert [one.event for one in events] == ["georeport_key.created", "georeport_key.revoked"]


def test_a_swapped_secret_is_refused(key: str) -> None:
    other = make_key()
    mixed = "_".join([*key.split("_", 2)[:2], other.split("_", 2)[2]])
    assert refusals(send(mixed))[0][0] == 403


def test_the_demo_key_is_always_the_same_and_works(key: str) -> None:
    assert keys.demo_key() == keys.demo_key()
    assert ApiKey.objects.filter(prefix="demo").count() == 1
    assert send(keys.demo_key()).status_code == 201


def test_the_limits_of_the_city_hold(key: str, settings: Any) -> None:
    settings.REPORTS_PER_PLACE_HOUR = 1
    assert send(key).status_code == 201
    refused = send(key)
    assert (refused.status_code, "Retry-After" in refused) == (429, True)
