"""Reports to triage, and what the page sends."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.test import Client

from accounts.models import User
from reports.models import DepartmentMembership, Report
from tests.reports.factories import guessed, make_category, make_department, make_user

URL = "/admin/triage/"


def waiting(**fields: Any) -> Report:
    """A new report with two suggestions, of which the classifier is not sure."""
    make_category("litter", department=make_department("cleaning"))
    suggestions = [
        {
            "category": "pothole",
            "confidence": 0.31,
            "reasons": [{"phrase": "a hole in the road", "report_id": None, "similarity": 0.7}],
        },
        {"category": "litter", "confidence": 0.2, "reasons": []},
    ]
    return guessed(0.31, category_suggestions=suggestions, reporter=make_user(), **fields)


def act(client: Client, report: Report, name: str, **sent: Any) -> Any:
    """Do something with a report as the page sends it, by the version that was read."""
    options = {"key": uuid4(), "version": report.version}
    headers = {
        "Idempotency-Key": str(sent.pop("key", options["key"])),
        "If-Match": f'"{sent.pop("version", options["version"])}"',
    }
    return client.post(f"{URL}{report.pk}/{name}/", sent, headers=headers)


def undo(client: Client, **sent: Any) -> Any:
    return client.post(f"{URL}undo/", sent)


def line(client: Client, query: str = "") -> list[str]:
    return list(client.get(f"{URL}line/{query}").json()["line"])


def values(report: Report) -> dict[str, Any]:
    """Return what a report holds, but what even an undone step changes."""
    stored = Report.objects.get(pk=report.pk)
    names = [field.attname for field in Report._meta.concrete_fields]
    return {name: getattr(stored, name) for name in names if name not in {"version", "updated_at"}}


def make_membership(user: User) -> None:
    DepartmentMembership.objects.create(user=user, department=make_department())
