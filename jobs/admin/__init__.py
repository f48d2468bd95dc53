"""The operators' pages in the admin: read-only rows, and actions that change the ledger safely."""

from jobs.admin import dashboard, rows, schedule, tasks
from jobs.admin.read_only import ReadOnlyAdmin

__all__ = ["ReadOnlyAdmin", "dashboard", "rows", "schedule", "tasks"]
