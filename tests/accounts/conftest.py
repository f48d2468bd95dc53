from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.testing import run_tasks
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


@pytest.fixture
def received_code(sent_messages: Messages) -> Callable[[str], str]:
    """Run the waiting tasks; the code in the newest message to a recipient."""

    def newest(recipient: str) -> str:
        run_tasks()
        body = [message["body"] for message in sent_messages() if message["to"] == recipient][-1]
        codes: list[str] = re.findall(r"\b\d{6}\b", body)
        assert len(codes) == 1
        return codes[0]

    return newest


@pytest.fixture
def client() -> APIClient:
    return APIClient()
