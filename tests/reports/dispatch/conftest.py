"""What the tests of plans of crews' days share."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.reports.conftest import SignIn
from tests.reports.factories import make_clerk


@pytest.fixture
def clerk() -> User:
    return make_clerk()


@pytest.fixture
def client(clerk: User, as_user: SignIn) -> APIClient:
    return as_user(clerk)
