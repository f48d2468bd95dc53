"""What staff may type into an address or a form of the admin: nothing of it is a 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.fields import NOT_PROVIDED
from django.test import Client
from django.urls import reverse

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.models import Report
from tests.accounts.factories import make_user
from tests.reports.factories import make_category, make_department, make_report

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def desk() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    return client


def get(desk: Client, url: str) -> int:
    """The status of the answer; an error of PostgreSQL ends no more than the request."""
    before = transaction.savepoint()
    status = desk.get(url).status_code
    transaction.savepoint_rollback(before)
    return status


#: What is asked about the field of a time.
TIMES = [
    "__year=0",
    "__year=99999",
    "__year=" + "9" * 5000,
    "__gte=9999-12-31T23:59:59-23:59",
    "__lt=0001-01-01T00:00:00%2B23:59",
    "__gte=x",
]
QUERIES = [
    "q=abc",
    "q=%00",
    "q=%27",
    "q=" + "x%20" * 100,
    "o=99.-99.x",
    "o=x.99999999999",
    "p=999999",
    "p=-1",
    "p=" + "9" * 5000,
    "e=1",
    "_facets=True",
    "all=",
    "id__exact=%00",
    "id__exact=x",
    "pk__in=%00",
    "state__exact=%00",
    "created_at__month=13&created_at__year=2026",
    "password__startswith=p",
    "reporter__phone__startswith=%2B",
    "user__password__startswith=x",
    "_popup=1&_to_field=password",
    "x=1",
]
#: Each list is asked every third of these; the campaign asks each list all of them.
STRIDE = 3


def lists() -> list[tuple[str, type[models.Model]]]:
    """Return the address of the list of each table."""
    return [
        (reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), model)
        for model in admin.site._registry
    ]


def times() -> list[str]:
    """Return the address of each list, asked about each of its times, but for what is asked."""
    return [
        f"{url}?{field.name}"
        for url, model in lists()
        for field in model._meta.concrete_fields
        if isinstance(field, models.DateTimeField)
    ]


def refused(desk: Client, addresses: list[str]) -> list[str]:
    """Return the addresses that are answered with an error of ours."""
    return [address for address in addresses if get(desk, address) not in {200, 302, 400}]


@pytest.mark.usefixtures("without_menu")
@pytest.mark.parametrize("number", range(len(TIMES)), ids=lambda number: TIMES[number][:40])
def test_no_time_breaks_a_list(desk: Client, number: int) -> None:
    asked = [f"{address}{TIMES[number]}" for address in times()[number % STRIDE :: STRIDE]]
    assert refused(desk, asked) == []


@pytest.mark.usefixtures("without_menu")
@pytest.mark.parametrize("number", range(len(QUERIES)), ids=lambda number: QUERIES[number][:40])
def test_no_query_breaks_a_list(desk: Client, number: int) -> None:
    make_report()
    asked = [f"{url}?{QUERIES[number]}" for url, _ in lists()[number % STRIDE :: STRIDE]]
    assert refused(desk, asked) == []


@pytest.mark.campaign
@pytest.mark.usefixtures("without_menu")
def test_no_query_breaks_any_list(desk: Client) -> None:
    make_report()
    asked = [f"{address}{lookup}" for address in times() for lookup in TIMES]
    asked += [f"{url}?{query}" for url, _ in lists() for query in QUERIES]
    assert refused(desk, asked) == []


@pytest.mark.parametrize("app", ["accounts", "georeport", "matching", "reports"])
def test_every_field_that_staff_may_edit_is_explained(app: str) -> None:
    for model, desk in admin.site._registry.items():
        if isinstance(desk, ReadOnlyAdmin) or model._meta.app_label != app:
            continue
        for page in (desk, *(inline(model, admin.site) for inline in desk.inlines)):
            fields = [*page.model._meta.concrete_fields, *page.model._meta.many_to_many]
            hidden = {*page.readonly_fields, "password"}
            for field in fields:
                is_owner = field.related_model is model and page is not desk
                is_asked = field.editable and not (field.auto_created or is_owner)
                if is_asked and field.name not in hidden:
                    assert field.help_text, (page.model, field.name)


def test_what_staff_edit_in_reports_is_audited() -> None:
    for model, desk in admin.site._registry.items():
        is_edited = not isinstance(desk, ReadOnlyAdmin) and model != Report  # that, by its steps
        if model._meta.app_label == "reports" and is_edited:
            assert isinstance(desk, AuditedAdmin), model


def test_ledgers_are_listed_along_an_index() -> None:
    """Else each look at one sorts all of it. What is short in `jobs` may be sorted."""
    for model, desk in admin.site._registry.items():
        if isinstance(desk, ReadOnlyAdmin) and model._meta.app_label != "jobs":
            keys = {
                *(desk.ordering or model._meta.ordering or ["pk"])[:1],
                desk.date_hierarchy or "pk",
            }
            assert {str(key).lstrip("-") for key in keys} <= {"pk", *leading_fields(model)}, model


def leading_fields(model: type[models.Model]) -> Iterator[str]:
    """The fields by which the rows of a table can be read in order."""
    yield from (field.name for field in model._meta.concrete_fields if field.unique)
    yield from (
        index.fields[0].lstrip("-")
        for index in model._meta.indexes
        if index.fields and not index.condition
    )
    yield from (
        constraint.fields[0]
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
        and constraint.fields
        and not constraint.condition
    )


@pytest.mark.parametrize("chosen", ["x", "\x00", "9" * 5000, "-1", ""])
def test_no_selection_breaks_an_action(desk: Client, chosen: str) -> None:
    make_category(department=make_department())
    for url, action in (
        ("/admin/reports/report/", "mark_closed"),
        ("/admin/reports/category/", "delete_selected"),
        ("/admin/jobs/task/", "replay_dead"),
        ("/admin/accounts/user/", "disable_users"),
    ):
        answer = desk.post(url, {"action": action, "_selected_action": chosen})
        assert answer.status_code in {200, 302, 400}, url


@pytest.mark.parametrize("key", ["abc", "%00", "9" * 50, "01a20142-e08d-77b6-a29a-1efd9743bdeb"])
def test_no_key_breaks_the_way_to_an_object(desk: Client, key: str) -> None:
    for model in (User, Report, make_department().__class__):
        kind = ContentType.objects.get_for_model(model).pk
        assert desk.get(f"/admin/r/{kind}/{key}/").status_code in {302, 400, 404}
        options = model._meta
        assert desk.get(
            f"/admin/{options.app_label}/{options.model_name}/{key}/change/"
        ).status_code in {302, 400}


@pytest.mark.parametrize("value", ["x", "%00", "9" * 50, "9" * 5000])
def test_no_initial_value_breaks_a_form(desk: Client, value: str) -> None:
    for path, name in (
        ("reports/departmentmembership", "user"),
        ("reports/departmentmembership", "department"),
        ("reports/category", "department"),
        ("reports/category", "sla_hours"),
        ("accounts/user", "phone"),
    ):
        for answer in (
            desk.get(f"/admin/{path}/add/?{name}={value}"),
            desk.post(f"/admin/{path}/add/", {name: value.replace("%00", "\x00")}),
        ):
            assert answer.status_code in {200, 400}, (path, name)


def test_a_refusal_is_told_and_logged_with_its_cause(
    desk: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert desk.get("/admin/jobs/task/?created_at__year=0").status_code == 400
    (refusal,) = [record for record in caplog.records if "admin_request_refused" in str(record.msg)]
    assert "year 0 is out of range" in str(refusal.msg)


def test_a_fault_of_ours_stays_one(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(admin.site._registry[Report], "get_queryset", fail)
    assert desk.get("/admin/reports/report/").status_code == 500


def test_no_form_for_a_new_row_shows_what_the_database_fills_in(desk: Client) -> None:
    shown = {}
    for model, table in admin.site._registry.items():
        filled = {one.name for one in model._meta.fields if one.db_default is not NOT_PROVIDED}
        if filled & {*table.readonly_fields} and not isinstance(table, ReadOnlyAdmin):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
            shown[name] = "DatabaseDefault" in desk.get(reverse(name)).content.decode()
    assert {name for name, is_wrong in shown.items() if is_wrong} == set()
    assert len(shown) >= 4
