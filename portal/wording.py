"""A report's status in plain words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.models import Status

STATUS: dict[str, str | Promise] = {
    Status.NEW: _("Received"),
    Status.TRIAGED: _("Accepted"),
    Status.ASSIGNED: _("With the crew"),
    Status.IN_PROGRESS: _("Being worked on"),
    Status.WAITING: _("On hold"),
    Status.RESOLVED: _("Repaired, please check"),
    Status.CLOSED: _("Done"),
    Status.REJECTED: _("Not taken up"),
    Status.DUPLICATE: _("Reported before"),
    Status.REOPENED: _("Open again"),
}
#: A sign beside the words, so that nobody has to tell states apart by their colour.
SIGNS: dict[str, str] = {
    Status.IN_PROGRESS: "◐",
    Status.RESOLVED: "✓",
    Status.CLOSED: "✓",
    Status.REJECTED: "×",
    Status.DUPLICATE: "=",
    Status.WAITING: "‖",
}
STEPS: dict[str, str | Promise] = {
    "confirm": _("Yes, it is repaired"),
    "deny": _("No, it is not repaired"),
    "withdraw": _("Withdraw the report"),
}
