from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from notifications.channels import mailbox

Messages = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def sent_messages(tmp_path: Path, settings: Any) -> Messages:
    """What the development mailbox of this test holds, oldest first."""
    settings.DATA_DIR = tmp_path
    return lambda: (
        [json.loads(line) for line in mailbox.path().read_text().splitlines()]
        if mailbox.path().exists()
        else []
    )
