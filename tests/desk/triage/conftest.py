"""What the tests of triage share."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.reports.desk import signed_in
from tests.reports.factories import make_department, make_staff


@pytest.fixture(autouse=True)
def _grace(settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 60


@pytest.fixture
def office() -> Any:
    """The department to which reports go whose category is not certain."""
    return make_department("desk", is_triage=True)


@pytest.fixture
def clerk(office: Any) -> User:
    return make_staff(office, name="Ana Clerk")


@pytest.fixture
def client(clerk: User) -> Client:
    return signed_in(clerk)
