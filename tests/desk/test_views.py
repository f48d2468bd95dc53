"""Saved views and chosen columns: whose they are, and that they show nobody more than before."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, User
from desk.models import ReportColumns, SavedView
from desk.views import saving
from reports.models import DepartmentMembership
from tests.reports.desk import LIST, signed_in
from tests.reports.factories import make_department, make_report, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.fixture
def client(clerk: User) -> Client:
    return signed_in(clerk)


def manager_of(slug: str) -> User:
    user = make_staff(make_department(slug))
    DepartmentMembership.objects.filter(user=user).update(is_manager=True)
    return user


def save(client: Client, name: str = "Mine", query: str = "state=open", **fields: Any) -> str:
    """Save a view of the list; return the page that follows."""
    form = {"page": "list", "name": name, "query": query} | fields
    return client.post("/admin/views/save/", form, follow=True).content.decode()


def change(client: Client, view: SavedView, **fields: str) -> Any:
    return client.post(f"/admin/views/{view.pk}/", fields, follow=True)


def test_a_view_keeps_filters_words_order_and_columns(client: Client) -> None:
    make_report(title="Broken lamp")
    make_report(title="Deep hole")
    page = save(client, query="q=lamp&o=-2&columns=title,excerpt&p=3&e=1")
    assert "Broken lamp" in page
    assert "Deep hole" not in page
    view = SavedView.objects.get()
    assert view.query == "q=lamp&columns=title,excerpt&o=-2"
    assert f'href="{LIST}?q=lamp&amp;columns=title,excerpt&amp;o=-2&amp;view={view.pk}"' in page
    assert "A deep hole in the road." in page  # the text of both, in the column of excerpts
    event = AuditEvent.objects.get(event="savedview.added")
    assert "lamp" not in str(event.data)


def test_the_default_view_opens_the_page(client: Client, clerk: User) -> None:
    save(client, is_default="on")
    save(client, "Other", "state=done", is_default="on")
    [default] = SavedView.objects.filter(is_default=True)
    assert default.name == "Other"
    assert client.get(LIST).url == f"?{default.get_absolute_url().partition('?')[2]}"  # type: ignore[attr-defined]
    assert client.get(f"{LIST}?view=").status_code == 200
    assert signed_in(make_staff(make_department())).get(LIST).status_code == 200
    change(client, default, default="no")
    assert client.get(LIST).status_code == 200


def test_the_view_of_another_person_is_out_of_reach(client: Client) -> None:
    save(client, "Private")
    view = SavedView.objects.get()
    other = signed_in(make_staff(make_department()))
    assert "Private" not in other.get("/admin/views/").content.decode()
    assert "Private" not in other.get(f"{LIST}?view={view.pk}").content.decode()
    assert change(other, view, name="Taken").status_code == 404
    assert change(other, view, delete="yes").status_code == 404
    view.refresh_from_db()
    assert view.name == "Private"


def test_a_team_has_views_that_its_managers_change(client: Client) -> None:
    team = make_department()
    save(client, "By a clerk", team=str(team.pk))
    assert not SavedView.objects.exists()
    save(signed_in(manager_of("streets")), "Ours", team=str(team.pk))
    view = SavedView.objects.get()
    assert "Ours" in client.get(LIST).content.decode()
    assert "Only the managers" in change(client, view, name="X").content.decode()
    stranger = signed_in(manager_of("parks"))
    assert "Ours" not in stranger.get(f"{LIST}?view=").content.decode()
    assert change(stranger, view, name="X").status_code == 404
    view.refresh_from_db()
    assert view.name == "Ours"


def test_a_view_shows_each_reader_only_their_reports(client: Client) -> None:
    above = make_department("above")
    make_report(title="Secret", department=above)
    make_report(title="Own")
    team = make_department()
    SavedView.objects.create(department=team, page="list", name="All", query="state=open")
    [view] = SavedView.objects.all()
    page = client.get(view.get_absolute_url()).content.decode()
    assert "Own" in page
    assert "Secret" not in page


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"query": "nothing__here=1"}, "filter that there is not"),
        ({"query": "reporter__phone=1"}, "filter that there is not"),
        ({"query": "q=" + "x" * 2_001}, "query"),
        ({"page": "shelf"}, "page"),
        ({"name": "Mine"}, "already"),
    ],
)
def test_a_bad_view_is_refused_with_the_reason(
    client: Client, fields: dict[str, str], reason: str
) -> None:
    save(client)
    assert reason in save(client, **({"name": "Second"} | fields))
    assert SavedView.objects.count() == 1


def test_views_are_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "VIEWS_MAXIMUM", 1)
    save(client)
    assert "delete one first" in save(client, "Second")
    assert SavedView.objects.count() == 1


def test_the_map_is_saved_with_its_place(client: Client) -> None:
    save(client, query="state=open&at=15/41.30000/-72.90000", page="map")
    view = SavedView.objects.get()
    assert view.query == "state=open&at=15/41.30000/-72.90000"
    assert client.get(view.get_absolute_url()).status_code == 200


def test_columns_are_kept_for_a_person(client: Client, clerk: User) -> None:
    make_report(reporter=make_staff(reputation=17))
    form = {"columns": ["reputation", "due", "nothing"], "keep": "yes", "query": ""}
    page = client.post("/admin/columns/", form, follow=True).content.decode()
    assert "field-reputation" in page
    assert ">17<" in page
    assert "field-kind" not in page
    assert ReportColumns.objects.get(user=clerk).names == ["title", "reputation", "due"]
    other = signed_in(make_staff(make_department())).get(LIST).content.decode()
    assert "field-kind" in other
    page = client.get(f"{LIST}?columns=title,photo").content.decode()
    assert "field-photo" in page
    client.post("/admin/columns/", {"reset": "yes"})
    assert not ReportColumns.objects.exists()
