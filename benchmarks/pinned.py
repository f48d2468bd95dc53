"""Virtual environments of tools whose requirements must stay apart from the product's."""

from __future__ import annotations

import hashlib
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

from benchmarks.services import BASE_DIR, BenchmarkError


def python_with(tool: str, folder: Path, say: Callable[[str], None]) -> Path:
    """Return the Python of the environment `folder/TOOL`, made from `benchmarks/TOOL.txt`.

    Raises:
        BenchmarkError: the tool could not be installed.
    """
    pins, home = BASE_DIR / "benchmarks" / f"{tool}.txt", folder / tool
    python, stamp = home / "bin" / "python", home / "pins.sha256"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == digest):
        say(f"installing {tool} in {home}")
        venv.create(home, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "-r", str(pins)]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkError(f"{tool} could not be installed:\n{done.stderr[-2000:]}")
        stamp.write_text(digest)
    return python
