"""Every page of the desk in a browser: signed in to, and judged by the rules of WCAG.

The desk's own pages and the public ones are judged in one look each, by turns in both sizes and
both colours. The campaign judges them in two looks, which have both sizes and both colours, and of
the lists and forms of all tables every twelfth in one; with TESTS_WHOLE_DESK=on each in all four.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse

import desk.urls
from accounts.models import User
from jobs.models import Task
from jobs.states import State
from reports.confirmation import links
from reports.demo import people, stories
from reports.following import unsubscribing
from reports.models import DispatchPlan, Status, StatusChange
from tests.desk.browser import EVERY_LOOK, LOOKS, Desk, Look, sign_in, violations
from tests.reports.factories import make_category, make_department

pytestmark = pytest.mark.browser

WHOLE = os.environ.get("TESTS_WHOLE_DESK") == "on"
STRIDE = 1 if WHOLE else 12
#: Lists and forms that the desk has made its own, beside the pages of `desk.urls`.
LISTS = [
    "index", "password_change", "reports_report_changelist", "jobs_dashboard_changelist",
    "jobs_task_changelist", "jobs_scheduletick_changelist", "reports_routingrule_trial",
    "imports_upload_add",
]  # fmt: skip
#: What `desk.urls` serves to scripts, and what only takes a form.
NO_PAGES = {
    "desk_find_answers", "desk_map_reports", "desk_map_background", "desk_triage_line",
    "desk_triage_undo",
}  # fmt: skip


def test_staff_sign_in_with_password_and_code(desk: Desk) -> None:
    with desk.page() as page:
        page.goto("/admin/")
        assert violations(page, name="sign-in", looks=LOOKS) == []
        sign_in(page, administrator())
        assert page.locator("#user-tools").is_visible()


def test_pages_of_the_desk(desk: Desk) -> None:
    name = "Public Space, Streets, Sidewalks, Drains and Everything Else under the Open Sky"
    make_department("long-name", name=name)
    make_category("long-name", name=name)
    assert judge(desk, own_pages(), user=administrator()) == {}


def test_pages_for_citizens(desk: Desk) -> None:
    assert judge(desk, public_pages(), user=None) == {}


@pytest.mark.campaign
def test_every_page_in_both_sizes_and_colours(desk: Desk) -> None:
    looks = EVERY_LOOK if WHOLE else LOOKS
    assert judge(desk, public_pages(), user=None, looks=looks) == {}
    assert judge(desk, own_pages(), user=administrator(), looks=looks) == {}


@pytest.mark.campaign
def test_lists_and_forms_of_every_table(desk: Desk) -> None:
    addresses = list(table_pages(administrator()))[::STRIDE]
    looks = EVERY_LOOK if WHOLE else ()
    assert judge(desk, addresses, user=administrator(), looks=looks) == {}


def judge(
    desk: Desk, addresses: Sequence[str], *, user: User | None, looks: Sequence[Look] = ()
) -> dict[str, list[str]]:
    """Return what is wrong with the pages of these addresses, as the user sees them.

    Without `looks` each is judged in another one, and no picture of it is kept.
    """
    faults = {}
    with desk.page(user) as page:
        for number, address in enumerate(addresses):
            looked_up = page.request.get(address)
            assert looked_up.status < 500, address
            if looked_up.status == 405 or "html" not in looked_up.headers["content-type"]:
                continue  # it takes a form, or answers scripts
            page.goto(address)
            one = [EVERY_LOOK[number % len(EVERY_LOOK)]]
            faults[address] = violations(page, name=address if looks else "", looks=looks or one)
    return {address: found for address, found in faults.items() if found}


def public_pages() -> list[str]:
    """Return the addresses of the pages for citizens, each about something of the city."""
    report = stories.report_of("pothole")
    resolution = StatusChange.objects.filter(to_status=Status.RESOLVED).latest("at")
    citizen = User.objects.get(name="Ada Quill")
    return [
        *map(reverse, ("home", "portal-reports", "portal-report")),
        reverse("report-page", args=[report.pk]),
        links.path_of(f"{resolution.report_id}:{resolution.pk}"),
        links.path_of(f"{resolution.report_id}:0"),
        unsubscribing.path_for_daily_news(citizen.pk),
        reverse("problem-types"),
    ]


def administrator() -> User:
    return User.objects.get(email=people.ADMIN_LOGIN)


def own_pages() -> list[str]:
    """Return the addresses of the desk's own pages; those about a row show one of the city."""
    report = stories.report_of("pothole")
    plan = DispatchPlan.objects.filter(applied_at=None).latest("result__created_at")
    dead = Task.objects.filter(state=State.DEAD).latest("created_at")
    names = [page.name for page in desk.urls.pages if "<" not in str(page.pattern)]
    return [
        *(reverse(f"admin:{name}") for name in [*LISTS, *names] if name not in NO_PAGES),
        reverse("admin:reports_report_change", args=[report.pk]),
        reverse("admin:desk_triage_report", args=[report.pk]),
        reverse("admin:reports_dispatchplan_change", args=[plan.pk]),
        reverse("admin:jobs_task_change", args=[dead.pk]),
    ]


def table_pages(user: User) -> Iterator[str]:
    """Yield the list of each table, and the forms with which a row is added and changed."""
    request = RequestFactory().get("/")
    request.user = user
    for model, table in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        if table.has_add_permission(request):
            yield reverse(f"{name}_add")
        if row := model._default_manager.first():
            yield reverse(f"{name}_change", args=[row.pk])
