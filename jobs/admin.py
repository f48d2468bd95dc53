"""The operators' pages in the admin: read-only rows, and actions that change the ledger safely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from dramatiq import get_broker

from jobs.errors import ArgumentsRefused, NotInThatState
from jobs.http import strict_json
from jobs.models import (
    AlertEpisode,
    Attempt,
    Breaker,
    Dashboard,
    IdempotencyKey,
    OnceKey,
    Queue,
    RateLimit,
    ScheduleTick,
    Task,
    TaskGroup,
    TaskRollup,
    UndecodableMessage,
    Worker,
)
from jobs.operations import actions as operator_actions
from jobs.operations import alerts, dashboard, display, overview, rollup
from jobs.redaction import SEALED, redact
from jobs.states import State
from jobs.worker import schedule

M = TypeVar("M", bound=Model)
C = TypeVar("C", list[Any], dict[str, Any])


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Shows rows that only the program writes; an edit by hand would bypass its rules."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


@admin.register(Dashboard)
class DashboardAdmin(ReadOnlyAdmin[Dashboard]):
    """Shows the dashboard in place of a list.

    Those who may change queues can pause and resume them there.
    """

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the dashboard, or with `?figures` only its figures.

        A POST pauses or resumes a queue and leads back to the page.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._switch(request)
        period = dashboard.PERIODS.get(request.GET.get("period", ""), dashboard.PERIODS["hour"])
        context = dashboard.figures(period) | {
            "may_switch": request.user.has_perm("jobs.change_queue")
        }
        if "figures" in request.GET:
            return TemplateResponse(request, "admin/jobs/dashboard/figures.html", context)
        context |= self.admin_site.each_context(request) | {
            "title": "Dashboard",
            "opts": self.opts,
            "periods": list(dashboard.PERIODS),
            "refresh_seconds": dashboard.REFRESH_SECONDS,
        }
        return TemplateResponse(request, "admin/jobs/dashboard/page.html", context)

    def _switch(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("jobs.change_queue"):
            raise PermissionDenied
        verb, queue = next(
            ((verb, request.POST[verb]) for verb in ("pause", "resume") if verb in request.POST),
            ("", ""),
        )
        if queue in settings.JOBS_QUEUES:
            action = operator_actions.pause if verb == "pause" else operator_actions.resume
            if action(queue, by=request.user.pk):
                self.message_user(request, f"Queue {queue} {verb}d.", messages.SUCCESS)
        return HttpResponseRedirect(request.get_full_path())


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


class StrictJSONField(forms.JSONField):
    """Takes JSON that the ledger can store; otherwise the error says what is wrong with it.

    A refused text is shown again as it was typed.
    """

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return strict_json.loads(value)
        except ValueError as error:
            raise ValidationError(f"This is not valid JSON: {error}.") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput(data)


class ArgumentsForm(forms.Form):
    """The arguments of a dead task, as JSON."""

    args = StrictJSONField(
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80}), required=False, label="Positional"
    )
    kwargs = StrictJSONField(
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80}), required=False, label="By name"
    )

    def clean_args(self) -> list[Any]:
        return _of_type(list, "list", self.cleaned_data["args"])

    def clean_kwargs(self) -> dict[str, Any]:
        return _of_type(dict, "object", self.cleaned_data["kwargs"])

    def store(self, task_id: UUID, *, by: UUID | None) -> bool:
        """Store the arguments and return True; or add the error to the form and return False."""
        try:
            operator_actions.edit_arguments(
                task_id, self.cleaned_data["args"], self.cleaned_data["kwargs"], by=by
            )
        except (ArgumentsRefused, NotInThatState) as error:
            self.add_error(None, str(error))
        return self.is_valid()


def _of_type(expected: type[C], name: str, value: Any) -> C:
    if value in (None, ""):
        return expected()
    if not isinstance(value, expected):
        raise ValidationError(f"Expected a JSON {name}.")
    return value


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


class DeclaredFilter(admin.SimpleListFilter):
    """Filters by names that the program declares.

    Asking the ledger for the distinct names in it would read all of it.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return (
            queryset.filter(**{str(self.parameter_name): self.value()})
            if self.value()
            else queryset
        )


class QueueFilter(DeclaredFilter):
    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in settings.JOBS_QUEUES]


class ActorFilter(DeclaredFilter):
    title = "actor"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(get_broker().get_declared_actors())]


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


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    list_display = (
        "hostname",
        "pid",
        "queues",
        "threads",
        "started_at",
        "heartbeat_at",
        "stopped_at",
    )
    list_filter = ("hostname",)


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin[Queue]):
    """Shows every queue of JOBS_QUEUES, and below them the rows of queues that were ever switched.

    Queues are paused on the dashboard.
    """

    list_display = ("name", "paused_at", "rate_per_minute", "note")
    actions = ("resume",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_queue")

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queues: QuerySet[Queue]) -> None:
        count = sum(operator_actions.resume(queue.name, by=request.user.pk) for queue in queues)
        self.message_user(request, f"{count} queues resumed.")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {**(extra_context or {}), "queues": overview.queues()}
        )


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin[Breaker]):
    """Shows the circuit breakers; those who may change queues can reset them."""

    list_display = (
        "name",
        "is_open",
        "failures",
        "opened_at",
        "probe_at",
        "last_error",
        "changed_at",
    )
    actions = ("reset",)

    @admin.display(boolean=True, description="open")
    def is_open(self, breaker: Breaker) -> bool:
        return breaker.opened_at is not None

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_queue")

    @admin.action(description="Reset", permissions=["operate"])
    def reset(self, request: HttpRequest, chosen: QuerySet[Breaker]) -> None:
        count = sum(operator_actions.reset_breaker(one.name, by=request.user.pk) for one in chosen)
        self.message_user(request, f"{count} breakers reset.")


@admin.register(UndecodableMessage)
class UndecodableMessageAdmin(ReadOnlyAdmin[UndecodableMessage]):
    list_display = ("received_at", "queue", "error")
    list_filter = ("queue",)


@admin.register(ScheduleTick)
class ScheduleTickAdmin(ReadOnlyAdmin[ScheduleTick]):
    """Shows the schedule, and below it the latest ticks."""

    list_display = ("name", "due_at", "task_id")
    list_filter = ("name",)
    ordering = ("-due_at",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {**(extra_context or {}), "schedule": schedule.overview()}
        )


@admin.register(AlertEpisode)
class AlertEpisodeAdmin(ReadOnlyAdmin[AlertEpisode]):
    list_display = ("rule", "measured", "started_at", "calm_since", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "rule")
    date_hierarchy = "started_at"
    readonly_fields = ("measured",)

    @admin.display(description="measured when it began")
    def measured(self, episode: AlertEpisode) -> str:
        return alerts.sentence(episode)


@admin.register(TaskGroup)
class TaskGroupAdmin(ReadOnlyAdmin[TaskGroup]):
    list_display = ("id", "size", "callback_actor", "callback_task_id", "created_at")
    fields = ("id", "size", "callback_actor", "arguments", "callback_task_id", "created_at")
    search_fields = ("id__exact", "callback_task_id__exact")
    ordering = ("-id",)

    @admin.display(description="callback arguments")
    def arguments(self, group: TaskGroup) -> str:
        return display.line(group.callback_args)


@admin.register(OnceKey)
class OnceKeyAdmin(ReadOnlyAdmin[OnceKey]):
    list_display = ("key", "task_id", "expires_at")
    search_fields = ("key__exact", "task_id__exact")


@admin.register(RateLimit)
class RateLimitAdmin(ReadOnlyAdmin[RateLimit]):
    list_display = ("key", "hits", "window_ends_at")
    search_fields = ("key__exact",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin[IdempotencyKey]):
    """Shows who used which key; the stored answers stay sealed."""

    list_display = ("created_at", "owner", "key", "status")
    fields = ("created_at", "owner", "key", "status", "fingerprint")
    search_fields = ("owner__exact", "key__exact")
    ordering = ("-id",)


class SpanFilter(DeclaredFilter):
    title = "span"
    parameter_name = "seconds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        spans = {
            rollup.MINUTE: "minute",
            rollup.TEN_MINUTES: "ten minutes",
            rollup.HOUR: "hour",
            0: "since the installation",
        }
        return [(str(seconds), name) for seconds, name in spans.items()]


@admin.register(TaskRollup)
class TaskRollupAdmin(ReadOnlyAdmin[TaskRollup]):
    list_display = (
        "bucket_at",
        "seconds",
        "actor",
        "queue",
        "succeeded",
        "failed",
        "dead",
        "cancelled",
    )
    list_filter = (SpanFilter, QueueFilter, ActorFilter)
    ordering = ("-seconds", "-bucket_at", "-actor", "-queue")
