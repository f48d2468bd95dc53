"""Commands on a database that lacks tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from notifications.models import Delivery
from tests import databases

BASE_DIR = Path(__file__).resolve().parents[2]
OPPORTUNITY = {
    "external_id": "o1",
    "kind": "volunteering",
    "title": "Plant street trees",
    "description": "Saturdays in the park.",
    "organisation": "Parks",
    "category": "Environment",
}
JUDGED = {
    "profile": {"id": "p1", "headline": "Gardener", "skills": ["trees"], "wants": ["volunteering"]},
    "judgements": {"o1": 3},
}

SERVING = {
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP",
    "ALLOWED_HOSTS": "civiclens.example",
    "EMAIL_URL": "smtp://127.0.0.1:9",
    "SMS_PROVIDER_URL": "http://127.0.0.1:9/",
    "SMS_PROVIDER_TOKEN": "test",
}


@pytest.fixture
def empty_database(
    process_environment: dict[str, str], transactional_db: None
) -> Iterator[dict[str, str]]:
    """The environment of a process whose database has no tables."""
    with made("template0") as url:
        yield process_environment | {"DATABASE_URL": url}


@pytest.fixture
def incomplete_database(
    process_environment: dict[str, str], transactional_db: None
) -> Iterator[dict[str, str]]:
    """The environment of a process whose database was made before the app of notifications.

    Where the tests have no template it has no tables at all.
    """
    server = os.environ.get("TESTS_TEMPLATE_SERVER")
    with made(databases.ensure_template(server) if server else "template0") as url:
        if server:
            forget_notifications(url)
        yield process_environment | {"DATABASE_URL": url}


@contextmanager
def made(template: str) -> Iterator[str]:
    """Make a database from a template for a block; give its URL, by which one role does all."""
    name = f"lacking_{uuid4().hex[:8]}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def forget_notifications(url: str) -> None:
    """Drop the tables of an app on which no other depends, and that it was migrated."""
    with databases.connected_to(url), connection.cursor() as cursor:
        for model in apps.get_app_config("notifications").get_models():
            cursor.execute(f"DROP TABLE {model._meta.db_table}")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'notifications'")


def evaluate_matching(folder: Path) -> list[str]:
    opportunities, judgements = folder / "opportunities.jsonl", folder / "judgements.jsonl"
    opportunities.write_text(json.dumps(OPPORTUNITY) + "\n")
    judgements.write_text(json.dumps(JUDGED) + "\n")
    return [
        "evaluate_matching",
        "--opportunities",
        str(opportunities),
        "--judgements",
        str(judgements),
    ]


def evaluate_classification(folder: Path) -> list[str]:
    labelled = folder / "labelled.csv"
    labelled.write_text(
        "category,description\npothole,A deep pothole in the road\ngraffiti,Spray paint on a wall\n"
    )
    return ["evaluate_classification", str(labelled)]


def loading(command: str, folder: Path) -> list[str]:
    return [command, str(folder / "file")]


def test_in_development_the_tables_are_made(
    incomplete_database: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "manage.py", *evaluate_matching(tmp_path), "--json"]
    environment = incomplete_database | SERVING | {"DEBUG": "on"}
    answer = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert json.loads(answer.stdout)["embedder"], answer.stderr
    with databases.connected_to(environment["DATABASE_URL"]):
        assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        evaluate_matching,
        evaluate_classification,
        *(
            partial(loading, name)
            for name in ("load_boundary", "load_categories", "load_gazetteer")
        ),
    ],
)
def test_elsewhere_that_is_asked_for(
    empty_database: dict[str, str], tmp_path: Path, arguments: Callable[[Path], list[str]]
) -> None:
    with (
        databases.connected_to(empty_database["DATABASE_URL"]),
        pytest.raises(CommandError, match=r"run `manage\.py migrate` first"),
    ):
        call_command(*arguments(tmp_path))
