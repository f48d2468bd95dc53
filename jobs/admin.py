"""The operator's pages: read-only rows, and actions that go through the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import operations
from jobs.models import Attempt, Queue, Task, UndecodableMessage, Worker

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Rows that only the ledger writes: an edit by hand would bypass the state machine."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class AttemptInline(admin.TabularInline[Attempt, Task]):
    model = Attempt
    fields = ("number", "started_at", "finished_at", "error_type", "error", "traceback_text")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Task | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="traceback")
    def traceback_text(self, attempt: Attempt) -> SafeString:
        return format_html("<details><summary>Show</summary><pre>{}</pre></details>", attempt.traceback)


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin[Task]):
    list_display = (
        "id",
        "actor",
        "queue",
        "state",
        "attempt",
        "max_attempts",
        "created_at",
        "started_at",
        "finished_at",
    )
    list_filter = ("state", "queue", "actor")
    search_fields = ("id__exact", "actor", "request_id__exact", "unique_key__exact")
    search_help_text = "A task's id, an actor, a request id or a unique key"
    ordering = ("-id",)
    actions = ("replay_dead", "cancel_tasks", "retry_now")
    inlines = (AttemptInline,)
    fieldsets = (
        (None, {"fields": ("id", "actor", "queue", "state", "attempt", "max_attempts", "priority", "unique_key")}),
        ("What it runs with", {"fields": ("arguments", "request_id", "created_by")}),
        ("When", {"fields": ("created_at", "run_at", "published_at", "started_at", "finished_at")}),
        ("How far it is", {"fields": ("worker_id", "progress", "checkpoint", "cancel_requested_at", "result")}),
    )

    @admin.display(description="arguments")
    def arguments(self, task: Task) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps({"args": task.args, "kwargs": task.kwargs}, indent=2))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only operators act on tasks; others may look if they have the permission to."""
        return super().get_actions(request) if request.user.has_perm("jobs.change_task") else {}

    @admin.action(description="Replay dead tasks")
    def replay_dead(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operations.replay, "replayed")

    @admin.action(description="Cancel")
    def cancel_tasks(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operations.cancel, "cancelled or asked to stop")

    @admin.action(description="Retry now instead of waiting")
    def retry_now(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operations.retry_now, "made due now")

    def _act(self, request: HttpRequest, tasks: QuerySet[Task], action: Callable[..., int], outcome: str) -> None:
        chosen: Iterable[UUID] = tasks.values_list("id", flat=True)
        count = action(chosen, by=request.user.pk)
        left = tasks.count() - count
        self.message_user(request, f"{count} tasks {outcome}.", messages.SUCCESS if count else messages.WARNING)
        if left > 0:
            self.message_user(request, f"{left} were in a state that does not allow it.", messages.WARNING)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    list_display = ("hostname", "pid", "queues", "threads", "started_at", "heartbeat_at", "stopped_at")
    list_filter = ("hostname",)


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin[Queue]):
    list_display = ("name", "paused_at", "note")
    actions = ("resume",)

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queues: QuerySet[Queue]) -> None:
        count = sum(operations.resume(queue.name, by=request.user.pk) for queue in queues)
        self.message_user(request, f"{count} queues resumed.")


@admin.register(UndecodableMessage)
class UndecodableMessageAdmin(ReadOnlyAdmin[UndecodableMessage]):
    list_display = ("received_at", "queue", "error")
    list_filter = ("queue",)
