"""The public pages, as a browser without JavaScript uses them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.serving.answers import refusal
from jobs.models import Task
from portal import languages, showing
from portal.form import FIELDS
from reports.catalogue.questions import ask
from reports.figures import refreshing
from reports.following import contacts
from reports.geography import background
from reports.models import (
    Answer,
    Comment,
    Merge,
    NamedPlace,
    Photo,
    PhotoFile,
    Report,
    Status,
    hash_tracking_token,
)
from tests.reports.factories import make_category, make_report, make_user
from tests.reports.photos import jpeg

pytestmark = pytest.mark.django_db

HTML = {"Accept": "text/html"}
ELM_STREET = {"type": "LineString", "coordinates": [[-72.92, 41.31], [-72.921, 41.311]]}


def form(**fields: Any) -> dict[str, Any]:
    least = {"title": "Broken lamp", "description": "The lamp at the corner is dark."}
    place = {"latitude": "41.3", "longitude": "-72.9"}
    return least | place | {"client_id": str(uuid4())} | fields


def send(**fields: Any) -> Any:
    return Client().post("/report/", form(**fields))


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def page_of(report: Report, token: str = "") -> Any:
    query = {"tracking_token": token} if token else {}
    return Client().get(f"/reports/{report.pk}", query, headers=HTML)


@pytest.fixture
def held() -> Report:
    """A report that is not public, whose tracking token is "secret"."""
    return make_report(published_at=None, tracking_token_hash=hash_tracking_token("secret"))


def test_a_report_is_sent_without_javascript_and_becomes_a_task() -> None:
    client = Client(enforce_csrf_checks=True)
    empty = client.get("/report/")
    assert empty["Cache-Control"] == "private, no-store"
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', text_of(empty)))
    photos = [SimpleUploadedFile(name, jpeg(), "image/jpeg") for name in ("a.jpg", "b.jpg")]
    body = form(**hidden, photos=photos, address="Main Street 1", email="jane@example.org")
    assert Client(enforce_csrf_checks=True).post("/report/", body).status_code == 403
    answer = client.post("/report/", body | {"photos": [*map(_again, photos)]})
    assert answer.status_code == 303
    thanks = client.get(answer["Location"])
    report = Report.objects.get()
    assert (report.title, report.address, report.published_at) == (
        "Broken lamp", "Main Street 1", None,
    )  # fmt: skip
    assert Photo.objects.filter(report=report).count() == 2
    assert Task.objects.filter(actor="classify_report").count() == 1
    contact = contacts.read(report.pk)
    assert contact is not None
    assert contact.email == "jane@example.org"
    assert (thanks["Referrer-Policy"], thanks["Cache-Control"]) == (
        "strict-origin", "private, no-store",
    )  # fmt: skip
    [link] = re.findall(r'readonly value="([^"]+)"', text_of(thanks))
    assert str(report.pk) in text_of(thanks)
    own = client.get(link, headers=HTML)
    assert "This report is not public." in text_of(own)
    assert "jane@example.org" not in text_of(own)


def _again(photo: SimpleUploadedFile) -> SimpleUploadedFile:
    photo.seek(0)
    return photo


def test_a_form_that_is_sent_twice_is_one_report() -> None:
    body = form()
    first, second = (Client().post("/report/", body) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Report.objects.count() == 1


def test_errors_are_linked_to_their_fields_and_what_was_typed_stays() -> None:
    photo = SimpleUploadedFile("a.jpg", b"no picture", "image/jpeg")
    answer = send(
        title="", description="<b>deep</b>", latitude="", longitude="", email="nobody", phone="12",
        photos=photo,
    )  # fmt: skip
    text = text_of(answer)
    assert answer.status_code == 400
    for name in ("title", "latitude", "email", "phone", "photos"):
        assert f'<a href="#{name}">' in text
        assert f'id="{name}"' in text
        assert f'aria-describedby="{name}-fault"' in text
    assert "&lt;b&gt;deep" in text
    assert "choose your photos again" in text
    assert not Report.objects.exists()
    assert not Photo.objects.exists()


@pytest.mark.parametrize("name", [*FIELDS, "acknowledged"])
def test_a_field_that_holds_anything_is_refused_or_shown_as_it_is(name: str) -> None:
    answer = send(**{name: "\0<script>alert(1)</script>\u202e"})
    assert answer.status_code in {303, 400}
    assert "<script>alert" not in text_of(answer)


def test_a_body_that_is_no_form_is_refused() -> None:
    kind = "multipart/form-data; boundary=x"
    for path in ("/report/", f"/reports/{make_report().pk}/comments"):
        answer = Client().post(path, b"--x\r\nbroken", content_type=kind)
        assert answer.status_code in {400, 403}
        answer = Client().post(path, b"\xff=%00&&" * 3, content_type="text/plain")
        assert answer.status_code in {400, 403}


def test_questions_of_the_chosen_category_are_asked_and_answered() -> None:
    category = make_category()
    values = [{"key": "a", "name": "Aa"}, {"key": "b", "name": "Bb"}]
    kinds = {"depth": "number", "many": "multivaluelist", "since": "datetime"}
    for code, kind in kinds.items():
        listed = values if kind == "multivaluelist" else []
        question = {
            "label": f"{code}?",
            "type": kind,
            "values": listed,
            "is_required": code == "many",
        }
        ask(category, code, question)
    asked = Client().get("/report/questions/", {"category": category.slug})
    assert 'name="answer-depth"' in text_of(asked)
    refused = send(category=category.slug, **{"answer-depth": "1,5", "answer-since": "soon"})
    assert 'href="#answer-many"' in text_of(refused)
    assert 'href="#answer-since"' in text_of(refused)
    assert 'value="1.5"' in text_of(refused)
    taken = send(category=category.slug, **{"answer-depth": "1,5", "answer-many": ["b", "a"]})
    assert taken.status_code == 303
    answers = dict(Answer.objects.values_list("question__code", "value"))
    assert answers == {"depth": 1.5, "many": ["a", "b"]}


def test_similar_reports_are_shown_before_one_is_sent_all_the_same() -> None:
    first = make_report(title="Broken lamp", description="The lamp at the corner is dark.")
    body = form(latitude=str(first.latitude), longitude=str(first.longitude))
    asked = Client().post("/report/", body)
    assert asked.status_code == 409
    assert f"/reports/{first.pk}" in text_of(asked)
    assert Report.objects.count() == 1
    assert Client().post("/report/", body | {"acknowledged": "yes"}).status_code == 303
    assert Report.objects.count() == 2


def test_limits_hold_as_in_the_api(settings: Any) -> None:
    settings.ANONYMOUS_REPORTS_PER_HOUR = 1
    assert send().status_code == 303
    refused = send(title="Another", description="Something else.")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert "Something else." in text_of(refused)
    settings.PHOTOS_PER_REPORT = 1
    photos = [SimpleUploadedFile(name, jpeg(), "image/jpeg") for name in ("a.jpg", "b.jpg")]
    assert 'href="#photos"' in text_of(send(photos=photos))


def test_what_is_not_public_shows_nowhere(held: Report) -> None:
    Report.objects.filter(pk=held.pk).update(title="Hidden words")
    client = Client()
    client.force_login(make_user())
    for reader in (Client(), client):
        assert "Hidden words" not in text_of(reader.get("/"))
        assert "Hidden words" not in text_of(reader.get("/reports/", {"q": "hidden"}))
        for token in ("", "wrong"):
            query = {"tracking_token": token}
            answer = reader.get(f"/reports/{held.pk}", query, headers=HTML)
            assert answer.status_code == 404
            assert "Hidden words" not in text_of(answer)
            thanks = {"report": str(held.pk), "tracking_token": token}
            assert reader.get("/report/thanks/", thanks).status_code == 404
            for path in ("comments", "photos", "follow", "me-too", "step"):
                body = {"tracking_token": token, "text": "x", "step": "withdraw", "wants": "yes"}
                assert reader.post(f"/reports/{held.pk}/{path}", body).status_code == 404
    assert "Hidden words" in text_of(page_of(held, "secret"))


def test_a_stranger_can_do_nothing_with_a_public_report() -> None:
    report = make_report(status=Status.RESOLVED, tracking_token_hash=hash_tracking_token("secret"))
    assert "<form" not in text_of(page_of(report))
    for path in ("comments", "photos", "follow", "me-too", "step"):
        body = {"tracking_token": "wrong", "text": "x", "step": "confirm", "wants": "yes"}
        assert Client().post(f"/reports/{report.pk}/{path}", body).status_code == 403
    report.refresh_from_db()
    assert (report.status, Comment.objects.count()) == (Status.RESOLVED, 0)


def test_the_reporter_comments_adds_a_photo_and_confirms_with_the_private_link() -> None:
    report = make_report(
        status=Status.RESOLVED, tracking_token_hash=hash_tracking_token("secret"),
        closed_at=timezone.now(),
    )  # fmt: skip
    client = Client()
    token: dict[str, Any] = {"tracking_token": "secret"}
    bodies: dict[str, dict[str, Any]] = {
        "comments": {"text": "Still loose."},
        "photos": {"photos": SimpleUploadedFile("a.jpg", jpeg(), "image/jpeg")},
        "step": {"step": "confirm"},
    }
    for path, body in bodies.items():
        answer = client.post(f"/reports/{report.pk}/{path}", token | body)
        assert answer.status_code == 303, text_of(answer)
        assert client.get(answer["Location"], headers=HTML).status_code == 200
    report.refresh_from_db()
    assert report.status == Status.CLOSED
    assert "Still loose." in text_of(page_of(report, "secret"))
    assert "Still loose." not in text_of(page_of(report))
    assert Photo.objects.filter(report=report).count() == 1
    refused = client.post(f"/reports/{report.pk}/comments", token | {"text": ""})
    assert (refused.status_code, "That was not done" in text_of(refused)) == (400, True)
    again = client.post(f"/reports/{report.pk}/step", token | {"step": "confirm"})
    assert again.status_code == 409
    unreachable = client.post(f"/reports/{report.pk}/follow", token | {"wants": "yes"})
    assert unreachable.status_code == 409


def test_a_citizen_who_is_signed_in_follows_and_has_the_problem_too() -> None:
    report, client = make_report(), Client()
    client.force_login(make_user())
    for path in ("follow", "me-too"):
        done = client.post(f"/reports/{report.pk}/{path}", {"wants": "yes"})
        assert done.status_code == 303
    page = text_of(client.get(f"/reports/{report.pk}", headers=HTML))
    assert "1 person follows this · 1 person has this too" in page
    assert "Send me no more messages" in page
    refused = client.post(f"/reports/{report.pk}/step", {"step": "withdraw"})
    assert refused.status_code == 403


def test_the_list_is_filtered_and_paged_by_the_rules_of_the_api() -> None:
    category = make_category()
    for number in range(21):
        made = timezone.now() - timedelta(minutes=number)
        make_report(title=f"Hole {number:02}", category=category, created_at=made)
    make_report(title="Done", status=Status.CLOSED, created_at=timezone.now() - timedelta(days=1))
    first = text_of(Client().get("/reports/", {"state": "open", "category": category.slug}))
    assert "Hole 19" in first
    assert "Hole 20" not in first
    [older] = re.findall(r'href="(\?[^"]+)" rel="next"', first)
    rest = text_of(Client().get("/reports/" + older.replace("&amp;", "&")))
    assert "Hole 20" in rest
    assert "Done" not in re.findall(r"<h3>.*?</h3>", rest, re.DOTALL)
    assert "Done" in text_of(Client().get("/reports/", {"q": "done", "state": ""}))
    for query in ({"bbox": "1"}, {"cursor": "x"}, {"state": "x"}, {"category": "<x>"}):
        refused = Client().get("/reports/", query)
        assert refused.status_code == 400
        assert "cannot be shown" in text_of(refused)
        assert "<x>" not in text_of(refused)


def test_pages_cost_the_same_however_many_reports_they_show(
    django_assert_max_num_queries: Any,
) -> None:
    refreshing.refresh()
    make_report(category=make_category())
    paths = ("/", "/reports/", "/reports/?q=hole")
    counts = [_statements(path) for path in paths]
    for _ in range(5):
        make_report(category=make_category())
    assert [_statements(path) for path in paths] == counts
    assert max(counts) <= 9
    with django_assert_max_num_queries(12):
        page_of(make_report())


def _statements(path: str) -> int:
    Client().get(path)  # fills what processes remember
    with CaptureQueriesContext(connection) as statements:
        assert Client().get(path).status_code == 200
    return len(statements)


def test_the_first_page_greets_an_empty_city_and_shows_its_figures() -> None:
    empty = Client().get("/")
    assert "There are no public reports yet" in text_of(empty)
    assert empty["Cache-Control"] == "public, max-age=15"
    make_report(title="A hole")
    refreshing.refresh()
    text = text_of(Client().get("/"))
    assert re.search(r"open reports</dt><dd>1</dd>", text)
    assert "A hole" in text
    assert "csrf" not in text


def test_what_is_too_large_is_refused_with_a_page() -> None:
    status, detail = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "At most 20 MB."
    for path, accept, kind in (
        ("/report/", "text/html", b"text/html; charset=utf-8"),
        ("/report/", "*/*", b"application/problem+json"),
        ("/api/v1/reports/", "text/html", b"application/problem+json"),
    ):
        answer = refusal(status, path, accept=accept, detail=detail)
        assert dict(answer.headers)[b"content-type"] == kind
        assert detail.encode() in answer.content


def test_failures_are_pages_of_the_same_look(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Client().get("/nowhere")
    assert (lost.status_code, "There is no such page" in text_of(lost)) == (404, True)

    def broken(*_: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(showing, "expected_date", broken)
    away = page_of(make_report())
    assert (away.status_code, away["Retry-After"]) == (503, "5")
    assert "We cannot answer right now" in text_of(away)


def test_what_the_service_worker_keeps_is_the_same_for_everybody() -> None:
    script = Client().get("/service-worker.js")
    assert (script["Content-Type"], script["Cache-Control"]) == (
        "text/javascript; charset=utf-8", "no-cache",
    )  # fmt: skip
    settings = json.loads(re.findall(r"const settings = (.*);", text_of(script))[0])
    for path in settings["pages"].values():
        kept = Client().get(path)
        assert kept.status_code == 200
        assert "csrfmiddlewaretoken" not in text_of(kept)
        assert not kept.cookies
    assert f'value="{settings["placeholder"]}"' in text_of(Client().get("/report/offline/"))
    assert Client().get("/report/kept/send/")["Location"] == "/report/"
    manifest = Client().get("/manifest.webmanifest")
    assert manifest["Content-Type"] == "application/manifest+json"
    assert manifest.json()["start_url"] == "/"


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_switcher_of_languages_leads_nowhere_else(back: str) -> None:
    assert Client().get("/language/en", {"back": back})["Location"] == "/"
    assert Client().get("/language/xx").status_code == 404


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/sign-in/code/", "/sign-in/"),
        ("/sign-out/", "/"),
        ("/reports/{}/comments", "/reports/{}"),
        ("/reports/{}/step", "/reports/{}"),
    ],
)
def test_an_address_that_takes_a_form_leads_whoever_opens_it_to_the_page(
    address: str, page: str
) -> None:
    pk = uuid4()
    answer = Client().get(address.format(pk))
    assert (answer.status_code, answer["Location"]) == (303, page.format(pk))


def test_a_language_chosen_on_a_refusal_leads_to_the_page_of_the_form(
    held: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(languages, "offered", lambda: ["en", "de"])
    body = {"tracking_token": "secret", "text": ""}
    refused = Client().post(f"/reports/{held.pk}/comments", body)
    wrong_code = Client().post("/sign-in/code/", {"next": "/reports/"})
    assert f"back=%2Freports%2F{held.pk}%3Ftracking_token%3Dsecret" in text_of(refused)
    assert "back=%2Fsign-in%2F%3Fnext%3D%252Freports%252F" in text_of(wrong_code)


def test_everybody_can_sign_in_to_follow_a_report_that_nobody_follows() -> None:
    report = make_report()
    assert f"/sign-in/?next=/reports/{report.pk}" in text_of(page_of(report))


def test_photos_that_are_added_together_are_stored_all_or_none(
    held: Report, settings: LazySettings
) -> None:
    settings.PHOTOS_PER_REPORT = 1
    photos = [SimpleUploadedFile(name, jpeg(), "image/jpeg") for name in ("a.jpg", "b.jpg")]
    fields = {"tracking_token": "secret", "photos": photos}
    answer = Client().post(f"/reports/{held.pk}/photos", fields)
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "A report may have 1 photos" in text_of(answer)
    assert not Photo.objects.exists()
    assert not PhotoFile.objects.exists()


@pytest.mark.parametrize("place", ["1/" + "9" * 400, "9" * 400 + "/1", "8192/0"])
def test_beyond_the_world_are_no_streets(place: str) -> None:
    assert Client().get(f"/city/streets/{place}.json").json()["features"] == []


def test_a_tile_of_streets_is_drawn_once_and_other_pages_read_no_streets() -> None:
    NamedPlace.objects.create(kind="street", name="Elm Street", geometry=ELM_STREET)
    with CaptureQueriesContext(connection) as statements:
        Client().get("/")
    assert not [one for one in statements if "reports_namedplace" in one["sql"]]
    address = "/city/streets/2436/3062.json"
    first = Client().get(address)
    assert [one["properties"]["name"] for one in first.json()["features"]] == ["Elm Street"]
    with patch.object(background, "streets", side_effect=AssertionError("drawn again")):
        again = Client().get(address)
    assert (again.content, again["Content-Type"]) == (first.content, "application/json")


def test_of_many_comments_the_newest_show(held: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "COMMENTS", 2)
    for text in ("the oldest", "the middle", "the newest"):
        Comment.objects.create(report=held, text=text, is_by_holder=True)
    page = text_of(page_of(held, "secret"))
    assert "the oldest" not in page
    assert page.index("the middle") < page.index("the newest")


def test_a_query_that_cannot_be_read_gets_a_page() -> None:
    answer = Client().get("/reports/?q=%00")
    assert (answer.status_code, "<h1>" in text_of(answer)) == (400, True)


def test_words_and_numbers_keep_their_direction_in_every_language() -> None:
    text = text_of(page_of(make_report(title="Broken lamp")))
    assert '<h1 dir="auto">Broken lamp</h1>' in text
    assert re.search(r'<bdi dir="ltr">-?[0-9.]+, -?[0-9.]+</bdi>', text)
    form_page = text_of(Client().get("/report/"))
    fields = {name: rf'<input id="{name}" dir="ltr"' for name in ("latitude", "longitude", "phone")}
    assert [name for name, field in fields.items() if field not in form_page] == []


def test_a_merged_report_leads_to_the_one_that_goes_on_if_that_is_public() -> None:
    report, original = make_report(status=Status.DUPLICATE), make_report(title="The first one")
    Merge.objects.create(duplicate=report, original=original)
    assert f'href="/reports/{original.pk}"><bdi>The first one' in text_of(page_of(report))
    Report.objects.filter(pk=original.pk).update(published_at=None)
    assert "The first one" not in text_of(page_of(report))


def test_a_step_that_came_too_late_is_refused_in_plain_words(held: Report) -> None:
    answer = Client().post(f"/reports/{held.pk}/step", {"tracking_token": "secret", "step": "deny"})
    assert answer.status_code == 409
    assert "The report has changed meanwhile" in text_of(answer)
