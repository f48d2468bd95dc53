"""Fixtures of the tests of matching."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from matching.partners import keys

SignIn = Callable[..., APIClient]
AsPartner = Callable[..., APIClient]


@pytest.fixture
def as_user() -> SignIn:
    """`as_user(user)` is a client signed in as that user."""

    def sign_in(user: User) -> APIClient:
        client = APIClient()
        client.force_authenticate(user)
        return client

    return sign_in


@pytest.fixture
def as_partner() -> AsPartner:
    """`as_partner(name)` is a client with a new key of the partner of that name."""

    def with_key(name: str = "Green City") -> APIClient:
        client = APIClient()
        client.credentials(
            HTTP_AUTHORIZATION=f"Api-Key {keys.create_key(keys.partner_named(name))}"
        )
        return client

    return with_key


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    """Changes take effect at once."""
    settings.MATCHING_DEBOUNCE_SECONDS = 0
    settings.MATCHING_WAIT_SECONDS = 0
