"""The rows of the desk's lists: as Django draws them, and with its links, icons and escapes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.templatetags import admin_list
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from desk.templatetags import desk_lists
from reports.desk.columns import COLUMNS
from reports.models import Category, Department, Report, StatusChange
from tests.accounts.factories import make_user
from tests.reports.desk import signed_in
from tests.reports.factories import make_category, make_department, make_report, make_staff

pytestmark = pytest.mark.django_db
TITLE = '<b>"Lamp" & co</b>'


@pytest.fixture
def clerk() -> User:
    return make_user(is_staff=True, is_superuser=True)


def list_of(model: type[Any], clerk: User, query: dict[str, str]) -> ChangeList:
    request: HttpRequest = RequestFactory().get("/admin/", query)
    request.user = clerk
    page: Any = admin.site.get_model_admin(model)
    chosen: ChangeList = page.get_changelist_instance(request)
    chosen.formset = None
    return chosen


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Report, {}),
        (Report, {"columns": ",".join(COLUMNS), "status__exact": "new", "o": "1"}),
        (Category, {}),
        (Department, {}),
        (User, {"is_staff__exact": "1"}),
        (StatusChange, {}),
        (AuditEvent, {}),
    ],
)
def test_rows_are_drawn_as_django_draws_them(
    clerk: User, model: type[Any], query: dict[str, str], django_assert_num_queries: Any
) -> None:
    make_report(title=TITLE, reporter=clerk)
    lamp = make_category("lamp")
    make_report(published_at=None, assignee=clerk, category=lamp, status="new")
    AuditEvent.objects.create(event="report.created", subject="report:1", actor_id=clerk.pk)
    drawn = list_of(model, clerk, query)
    drawn.result_list = list(drawn.result_list)
    with django_assert_num_queries(0):  # all was read with the list
        rows = list(desk_lists.rows(drawn))
    assert rows == ["".join(row) for row in admin_list.results(drawn)]
    assert rows


def test_the_list_leads_to_its_rows_and_escapes_them(clerk: User) -> None:
    report = make_report(title=TITLE)
    page = signed_in(clerk).get("/admin/reports/report/?state=open").content.decode()
    link = f"/admin/reports/report/{report.pk}/change/?_changelist_filters=state%3Dopen"
    heading = f'<a href="{link}">&lt;b&gt;&quot;Lamp&quot; &amp; co&lt;/b&gt;</a>'
    assert f'<th class="field-title">{heading}</th>' in page
    assert '<td class="field-assigned">-</td>' in page


def test_the_list_reads_no_more_than_it_shows(clerk: User) -> None:
    make_report(description="Long")
    for columns, is_read in (("", False), ("excerpt", True)):
        with CaptureQueriesContext(connection) as statements:
            page = signed_in(clerk).get("/admin/reports/report/", {"columns": columns})
        reads = [one["sql"] for one in statements if '"reports_report"."title"' in one["sql"]]
        assert ['"description"' in sql for sql in reads] == [is_read]
        assert ("Long" in page.content.decode()) is is_read


@pytest.mark.parametrize("path", ["report/", "report/?status__exact=new", "moderationcase/"])
def test_an_action_says_what_of_the_selection_is_not_in_the_list(path: str) -> None:
    """A colleague has handed the reports over, or taken a step with them, meanwhile."""
    works = make_department()
    desk = signed_in(make_staff(works))
    there = make_report(department=works, status="triaged")
    gone = make_report(department=make_department("parks"))
    selected = [gone.pk, *([there.pk] if "status" in path else [])]
    action = "approve" if "moderation" in path else "mark_resolved"
    form = {"action": action, "_selected_action": selected, "previewed": "yes", "confirmed": "yes"}
    page = desk.post(f"/admin/reports/{path}", form, follow=True).content.decode()
    rows = "2 selected rows are" if len(selected) == 2 else "1 selected row is"
    assert f"{rows} not in this list any more" in page
    assert not Report.objects.filter(status="resolved").exists()
