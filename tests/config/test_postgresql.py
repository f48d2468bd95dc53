"""The database backend."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import User


@pytest.mark.django_db
def test_statements_are_remembered_only_for_whoever_asks(settings: Settings) -> None:
    settings.DEBUG = True
    connection.queries_log.clear()
    User.objects.count()
    assert not connection.queries_log
    with CaptureQueriesContext(connection) as seen:
        User.objects.count()
    assert len(seen) == 1
