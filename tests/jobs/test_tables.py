"""Commands on a database in which nothing has been made yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

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
    name = f"empty_{uuid4().hex[:8]}"
    url = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{name}"
    )  # in development one role does everything
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield process_environment | {"DATABASE_URL": url.geturl()}
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


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


@pytest.mark.slow
def test_in_development_the_tables_are_made(empty_database: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", *evaluate_matching(tmp_path), "--json"]
    environment = empty_database | SERVING | {"DEBUG": "on"}
    answer = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert json.loads(answer.stdout)["embedder"], answer.stderr


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
