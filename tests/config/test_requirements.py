"""What the product needs is in requirements.txt: it runs without what only developers install."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parents[2]
#: Hides every package that is not listed from imports, so that an optional one is done without.
HIDE = """
import re, sys
from importlib.metadata import packages_distributions
listed = set(sys.argv[1].split(","))
own = {re.sub(r"[-_.]+", "-", name).lower() in listed and module for module, names in packages_distributions().items()
       for name in names}
hidden = packages_distributions().keys() - own - sys.stdlib_module_names

class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is no requirement", name=name)

sys.meta_path.insert(0, Hider())
"""
PROCESSES = {
    "web": "import config.serving.__main__, config.asgi",
    "worker": "import django; django.setup(); import django_dramatiq.setup, jobs.transport.link\n"
    "from embeddings.embedder import get_embedder; get_embedder()",
}
QUERY = "from django.db import connection; connection.ensure_connection()"


@pytest.mark.django_db
@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_needs_nothing_but_the_requirements(
    process: str, process_environment: dict[str, str]
) -> None:
    lines = (BASE_DIR / "requirements.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in lines if re.match(r"[\w.-]+==", line)]
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
