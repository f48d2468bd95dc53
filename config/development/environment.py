"""Creation of the virtual environment: `python3.11 -m config.development.environment
[development] [spark]`.

It installs the pinned requirements with uv, or with pip where there is no uv, and does nothing when
they have not changed since the last time. It uses the standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from config.development import system

BASE_DIR = Path(__file__).resolve().parent.parent.parent
FOLDER = BASE_DIR / ".venv"
PYTHON = FOLDER / "bin" / "python"
OLDEST_PYTHON = (3, 11)
PRODUCT = "requirements.txt"
#: What else an argument installs.
EXTRAS = {"development": "requirements-dev.txt", "spark": "requirements-spark.txt"}


def main(arguments: list[str]) -> None:
    """Create `.env` and install every pinned package into `.venv`."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit("CivicLens needs Python 3.11 or later: make PYTHON=python3.11 …")
    _write_environment_file()
    files = [PRODUCT, *(EXTRAS[name] for name in EXTRAS if name in arguments)]
    try:
        for name in files:
            _install(BASE_DIR / name)
    except (system.PackageMissingError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


def _install(requirements: Path) -> None:
    stamp = FOLDER / f".{requirements.stem}.sha256"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    uv = _uv()
    if not (uv and _install_with_uv(uv, requirements)):
        _install_with_pip(requirements)
    stamp.write_text(digest)


def _install_with_uv(uv: str, requirements: Path) -> bool:
    """Install with uv and return whether that worked; uv may not reach the index that pip uses."""
    print(f"Installing {requirements.name} with uv …", flush=True)
    if not _is_working():
        _remove()
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(FOLDER)], check=True)
    command = [uv, "pip", "install", "--python", str(PYTHON), "-r", str(requirements)]
    trust = {
        "UV_SYSTEM_CERTS": "1",
        "UV_NATIVE_TLS": "1",
    }  # use the machine's certificates; uv renamed the variable
    return subprocess.run(command, env=os.environ | trust, check=False).returncode == 0


def _install_with_pip(requirements: Path) -> None:
    print(f"Installing {requirements.name} with pip …", flush=True)
    pip = [str(PYTHON), "-m", "pip"]
    if (
        not _is_working()
        or subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode
    ):
        _remove()
        major, minor = sys.version_info[:2]
        system.ensure_package(f"python{major}.{minor}-venv", _has_ensurepip)
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
    # The file names all packages, and what is imported is compiled then: the rest halves the time.
    options = ["--disable-pip-version-check", "--no-deps", "--no-compile", "--progress-bar", "on"]
    subprocess.run([*pip, "install", *options, "-r", str(requirements)], check=True)


def _is_working() -> bool:
    return PYTHON.exists() and subprocess.run([str(PYTHON), "-c", ""], check=False).returncode == 0


def _remove() -> None:
    print(f"Making the virtual environment in {FOLDER} …", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)


def _has_ensurepip() -> bool:
    """Return whether ensurepip is there, which installs pip; Debian packages it separately."""
    importlib.invalidate_caches()
    return importlib.util.find_spec("ensurepip") is not None


def _uv() -> str | None:
    """Return the path of uv if it is installed and works, else None."""
    path = shutil.which("uv")
    if (
        path
        and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    ):
        return path
    return None


def _write_environment_file() -> None:
    """Write `.env` with DEBUG=on if there is none, so that a plain `manage.py` has a database."""
    path = BASE_DIR / ".env"
    if not path.exists():
        path.write_text("DEBUG=on\n")


if __name__ == "__main__":
    main(sys.argv[1:])
