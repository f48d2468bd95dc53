"""Rows of the ledger for tests."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db.models.functions import Now

from jobs.execution import job_types
from jobs.models import JobResult


def make_result(**fields: Any) -> JobResult:
    """Keep a result as of a job that ran long ago."""
    name = fields.pop("job_type", "tests.dice")
    job_type = job_types.find(name)
    values: dict[str, Any] = {
        "task_id": uuid4(),
        "job_type": name,
        "inputs": {},
        "code_version": job_type.code_version if job_type else "1",
        "result": {"total": 0, "throws": []},
        "is_partial": False,
        "digest": "0" * 64,
        "created_at": Now(),
    }
    return JobResult.objects.create(**values | fields)
