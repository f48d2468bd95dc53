"""Triage at the desk: the line of reports, and the card of one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.ledger import database
from reports.models import DuplicatePair, ModerationCase, Photo, QueuePlace, Status, SubjectKind
from tests.desk.triage.triaging import URL, act, line, waiting
from tests.reports.factories import make_report

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_the_line_is_the_new_reports_of_ones_departments_in_the_order_of_the_policy(
    client: Client,
) -> None:
    late, early, unplaced = waiting(), waiting(), waiting(severity="critical")
    held, elsewhere = waiting(), make_report(status=Status.NEW)
    make_report(department=late.department)  # triaged already
    ModerationCase.objects.create(report=held, kind=SubjectKind.REPORT, subject_id=held.pk)
    for report, hours in ((late, 2), (early, 1)):
        at = database.now() + timedelta(hours=hours)
        QueuePlace.objects.create(report=report, at=at, is_urgent=False, is_escalated=False)
    assert line(client) == [str(one.pk) for one in (early, late, unplaced)]
    page = client.get(URL).content.decode()
    assert f'["{early.pk}", "{late.pk}"' in page
    assert str(elsewhere.pk) not in page


def test_without_places_the_line_goes_by_severity_and_deadline(client: Client) -> None:
    low = waiting(severity="low", due_at=database.now())
    later = waiting(severity="high", due_at=database.now() + timedelta(hours=9))
    soon = waiting(severity="high", due_at=database.now() + timedelta(hours=1))
    assert line(client) == [str(one.pk) for one in (soon, later, low)]


def test_an_address_carries_the_filters_of_the_list(client: Client, office: Any) -> None:
    waiting(title="A hole")
    pipe = make_report(department=office, title="Burst pipe", severity="critical")
    make_report(department=office, severity="critical", status=Status.CLOSED)
    make_report(severity="critical", title="Of another department")
    assert line(client, "?severity__exact=critical") == [str(pipe.pk)]
    page = client.get(f"{URL}?severity__exact=critical").content.decode()
    assert f'["{pipe.pk}"]' in page
    assert client.get(f"{URL}?no_such=1").status_code == 400
    assert client.get(f"{URL}line/?crew=x&severity__exact=critical").status_code == 200


def test_without_reports_the_page_says_so(client: Client) -> None:
    assert "Nothing waits here" in client.get(URL).content.decode()


def test_the_card_shows_what_a_decision_needs(client: Client) -> None:
    report, near = waiting(address="1 High Street"), make_report(latitude=41.3009)
    earlier, later = sorted((report, near), key=lambda one: one.pk)
    DuplicatePair.objects.create(
        earlier=earlier, later=later, probability=0.87, reasons=["Both speak of a hole."]
    )
    page = client.get(f"{URL}{report.pk}/card/").content.decode()
    for text in (
        "1 High Street", "31 %", "a hole in the road", "→ Streets", "→ Cleaning", "100 m away",
        "87 %", "Both speak of a hole.", "0 points", "told: the reporter", "not public",
    ):  # fmt: skip
        assert text in page, text


def test_a_candidate_that_one_may_not_read_is_left_out(client: Client) -> None:
    report = waiting()
    hidden = make_report(published_at=None, title="Secret of another department")
    earlier, later = sorted((report, hidden), key=lambda one: one.pk)
    DuplicatePair.objects.create(earlier=earlier, later=later, probability=0.9)
    assert "Secret" not in client.get(f"{URL}{report.pk}/card/").content.decode()
    assert act(client, report, "merge", other=hidden.pk).status_code == 400
    report.refresh_from_db()
    assert report.status == "new"


def test_page_and_card_take_few_statements_however_much_they_show(client: Client) -> None:
    bare = waiting()
    rich = waiting()
    for number in range(5):
        near = make_report(title=f"Near {number}")
        Photo.objects.create(report=near, state="ready")
        Photo.objects.create(report=rich, state="ready")
        earlier, later = sorted((rich, near), key=lambda one: one.pk)
        DuplicatePair.objects.create(earlier=earlier, later=later, probability=number / 10)
        make_report(reporter=rich.reporter)
    counts = {}
    for name, address in {
        "bare": f"{URL}{bare.pk}/card/",
        "rich": f"{URL}{rich.pk}/card/",
        "page": URL,
        "filtered": f"{URL}?severity__exact=medium",
    }.items():
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        counts[name] = len(queries)
    assert max(counts.values()) <= 20, counts
    assert counts["rich"] <= counts["bare"] + 2, counts
