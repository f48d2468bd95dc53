"""The tasks in the admin, and the actions that change the ledger safely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.arguments import ArgumentsForm
from jobs.admin.read_only import ActorFilter, QueueFilter, ReadOnlyAdmin
from jobs.models import (
    Attempt,
    Task,
)
from jobs.operations import actions as operator_actions
from jobs.operations import display
from jobs.redaction import SEALED, redact
from jobs.states import State


class AttemptInline(admin.TabularInline[Attempt, Task]):
    model = Attempt
    fields = ("number", "started", "finished", "took", "error_type", "error_text", "traceback_text")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Task | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="started")
    def started(self, attempt: Attempt) -> str:
        return display.exact(attempt.started_at)

    @admin.display(description="finished")
    def finished(self, attempt: Attempt) -> str:
        return display.exact(attempt.finished_at)

    @admin.display(description="took")
    def took(self, attempt: Attempt) -> str:
        return display.duration(attempt.started_at, attempt.finished_at)

    @admin.display(description="error")
    def error_text(self, attempt: Attempt) -> str:
        return redact(attempt.error)

    @admin.display(description="traceback")
    def traceback_text(self, attempt: Attempt) -> SafeString:
        return format_html(
            "<details><summary>Show</summary><pre>{}</pre></details>", redact(attempt.traceback)
        )


def _beginning(task: Task, name: str) -> SafeString:
    """Return the first part of a value of the task, with a link to the rest if there is more."""
    part = display.part(task, name)
    if part.is_whole:
        return format_html("<pre>{}</pre>", part.text)
    return format_html(
        "<pre>{}</pre><p>The first {} of {} characters. "
        '<a href="{}?start={}">Show the rest</a></p>',
        part.text,
        f"{part.end:,}",
        f"{part.total:,}",
        reverse("admin:jobs_task_value", args=(task.pk, name)),
        part.end,
    )


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin[Task]):
    list_display = (
        "id",
        "actor",
        "brief_arguments",
        "queue",
        "urgency",
        "state",
        "tries",
        "last_error",
        "created",
        "started",
        "took",
    )
    list_filter = ("state", "urgency", QueueFilter, ActorFilter)
    search_fields = ("id__exact", "actor", "request_id__exact", "unique_key__exact")
    search_help_text = "A task's id, an actor, a request id or a unique key"
    ordering = ("-id",)
    actions = ("replay_dead", "discard_dead", "cancel_tasks", "retry_now")
    inlines = (AttemptInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "id",
                    "actor",
                    "queue",
                    "state",
                    "attempt",
                    "max_attempts",
                    "urgency",
                    "priority",
                    "unique_key",
                )
            },
        ),
        ("Arguments and sender", {"fields": ("arguments", "edit", "request_id", "created_by")}),
        ("Times", {"fields": ("created", "due", "published", "started", "finished", "took")}),
        (
            "Progress and result",
            {
                "fields": (
                    "worker_id",
                    "progress_text",
                    "checkpoint_text",
                    "cancel_requested_at",
                    "result_text",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        """Return the tasks; for a list without their long values."""
        tasks = super().get_queryset(request)
        is_list = (
            request.resolver_match and request.resolver_match.url_name == "jobs_task_changelist"
        )
        return tasks.for_list() if is_list else tasks  # type: ignore[attr-defined]

    @admin.display(description="arguments")
    def brief_arguments(self, task: Any) -> str:
        if task.is_sealed:
            return SEALED
        if task.brief is None:
            return f"{task.arguments_bytes:,} bytes"
        return display.line(
            [*task.brief["args"], *([task.brief["kwargs"]] if task.brief["kwargs"] else [])]
        )

    @admin.display(description="attempts")
    def tries(self, task: Task) -> str:
        return f"{task.attempt} of {task.max_attempts}"

    @admin.display(description="last error")
    def last_error(self, task: Any) -> str:
        return redact(task.last_error or "").partition("\n")[0][: display.LINE_CHARACTERS]

    @admin.display(description="created", ordering="id")
    def created(self, task: Task) -> str:
        return display.exact(task.created_at)

    @admin.display(description="due")
    def due(self, task: Task) -> str:
        return display.exact(task.run_at)

    @admin.display(description="published")
    def published(self, task: Task) -> str:
        return display.exact(task.published_at)

    @admin.display(description="started")
    def started(self, task: Task) -> str:
        return display.exact(task.started_at)

    @admin.display(description="finished")
    def finished(self, task: Task) -> str:
        return display.exact(task.finished_at)

    @admin.display(description="took")
    def took(self, task: Task) -> str:
        return display.duration(task.started_at, task.finished_at)

    @admin.display(description="arguments")
    def arguments(self, task: Task) -> SafeString:
        return _beginning(task, "arguments")

    @admin.display(description="progress")
    def progress_text(self, task: Task) -> SafeString:
        return _beginning(task, "progress")

    @admin.display(description="checkpoint")
    def checkpoint_text(self, task: Task) -> SafeString:
        return _beginning(task, "checkpoint")

    @admin.display(description="result")
    def result_text(self, task: Task) -> SafeString:
        return _beginning(task, "result")

    @admin.display(description="")
    def edit(self, task: Task) -> SafeString | str:
        if task.state != State.DEAD or task.sealed_args is not None:
            return ""
        return format_html(
            '<a href="{}">Edit the arguments</a>',
            reverse("admin:jobs_task_arguments", args=(task.pk,)),
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.arguments_view)
        return [
            path("<uuid:task_id>/arguments/", view, name="jobs_task_arguments"),
            path(
                "<uuid:task_id>/values/<str:name>/",
                self.admin_site.admin_view(self.value_view),
                name="jobs_task_value",
            ),
            *super().get_urls(),
        ]

    def value_view(self, request: HttpRequest, task_id: UUID, name: str) -> HttpResponse:
        """Show one part of a long value; `?start=` is the first character to show."""
        task = get_object_or_404(Task, pk=task_id)
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        if name not in display.VALUES:
            raise Http404
        part = display.part(task, name, start=int(request.GET.get("start", "0")))
        context = self.admin_site.each_context(request) | {
            "task": task,
            "part": part,
            "previous": max(part.start - display.PART_CHARACTERS, 0),
            "title": f"{name.capitalize()} of a task",
        }
        return TemplateResponse(request, "admin/jobs/task/value.html", context)

    def arguments_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Edit the arguments of a dead task, which can then be replayed with them."""
        if not request.user.has_perm("jobs.change_task"):
            raise PermissionDenied
        task = get_object_or_404(Task, pk=task_id, sealed_args=None)
        form = ArgumentsForm(
            request.POST or None, initial={"args": task.args, "kwargs": task.kwargs}
        )
        if request.method == "POST" and form.is_valid() and form.store(task_id, by=request.user.pk):
            self.message_user(
                request, "The arguments are stored; replay the task to run it with them."
            )
            return HttpResponseRedirect(reverse("admin:jobs_task_change", args=(task_id,)))
        context = self.admin_site.each_context(request) | {
            "task": task,
            "form": form,
            "title": "Edit the arguments",
        }
        return TemplateResponse(request, "admin/jobs/task/arguments.html", context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions for those who may change tasks; others can only read."""
        return super().get_actions(request) if request.user.has_perm("jobs.change_task") else {}

    @admin.action(description="Replay dead tasks")
    def replay_dead(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operator_actions.replay, "replayed")

    @admin.action(description="Discard dead tasks")
    def discard_dead(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operator_actions.discard, "discarded")

    @admin.action(description="Cancel")
    def cancel_tasks(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operator_actions.cancel, "cancelled or asked to stop")

    @admin.action(description="Retry now instead of waiting")
    def retry_now(self, request: HttpRequest, tasks: QuerySet[Task]) -> None:
        self._act(request, tasks, operator_actions.retry_now, "made due now")

    def _act(
        self, request: HttpRequest, tasks: QuerySet[Task], action: Callable[..., int], outcome: str
    ) -> None:
        chosen: list[UUID] = list(tasks.values_list("id", flat=True))
        count = action(chosen, by=request.user.pk)
        left = len(chosen) - count
        self.message_user(
            request, f"{count} tasks {outcome}.", messages.SUCCESS if count else messages.WARNING
        )
        if left > 0:
            self.message_user(
                request, f"{left} were in a state that does not allow it.", messages.WARNING
            )
