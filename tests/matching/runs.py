"""Match runs as a citizen asks for them and reads them."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from jobs.testing import run_tasks

URL = "/api/v1/jobs/match/"


def start(client: APIClient, **body: Any) -> str:
    """The task of a new run."""
    answer = client.post(URL, body)
    assert answer.status_code == 202, answer.data
    return str(answer.json()["task_id"])


def status(client: APIClient, task_id: str, query: str = "") -> dict[str, Any]:
    answer = client.get(f"{URL}status/{task_id}/{query}")
    assert answer.status_code == 200, answer.data
    body: dict[str, Any] = answer.json()
    return body


def run(client: APIClient, **body: Any) -> dict[str, Any]:
    """The status of a new run that has ended, and of everything else that waited."""
    task_id = start(client, **body)
    run_tasks()
    return status(client, task_id)


def titles(body: dict[str, Any]) -> list[str]:
    """Of the opportunities a run found, best first."""
    return [match["opportunity"]["title"] for match in body["result"]]
