"""The operators' pages in the admin: read-only rows, and actions that change the ledger safely."""

from jobs.admin import dashboard, rows, schedule, tasks
from jobs.admin.read_only import ReadOnlyAdmin
from jobs.admin.selecting import SelectingAdmin

__all__ = ["ReadOnlyAdmin", "SelectingAdmin", "dashboard", "rows", "schedule", "tasks"]
