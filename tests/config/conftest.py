"""What tests of several apps together share."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from django.contrib import admin
from rest_framework.test import APIClient

from desk.shell import navigation
from tests import databases
from tests.config.world import World, make_world, signed_in


@pytest.fixture
def without_menu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the menus of all models, half of the work for a page, out of the desk's pages."""
    monkeypatch.setattr(navigation, "sections", lambda *_arguments: [])
    monkeypatch.setattr(admin.site, "get_app_list", lambda *_arguments, **_options: [])


@pytest.fixture(scope="module")
def shared_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """One of each, for all tests of a file."""
    yield from databases.shared(make_world, django_db_blocker)


@pytest.fixture
def world(shared_world: World, db: None, settings: Any) -> World:
    """The shared world with objects and clients of the test's own, whose effects are undone."""
    settings.MATCHING_WAIT_SECONDS = 0
    own = deepcopy(shared_world)
    clients = {role: signed_in(token) for role, token in own.tokens.items()}
    clients["anonymous"] = APIClient(raise_request_exception=False)
    return replace(own, clients=clients)
