"""The frame of the desk in a browser: its search box, its menu and its filters."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from accounts.models import User
from tests.desk.browser import Desk

pytestmark = pytest.mark.browser
PHONE = "+12035550890"


def superuser() -> User:
    """Return a member of staff of these tests alone, so that others do not end their session."""
    known = User.objects.filter(phone=PHONE).first()
    return known or User.objects.create_superuser(PHONE, name="Frame")


def test_the_search_box_is_used_by_keys_alone(desk: Desk) -> None:
    with desk.page(superuser()) as page:
        page.goto("/admin/help/")
        page.keyboard.press("/")
        page.keyboard.type("routing")
        page.locator("#desk-search-answers a", has_text="Routing rules").first.wait_for()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#desk-search-answers a").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#desk-search-answers")).to_be_hidden()
        expect(page.locator("#desk-search-words")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin/find/?q=routing")
        page.get_by_role("link", name="Routing rules").first.click()
        page.wait_for_url("**/admin/reports/routingrule/")


def test_on_a_phone_menu_and_filters_stand_behind_buttons(desk: Desk) -> None:
    with desk.page(superuser(), size="phone") as page:
        page.goto("/admin/accounts/user/")
        menu, navigation = page.get_by_role("button", name="Menu"), page.locator("#desk-nav")
        expect(navigation).to_be_hidden()
        menu.click()
        expect(navigation.get_by_role("link", name="People")).to_have_attribute(
            "aria-current", "page"
        )
        page.keyboard.press("Escape")
        expect(navigation).to_be_hidden()
        expect(menu).to_be_focused()
        filters = page.locator("#changelist-filter")
        expect(filters).to_be_hidden()
        page.get_by_role("button", name=re.compile("Filters")).click()
        expect(filters).to_be_visible()
        name = page.locator("#result_list tbody td.field-name").first
        assert name.get_attribute("data-label") == "Name"
