"""The desk in a real browser, on a server with production's settings and the demo city."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import override_settings
from dramatiq import get_broker

from jobs.execution import attempts
from jobs.execution.declaration import LedgerActor
from jobs.models import Task
from reports.demo import stories
from tests import databases
from tests.conftest import server_environment
from tests.desk import browser
from tests.desk.browser import Desk
from tests.serving import Server, serving

#: One of them fails, and is a dead letter then.
SHOWN = ("process_photo", "deliver_notification", "find_patterns", "discover_policy")
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.desk.served", "STAFF_TOTP_REQUIRED": "on"}


@pytest.fixture(scope="package")
def city(django_db_blocker: Any) -> Iterator[str]:
    """The name of a database with the demo city, beside that of the tests without a browser."""
    name = f"test_city_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    server = os.environ.get("TESTS_TEMPLATE_SERVER") or os.environ["DATABASE_URL"]
    with django_db_blocker.unblock():
        databases.copy(name, template=databases.ensure_template(server), server=server)
        with databases.entered(name), override_settings(DEBUG=True):
            databases.guard_application()
            call_command("load_demo", stdout=StringIO())
            _work()
    yield name
    databases.drop(name, server=server)


def _work() -> None:
    """Run the tasks whose outcome the desk's pages show, but not those that load a model.

    Photos are converted of one report alone: those of all others are not looked at.
    """
    photos = [[str(photo.pk)] for photo in stories.report_of("pothole").photos.all()]
    for task in Task.objects.due().filter(actor__in=SHOWN).order_by("id"):
        if task.actor == "process_photo" and task.args not in photos:
            continue
        actor = get_broker().get_actor(task.actor)
        assert isinstance(actor, LedgerActor)
        attempts.run(actor, task.id, uuid4())


@pytest.fixture(scope="package")
def city_server(city: str, django_db_blocker: Any) -> Iterator[Server]:
    """The web server of the demo city."""
    with django_db_blocker.unblock(), databases.entered(city):
        environment = server_environment()
    with serving(environment, **SETTINGS) as server:
        yield server


@pytest.fixture(scope="package")
def running_desk(city_server: Server) -> Iterator[Desk]:
    with browser.chromium() as program:
        yield Desk(program, city_server)


@pytest.fixture
def desk(running_desk: Desk, city: str, django_db_blocker: Any) -> Iterator[Desk]:
    """The desk of the demo city in a browser; the test asks the city's database.

    It is for tests marked `browser`, which all run in one process and share one server. What a test
    writes stays: let it work on reports of its own.
    """
    with django_db_blocker.unblock(), databases.entered(city):
        yield running_desk
