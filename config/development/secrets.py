"""The secret key of a development installation."""

from __future__ import annotations

import secrets
from pathlib import Path


def development_key(data_dir: Path) -> str:
    """Return the key in `data_dir/secret_key`, which is created on first use."""
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()
