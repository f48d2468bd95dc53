"""Searches for words: which reports they choose, in which order, and where the words are kept."""

from __future__ import annotations

import importlib
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from jobs.admin.estimating import count_up_to
from jobs.ledger import database
from reports import searching
from reports.desk import long_lists
from reports.desk.admin import ReportAdmin
from reports.models import Report, ReportWords
from reports.models.words import WordsQuery, common_words, rare_words
from tests.accounts.factories import make_user
from tests.reports.factories import make_report

pytestmark = pytest.mark.django_db
URL, DESK = "/api/v1/reports/", "/admin/reports/report/"
TEXTS = (
    "Großes Schlagloch vor der Schule, Übergang gesperrt",
    "Lampadaire cassé à côté de l'école",
    "सड़क पर गहरा गड्ढा",
    "Фонарь не горит у дома 12",
    "路灯坏了 中山路 8 号",
    "ضوء الشارع لا يعمل",
    "Pole 4711-B, tel. +1 203 555 0199, see http://example.org/x",
    "Ş\u0131nır İşaret e\u0301cole",
)


@pytest.mark.parametrize("text", TEXTS)
def test_words_of_every_language_are_found_as_they_are_written(text: str) -> None:
    for one in TEXTS:
        make_report(title="Report", description=one, address="Main St", external_id=None)
    split = SearchVector("title", "description", "address", "external_id", config="simple")
    first, second, *rest = text.split()
    for query in (text, first, rest[-1][:3], f"report {second}"):
        chosen = Report.objects.alias(split=split).filter(split=WordsQuery(query))
        assert set(Report.objects.with_words(query)) == set(chosen), query
    assert Report.objects.with_words(text).get().description == text


def test_rare_words_beside_common_ones_choose_the_same_reports() -> None:
    for number in range(300):
        make_report(title="Lamp out", description="", address=f"{number} Chapel Street")
    make_report(title="Lamp straße", description="", address="7 Side Road")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reports_reportwords")
    common_words.forget()
    assert {"lamp", "out", "chapel", "street"} <= common_words.get()
    searches = {
        "chapel street 7": "7",
        "Lamp STR straße 7": "straße 7",
        "chap str 299": "299",
        "lamp nowhere": "nowhere",
        "lamp street": "",
        "299 7": "",
        "lamp <b 7>": "",
    }
    split = SearchVector("title", "description", "address", "external_id", config="simple")
    for text, rare in searches.items():
        assert rare_words(text) == rare
        chosen = Report.objects.alias(split=split).filter(split=WordsQuery(text))
        assert set(Report.objects.with_words(text)) == set(chosen), text
    assert Report.objects.with_words("chapel street 299").count() == 1


def test_words_follow_every_change_and_go_with_their_report() -> None:
    report = make_report(title="Lamp out")
    Report.objects.filter(pk=report.pk).update(title="Sign bent", address="Elm Street")
    assert not Report.objects.with_words("lamp").exists()
    assert Report.objects.with_words("sign elm").get() == report
    moved = report.created_at - timedelta(days=1)
    Report.objects.filter(pk=report.pk).update(created_at=moved)
    assert ReportWords.objects.get().created_at == moved
    database.execute("DELETE FROM reports_report WHERE id = %s", (report.pk,))
    assert not ReportWords.objects.exists()


def test_a_change_of_other_fields_leaves_the_words_alone() -> None:
    make_report()
    row = "SELECT ctid::text, xmin::text FROM reports_reportwords"
    before = database.fetch(row, ())
    Report.objects.update(status="closed", severity="high")
    assert database.fetch(row, ()) == before


def test_the_migration_stores_the_words_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    migration: Any = importlib.import_module("reports.migrations.0040_fill_words")
    monkeypatch.setattr(migration, "BATCH", 2)
    reports = [make_report(title=f"Lamp {number}") for number in range(5)]
    ReportWords.objects.exclude(report=reports[2]).delete()
    ReportWords.objects.update(words="kept")
    with connection.schema_editor(atomic=False) as editor:
        migration.fill(apps, editor)
    assert Report.objects.with_words("lamp").count() == 4
    assert Report.objects.with_words("kept").get() == reports[2]


@pytest.mark.parametrize("query", ["lamp", "lamp rare", "hole", "lamp hole"])
def test_a_search_is_paged_forth_and_back_in_the_order_of_time(
    monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Whether the newest reports fill the page or not."""
    monkeypatch.setattr(searching, "RECENT", 4)
    make_reports()
    everything = chosen_by(query)
    forth, back = [], []
    address: str | None = f"{URL}?q={query}&page_size=2"
    while address:
        answer = APIClient().get(address).json()
        forth.append([one["id"] for one in answer["results"]])
        address, last = answer["next"], answer
    while last["previous"]:
        last = APIClient().get(last["previous"]).json()
        back.append([one["id"] for one in last["results"]])
    assert list(chain(*forth)) == everything
    assert back[::-1] == forth[:-1]


@pytest.mark.parametrize("order", ["", "&o=-7", "&o=7", "&o=1"])
@pytest.mark.parametrize("limits", [(1000, 5000), (1, 3), (6, 6)], ids=["all", "common", "many"])
def test_the_pages_of_a_search_at_the_desk_are_whole(
    monkeypatch: pytest.MonkeyPatch, order: str, limits: tuple[int, int]
) -> None:
    """Whether all that was chosen is read at once, or as much as is counted and then each page."""
    monkeypatch.setattr(searching, "RECENT", 4)
    monkeypatch.setattr(searching, "COUNTED", limits[0])
    monkeypatch.setattr(searching, "FEW", limits[1])
    monkeypatch.setattr(long_lists, "rounded_estimate", lambda _rows: 8)
    monkeypatch.setattr(ReportAdmin, "list_per_page", 3)
    make_reports()
    desk = Client()
    staff = make_user(is_staff=True, is_superuser=True)
    desk.force_login(staff, backend="accounts.backends.StaffBackend")
    pages = [shown_at(desk, f"{DESK}?q=lamp{order}&p={number}") for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [3, 3, 2]
    shown, expected = list(chain(*pages)), chosen_by("lamp")
    if order == "&o=7":
        assert shown == sorted(expected, key=lambda pk: (created_at(pk), pk))
    elif order == "&o=1":
        assert sorted(shown) == sorted(expected)
    else:
        assert shown == expected


def test_rows_are_counted_up_to_a_maximum() -> None:
    for _ in range(3):
        make_report()
    reports = Report.objects.values("pk")
    assert [count_up_to(maximum, reports) for maximum in (2, 3, 4)] == [2, 3, 3]
    assert count_up_to(9, reports.filter(title="100 %")) == 0
    assert count_up_to(9, reports.none()) == 0


def make_reports() -> None:
    """Twelve reports, two of each minute: lamps, every third a hole, and a rare one long ago."""
    began = database.now() - timedelta(hours=1)
    for number in range(12):
        kind = "Hole" if number % 3 == 0 else "Lamp"
        rare = "rare" if number == 1 else ""
        at = began + timedelta(minutes=number // 2)
        make_report(title=f"{kind} {number}", description=rare, created_at=at)


def chosen_by(query: str) -> list[str]:
    reports = Report.objects.with_words(query).order_by("-created_at", "-id")
    return [str(pk) for pk in reports.values_list("pk", flat=True)]


def created_at(pk: str) -> Any:
    return Report.objects.get(pk=pk).created_at


def shown_at(desk: Client, address: str) -> list[str]:
    answer: Any = desk.get(address)
    return [str(report.pk) for report in answer.context["cl"].result_list]
