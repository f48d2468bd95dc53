"""Fixtures of the tests of reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from accounts.models import User
from reports.classification import classifier
from reports.models import Category, Department, Report
from tests.reports.classifying import TAXONOMY, add_category
from tests.reports.factories import make_report, make_user
from tests.reports.outside import Outside, outside_server

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


@pytest.fixture
def superuser() -> User:
    """A member of staff with every right."""
    return make_user(is_staff=True, is_superuser=True)


@pytest.fixture
def photo_storage(settings: LazySettings, tmp_path: Path) -> Path:
    """The folder of this test's photos."""
    folder = tmp_path / "photos"
    options = settings.STORAGES["photos"]["OPTIONS"] | {"location": folder}
    settings.STORAGES = settings.STORAGES | {
        "photos": settings.STORAGES["photos"] | {"OPTIONS": options}
    }
    return folder


@pytest.fixture
def report() -> Report:
    """A citizen's report."""
    return make_report(reporter=make_user())


@pytest.fixture
def owner(report: Report, as_user: SignIn) -> APIClient:
    """The client of the citizen whose report it is."""
    assert report.reporter is not None
    return as_user(report.reporter)


@pytest.fixture
def nothing_learned_before() -> Iterator[None]:
    """The classifier learns anew in the test, and forgets what it learned there."""
    classifier._fitted = None
    yield
    classifier._fitted = None


@pytest.fixture
def department() -> Department:
    """A department for the categories of a test."""
    return Department.objects.create(slug="works", name="Public works")


@pytest.fixture
def categories(department: Department) -> dict[str, Category]:
    """Four categories with a few phrases each: quick to learn."""
    chosen = {"pothole", "street_light", "snow", "graffiti"}
    return {
        text.slug: add_category(department, text.slug) for text in TAXONOMY if text.slug in chosen
    }


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    """The file for the rows that an import rejects."""
    return tmp_path / "rejects.jsonl"


@pytest.fixture
def outside(settings: LazySettings) -> Iterator[Outside]:
    """A server on loopback, which may be called, without long waits."""
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.COLLECTION_REQUESTS_PER_HOST_MINUTE = 10_000
    settings.COLLECTION_SILENCE_SECONDS = 5
    with outside_server() as server:
        yield server
