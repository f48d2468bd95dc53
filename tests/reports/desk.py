"""The desk as a browser sees it: sign in, and take steps with reports."""

from __future__ import annotations

from typing import Any

from django.test import Client

from accounts.models import User
from reports.models import Report

LIST = "/admin/reports/report/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def preview(client: Client, status: str, *reports: Report, **options: str) -> Any:
    """Ask what a bulk step would do."""
    selected = {"action": f"mark_{status}", "_selected_action": [str(one.pk) for one in reports]}
    return client.post(LIST, selected | options, follow=True)


def bulk_step(client: Client, status: str, *reports: Report, **options: str) -> str:
    """Confirm a bulk step as its preview shows it; return the page that follows."""
    seen = {f"seen_{one.pk}": one.updated_at.isoformat() for one in reports}
    confirmed = {"previewed": "yes", "confirmed": "yes", **seen, **options}
    return str(preview(client, status, *reports, **confirmed).content.decode())


def step(client: Client, report: Report, to: str, **options: str) -> str:
    """Take a step on the report's page; return the page that follows."""
    form = {"to": to, "seen": report.updated_at.isoformat()} | options
    return str(client.post(f"{LIST}{report.pk}/step/", form, follow=True).content.decode())
