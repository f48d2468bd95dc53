"""The frame of the desk: who sees which entries, and the pages that belong to it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from tests.reports.factories import make_department, make_report, make_staff

pytestmark = pytest.mark.django_db


def desk_of(user: User, *permissions: str) -> Client:
    """Return the browser of a member of staff with these permissions."""
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def entries(client: Client, address: str = "/admin/") -> dict[str, str]:
    """Return the entries of the navigation, each with its address."""
    page = client.get(address).content.decode()
    nav = page[page.index('id="desk-nav"') : page.index("</nav>")]
    return {label: path for path, label in re.findall(r'href="([^"]*)".*?<span>(.*?)</span>', nav)}


def current(client: Client, address: str) -> list[str]:
    """Return the entries marked as the present page."""
    page = client.get(address).content.decode()
    return re.findall(r'aria-current="page"[^>]*>.*?<span>(.*?)</span>', page)


def test_a_clerk_sees_the_work_on_reports_alone() -> None:
    seen = entries(desk_of(make_staff(make_department())))
    assert {"Today", "Triage", "Reports", "Map", "Moderation", "Duplicates"} <= seen.keys()
    assert not {"People", "Jobs", "Messages", "Sources", "Settings", "Audit"} & seen.keys()
    assert seen["Reports"] == "/admin/reports/report/"


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("accounts/user/", 403, "ask your administrator"),
        ("triage/{}/", 404, "handed over"),
        ("no/such/page/", 404, "There is no such page"),
    ],
)
def test_a_page_that_its_reader_does_not_get_says_why(
    address: str, status: int, words: str
) -> None:
    elsewhere = make_report(department=make_department("parks"))
    clerk = desk_of(make_staff(make_department()))
    answer = clerk.get(f"/admin/{address.format(elsewhere.pk)}")
    page = answer.content.decode()
    assert answer.status_code == status
    assert words in page
    assert 'id="desk-nav"' in page, "within the frame"


def test_a_list_has_the_name_of_its_entry_and_says_that_it_is_empty() -> None:
    clerk = desk_of(make_staff(make_department()))
    page = clerk.get("/admin/reports/duplicatepair/").content.decode()
    assert "<h1>Duplicates</h1>" in page
    assert "There is nothing here yet." in page
    assert 'name="action"' not in page
    searched = clerk.get("/admin/reports/report/?q=hole").content.decode()
    assert "Nothing here fits the search and the filters." in searched


def test_an_editor_of_the_catalogue_sees_its_settings() -> None:
    desk = desk_of(make_staff(), "view_category", "change_category", "add_category")
    assert {"Today", "Settings"} <= entries(desk).keys()
    assert not {"Reports", "Moderation", "Jobs"} & entries(desk).keys()
    page = desk.get("/admin/settings/").content.decode()
    assert 'href="/admin/reports/category/add/"' in page
    assert "/admin/reports/routingrule/" not in page


def test_an_operator_sees_operations() -> None:
    seen = entries(desk_of(make_staff(), "view_task", "view_delivery", "view_dashboard"))
    assert {"Jobs", "Messages", "All tables"} <= seen.keys()
    assert not {"Reports", "Settings", "People"} & seen.keys()


def test_a_superuser_sees_everything_and_each_entry_opens() -> None:
    desk = desk_of(make_staff(is_superuser=True))
    seen = entries(desk)
    assert {"Reports", "People", "Opportunities", "Sources", "Jobs", "Settings"} <= seen.keys()
    opened = {label: desk.get(path, follow=True).status_code for label, path in seen.items()}
    assert opened == dict.fromkeys(seen, 200)


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("/admin/", "Today"),
        ("/admin/reports/report/", "Reports"),
        ("/admin/reports/routingrule/order/", "Settings"),
        ("/admin/jobs/dashboard/", "Jobs"),
        ("/admin/tables/", "All tables"),
    ],
)
def test_the_entry_of_the_present_page_is_marked(address: str, label: str) -> None:
    desk = desk_of(make_staff(is_superuser=True))
    assert current(desk, address) == [label]


def test_settings_are_refused_to_those_who_may_open_none() -> None:
    desk = desk_of(make_staff(make_department()))
    assert desk.get("/admin/settings/").status_code == 403


def test_all_tables_are_those_one_may_open() -> None:
    page = desk_of(make_staff(), "view_task").get("/admin/tables/").content.decode()
    assert "/admin/jobs/task/" in page
    assert "/admin/reports/report/" not in page
    assert Client().get("/admin/tables/").status_code == 302


def test_the_handbook_leads_to_pages_that_there_are() -> None:
    desk = desk_of(make_staff(is_superuser=True))
    page = desk.get("/admin/help/").content.decode()
    text = page[page.index('class="card text"') :]
    assert "<kbd>/</kbd>" in text
    assert "**" not in text
    assert "](" not in text
    addresses = set(re.findall(r'href="(/admin/[^"#]*)"', text))
    assert "/admin/reports/report/?deadline=overdue" in addresses
    missing = {one for one in addresses if desk.get(unescape(one), follow=True).status_code != 200}
    assert missing == set()
    anchors = re.findall(r'<a href="#([^"]+)">', page)
    assert len(anchors) >= 10
    assert all(f'id="{anchor}"' in text for anchor in anchors)


def test_a_filtered_list_leads_to_its_triage() -> None:
    desk = desk_of(make_staff(make_department()))
    page = desk.get("/admin/reports/report/?deadline=overdue").content.decode()
    assert 'href="/admin/triage/?deadline=overdue"' in page
    assert desk.get("/admin/triage/?deadline=overdue").context["is_filtered"]


def test_signing_in_and_out_has_one_word_everywhere(settings: LazySettings) -> None:
    settings.STAFF_TOTP_REQUIRED = True
    form = Client().get("/admin/login/").content.decode()
    assert 'type="submit" value="Sign in"' in form
    assert ">Code of your authenticator:</label>" in form
    settings.STAFF_TOTP_REQUIRED = False
    clerk = make_staff(make_department())
    clerk.set_password("a quiet harbour")
    clerk.save()
    desk = desk_of(clerk)
    pages = [
        form,
        *(desk.get(f"/admin/{path}").content.decode() for path in ("", "password_change/")),
    ]
    pages.append(desk.post("/admin/logout/").content.decode())
    assert "Sign in again" in pages[-1]
    for page in pages:
        assert not re.search(r"Log (in|out)|Logged|OTP", page)


@pytest.mark.parametrize("address", ["https://elsewhere.example/", "//elsewhere.example", ""])
def test_signing_in_leads_to_the_desk_alone(address: str) -> None:
    clerk = make_staff(make_department())
    clerk.set_password("a quiet harbour")
    clerk.save()
    form = {"username": clerk.phone, "password": "a quiet harbour", "next": address}
    answer = Client().post(f"/admin/login/?next={address}", form)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
