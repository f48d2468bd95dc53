"""The image of `Dockerfile` holds the whole application."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the last stage of the Dockerfile copies from the repository.

    It holds compiled modules too, which the image has not: they need not be compiled once more, and
    Python uses none whose source is missing.
    """
    folder = tmp_path_factory.mktemp("image")
    for source, target in _copied():
        place = folder / target
        if (BASE_DIR / source).is_dir():
            shutil.copytree(BASE_DIR / source, place)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(BASE_DIR / source, place)
    return folder


@pytest.mark.parametrize(
    "options", [["--dry-run"], pytest.param([], marks=pytest.mark.campaign)], ids=["names", "files"]
)
def test_the_image_has_every_module_that_its_settings_name(image: Path, options: list[str]) -> None:
    """The campaign compresses the files too, as the image is built."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "collectstatic-only",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", *options]
    done = subprocess.run(
        command, cwd=image, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_docker_is_given_all_that_the_image_copies() -> None:
    given = {
        line.removeprefix("!")
        for line in (BASE_DIR / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {source for source, _ in _copied()} - given == set()


def _copied() -> list[tuple[str, str]]:
    """Return source and target of each COPY from the repository into the last stage's folder."""
    last_stage = (BASE_DIR / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    pairs = []
    for line in last_stage.splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            *sources, target = shlex.split(line)[1:]
            pairs += [(source, target) for source in sources]
    return pairs
