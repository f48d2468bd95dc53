"""The address of a report's place, which a geocoder finds in a task."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from config import geocoder as options_of
from imports.importers import ImportFile
from jobs.execution import breakers
from jobs.models import Task
from jobs.states import State
from jobs.testing import advance, run_tasks
from jobs.urgency import Urgency
from reports.errors import GeocoderUnavailable
from reports.geography import addresses, geocoder
from reports.geography.actors import look_up_address
from reports.models import Report, Status
from reports.routing import assignment
from tests.environment import read_settings
from tests.reports import nominatim
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)
from tests.reports.importing import import_reports
from tests.reports.nominatim import Nominatim

pytestmark = pytest.mark.slow

REPORTS = "/api/v1/reports/"
MAIN_STREET = "12, Main Street, New Haven, 06510, United States"


@pytest.fixture
def server(settings: Any) -> Iterator[Nominatim]:
    with nominatim.running() as running:
        settings.GEOCODER = "nominatim"
        settings.GEOCODER_OPTIONS = options_of.options(
            "nominatim", url=running.url, key="", user_agent="CivicLens (test)", timeout=5
        )
        settings.GEOCODER_REQUESTS_PER_SECOND = 1000
        settings.GEOCODER_LANGUAGE = ""
        yield running


def report_of_pothole(**overrides: Any) -> dict[str, Any]:
    """The body of a creation that the classifier need not look at."""
    return new_report(category=make_category().slug, **overrides)


def ask(report: Report) -> None:
    """Send the task for a report, and run it."""
    with transaction.atomic():
        addresses.look_up(report)
    run_tasks(raise_errors=False)
    report.refresh_from_db()


def task_of(report: Report) -> Task:
    return Task.objects.get(actor="look_up_address", args=[str(report.pk)])


@pytest.mark.django_db
def test_a_report_without_an_address_gets_that_of_its_place(
    as_user: SignIn, server: Nominatim
) -> None:
    client = as_user(make_user())
    answer = client.post(REPORTS, report_of_pothole())
    assert (answer.data["address"], server.questions) == ("", [])  # never within the request
    run_tasks()
    assert client.get(f"{REPORTS}{answer.data['id']}/").data["address"] == MAIN_STREET
    [asked] = server.questions
    assert (asked["lat"], asked["lon"], asked["path"]) == ("41.3", "-72.9", "/search/reverse")
    assert server.user_agents == ["CivicLens (test)"]


@pytest.mark.django_db
def test_the_reporters_own_words_are_kept_and_nobody_is_asked(
    as_user: SignIn, server: Nominatim
) -> None:
    client = as_user(make_user())
    answer = client.post(REPORTS, report_of_pothole(address="Behind the library"))
    run_tasks()
    assert server.questions == []
    assert client.get(f"{REPORTS}{answer.data['id']}/").data["address"] == "Behind the library"


@pytest.mark.django_db
def test_without_a_geocoder_no_task_is_sent(as_user: SignIn, settings: Any) -> None:
    settings.GEOCODER = ""
    as_user(make_user()).post(REPORTS, report_of_pothole())
    assert not Task.objects.filter(actor="look_up_address").exists()


@pytest.mark.django_db
def test_a_corrected_place_asks_again_and_drops_the_old_address(
    as_user: SignIn, server: Nominatim
) -> None:
    author = make_user()
    report = make_report(reporter=author)
    ask(report)
    server.answer = nominatim.found("3, Elm Street, New Haven")
    url = f"{REPORTS}{report.pk}/"
    answer = as_user(author).patch(url, {"latitude": 41.4, "longitude": -72.9})
    assert answer.data["address"] == ""
    run_tasks()
    report.refresh_from_db()
    assert (report.address, report.is_address_looked_up) == ("3, Elm Street, New Haven", True)
    assert [asked["lat"] for asked in server.questions] == ["41.3", "41.4"]
    # An address in the reporter's words stays, whatever becomes of the place.
    as_user(author).patch(url, {"address": "At the gate"})
    as_user(author).patch(url, {"latitude": 41.4, "longitude": -72.8})
    run_tasks()
    report.refresh_from_db()
    assert (report.address, report.is_address_looked_up) == ("At the gate", False)
    assert len(server.questions) == 2
    # One that the reporter took back is looked up.
    as_user(author).patch(url, {"address": ""})
    run_tasks()
    report.refresh_from_db()
    assert report.is_address_looked_up


@pytest.mark.django_db
def test_a_place_that_staff_move_asks_again(client: Client, server: Nominatim) -> None:
    report = make_report()
    ask(report)
    server.answer = nominatim.found("3, Elm Street, New Haven")
    assignment.revise(report, {"latitude": 41.4}, by=make_staff(make_department()))
    report.refresh_from_db()
    assert report.address == ""
    run_tasks()
    report.refresh_from_db()
    assert report.address == "3, Elm Street, New Haven"
    client.force_login(make_staff(is_superuser=True), backend="accounts.backends.StaffBackend")
    assert "3, Elm Street" in client.get(f"/admin/reports/report/{report.pk}/change/").text


@pytest.mark.django_db(transaction=True)
def test_a_place_that_moves_while_the_geocoder_answers_does_not_get_the_old_address(
    server: Nominatim,
) -> None:
    report = make_report()

    def move() -> None:
        Report.objects.filter(pk=report.pk).update(latitude=41.4)
        connection.close()

    server.before_answer = move
    ask(report)
    assert (report.latitude, report.address) == (41.4, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("Main\u202e Street\n\x07 12", "Main Street 12"),
        ("Main Street\x00", "Main Street"),
        ("x" * 299 + ", y" * 50, "x" * 299),
        ("x" * 900, "x" * 300),
        ("", ""),
    ],
)
def test_addresses_are_clean_and_short_like_every_text(
    server: Nominatim, address: str, stored: str
) -> None:
    server.answer = nominatim.found(address)
    report = make_report()
    ask(report)
    assert report.address == stored
    assert task_of(report).state == State.SUCCEEDED


@pytest.mark.django_db
def test_a_place_without_an_address_keeps_none_and_is_not_asked_again(server: Nominatim) -> None:
    server.answer = nominatim.NOTHING
    report = make_report()
    ask(report)
    assert (report.address, report.is_address_looked_up) == ("", False)
    assert task_of(report).state == State.SUCCEEDED


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        (500, b"oops", {}),
        (503, b"", {}),
        (401, b"", {}),
        (200, b"<html>", {}),
        (200, b'["a"]', {}),
        (200, b'{"lat": "far", "lon": {}, "display_name": 7}', {}),
        (200, b"\xff\xfe", {}),
    ],
)
def test_a_failure_is_tried_again_and_then_found(
    server: Nominatim, answer: nominatim.Answer
) -> None:
    fine, server.answer = server.answer, answer
    report = make_report()
    ask(report)
    assert (report.address, task_of(report).state) == ("", State.RETRYING)
    server.answer = fine
    advance(timedelta(hours=2))
    run_tasks()
    report.refresh_from_db()
    assert report.address == MAIN_STREET


@pytest.mark.django_db
def test_a_silent_geocoder_is_given_up_after_the_timeout(server: Nominatim, settings: Any) -> None:
    settings.GEOCODER_OPTIONS = settings.GEOCODER_OPTIONS | {"timeout": 0.2}
    server.is_silent = True
    report = make_report()
    with transaction.atomic():
        addresses.look_up(report)
    with pytest.raises(GeocoderUnavailable, match="GeocoderTimedOut"):
        run_tasks()
    assert task_of(report).state == State.RETRYING


@pytest.mark.django_db
def test_a_refused_question_is_not_repeated(server: Nominatim) -> None:
    server.answer = (400, b"", {})
    report = make_report()
    ask(report)
    assert task_of(report).state == State.DEAD
    assert len(server.questions) == 1


@pytest.mark.django_db
def test_the_pause_that_the_geocoder_asks_for_is_kept_by_all(server: Nominatim) -> None:
    server.answer = (429, b"", {"Retry-After": "1800"})
    first, second = make_report(), make_report()
    ask(first)
    ask(second)
    assert len(server.questions) == 1  # the breaker is open for the second
    assert breakers.open_seconds()["geocoder"] > 0
    remaining = task_of(first).run_at - task_of(first).created_at
    assert remaining >= timedelta(minutes=29)
    assert task_of(second).attempt == 0


@pytest.mark.django_db
def test_one_call_at_a_time_is_made_by_all_workers(server: Nominatim) -> None:
    report = make_report()
    ask(report)
    assert (task_of(report).limit_key, task_of(report).limit_count) == ("geocoder", 1)
    assert look_up_address.policy.kind == "external"


@pytest.mark.django_db
def test_calls_keep_to_the_rate(
    server: Nominatim, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("reports.geography.geocoder.time.sleep", pauses.append)
    settings.GEOCODER_REQUESTS_PER_SECOND = 0.01
    report = make_report()
    ask(report)
    assert report.address == MAIN_STREET
    [pause] = pauses
    assert 90 < pause <= 100


@pytest.mark.django_db
def test_an_import_asks_for_each_report_without_an_address(
    server: Nominatim, tmp_path: Path, rejects: Path
) -> None:
    make_category()
    file = tmp_path / "city.csv"
    file.write_text(
        "external_id,title,latitude,longitude,address,category\n"
        "1,Hole,41.3,-72.9,,pothole\n2,Lamp,41.3,-72.8,At the gate,pothole\n"
    )
    import_reports(ImportFile(path=file, source="city", format="csv"), rejects=rejects)
    run_tasks()
    stored = Report.objects.values_list("external_id", "address").order_by("external_id")
    assert list(stored) == [("1", MAIN_STREET), ("2", "At the gate")]
    [task] = Task.objects.filter(actor="look_up_address")
    assert task.limit_key == "geocoder"


@pytest.mark.django_db
def test_a_city_that_just_got_a_geocoder_has_the_open_reports_looked_up(
    server: Nominatim, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_report(address="At the gate")
    make_report(status=Status.CLOSED)
    make_report(title="Older")
    newest = make_report()
    call_command("look_up_addresses", last=1)
    assert "1 reports wait" in capsys.readouterr().out
    assert task_of(newest).urgency == Urgency.BULK
    run_tasks()
    assert list(Report.objects.filter(is_address_looked_up=True)) == [newest]
    for wrong in (0, 100_001):
        with pytest.raises(CommandError, match="takes 1 to"):
            call_command("look_up_addresses", last=wrong)
    settings.GEOCODER = ""
    with pytest.raises(CommandError, match="names no geocoder"):
        call_command("look_up_addresses")


@pytest.mark.django_db
def test_an_address_that_comes_late_disturbs_nobody(as_user: SignIn, server: Nominatim) -> None:
    report, staff = make_report(), make_staff(make_department())
    client = as_user(staff)
    url = f"{REPORTS}{report.pk}/"
    before = client.get(url)
    assert client.post(f"{url}steps/", {"step": "start"}).status_code == 200
    started = client.get(url)
    ask(report)
    found = client.get(url, headers={"If-None-Match": started.headers["ETag"]})
    assert (found.status_code, found.data["address"]) == (200, MAIN_STREET)
    assert found.headers["ETag"] != started.headers["ETag"]
    assert (
        client.post(f"{url}undo-step/", headers={"If-Match": started.headers["ETag"]}).data[
            "status"
        ]
        == before.data["status"]
    )


@pytest.mark.django_db
def test_a_report_that_is_gone_asks_nobody(server: Nominatim) -> None:
    report = make_report()
    with transaction.atomic():
        addresses.look_up(report)
    Report.objects.all().delete()
    run_tasks()
    assert server.questions == []


def test_settings_that_lead_nowhere_are_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="must be one of"):
        read_settings(monkeypatch, GEOCODER="google")
    with pytest.raises(ImproperlyConfigured, match="GEOCODER_URL is no address"):
        read_settings(monkeypatch, GEOCODER="nominatim", GEOCODER_URL="ftp://x")
    read_settings(monkeypatch, GEOCODER_URL="https://nominatim.example.org/api")


@pytest.mark.parametrize(
    ("service", "url", "key", "message"),
    [
        ("opencage", "", "", "GEOCODER_KEY is not set"),
        ("pelias", "", "", "GEOCODER_URL names no server"),
        ("nominatim", "http://user:word@host/", "", "GEOCODER_URL is no address"),
        ("nominatim", "http://[", "", "GEOCODER_URL is no address"),
    ],
)
def test_what_a_service_needs_is_named(service: str, url: str, key: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        options_of.options(service, url=url, key=key, user_agent="x", timeout=1)


@pytest.mark.parametrize("service", options_of.SERVICES)
def test_each_service_can_be_made_with_its_options(service: str, settings: Any) -> None:
    settings.GEOCODER = service
    settings.GEOCODER_OPTIONS = options_of.options(
        service, url="http://127.0.0.1:1/x", key="k", user_agent="CivicLens (test)", timeout=1
    )
    assert callable(geocoder._geocoder().reverse)


def test_a_geocoder_without_its_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(options_of, "find_spec", lambda _name: None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-geocoder\.txt"):
        options_of.options("nominatim", url="", key="", user_agent="x", timeout=1)
