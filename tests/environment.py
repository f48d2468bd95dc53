"""What the settings make of an environment, without a process of its own to read it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
import structlog

SETTINGS = Path(__file__).resolve().parent.parent / "config" / "settings.py"


def read_settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, Any]:
    """Read the settings anew with these values in the environment.

    Raises:
        ImproperlyConfigured: a value makes no sense, as which it would end a starting process.
    """
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    values_read: dict[str, Any] = {"__name__": "config.settings", "__file__": str(SETTINGS)}
    logging_before = structlog.get_config()
    try:
        exec(compiled_settings(), values_read)
    finally:
        structlog.configure(**logging_before)  # which the settings replace
    return values_read


@cache
def compiled_settings() -> CodeType:
    """Compile the settings once, since they are read hundreds of times."""
    return compile(SETTINGS.read_text(), SETTINGS, "exec")
