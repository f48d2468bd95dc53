"""Fixtures of the tests of reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import User

SignIn = Callable[..., APIClient]


@pytest.fixture
def api() -> APIClient:
    """Nobody signed in."""
    return APIClient()


@pytest.fixture
def as_user() -> SignIn:
    """`as_user(user)` is a client signed in as that user."""

    def sign_in(user: User) -> APIClient:
        client = APIClient()
        client.force_authenticate(user)
        return client

    return sign_in
