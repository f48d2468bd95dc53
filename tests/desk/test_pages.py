"""Every page of the desk in a browser: signed in to, and judged by the rules of WCAG."""

from __future__ import annotations

import pytest

from accounts.models import User
from reports.demo import people
from tests.desk.browser import Desk, sign_in, violations

pytestmark = pytest.mark.browser


def test_staff_sign_in_with_password_and_code(desk: Desk) -> None:
    with desk.page() as page:
        sign_in(page, User.objects.get(email=people.ADMIN_LOGIN))
        assert page.locator("#desk-nav").is_visible()
        assert violations(page, name="home") == []
