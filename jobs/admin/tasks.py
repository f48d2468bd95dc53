"""The tasks in the admin, and the actions that change the ledger safely."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs.admin import arguments, objects, task_actions, task_search
from jobs.admin.arguments import ArgumentsForm
from jobs.admin.object_page import ObjectPage
from jobs.admin.read_only import ReadOnlyAdmin
from jobs.admin.task_filters import FILTERS
from jobs.models import Attempt, Task, Worker
from jobs.operations import display
from jobs.operations.actions import EDITABLE_STATES
from jobs.redaction import SEALED, redact
from jobs.states import State


class AttemptInline(admin.TabularInline[Attempt, Task]):
    model = Attempt
    fields = (
        "number",
        "started",
        "finished",
        "took",
        "worker",
        "error_type",
        "error_text",
        "traceback_text",
    )
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Task | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("started"))
    def started(self, attempt: Attempt) -> str:
        return display.exact(attempt.started_at)

    @admin.display(description=_("finished"))
    def finished(self, attempt: Attempt) -> str:
        return display.exact(attempt.finished_at)

    @admin.display(description=_("took"))
    def took(self, attempt: Attempt) -> str:
        return display.duration(attempt.started_at, attempt.finished_at)

    @admin.display(description=_("worker"))
    def worker(self, attempt: Attempt) -> SafeString | str:
        return _worker_link(attempt.worker_id)

    @admin.display(description=_("error"))
    def error_text(self, attempt: Attempt) -> str:
        return redact(attempt.error)

    @admin.display(description=_("traceback"))
    def traceback_text(self, attempt: Attempt) -> SafeString:
        return format_html(
            "<details><summary>{}</summary><pre>{}</pre></details>",
            gettext("Show"),
            redact(attempt.traceback),
        )


#: The titles of the pages that show one long value whole.
VALUE_TITLES = {
    "arguments": _("Arguments of a task"),
    "checkpoint": _("Checkpoint of a task"),
    "result": _("Result of a task"),
    "progress": _("Progress of a task"),
}


def _beginning(task: Task, name: str) -> SafeString:
    """Return the first part of a value of the task, with a link to the rest if there is more."""
    part = display.part(task, name)
    if part.is_whole:
        return format_html("<pre>{}</pre>", part.text)
    counts = {"shown": f"{part.end:,}", "all": f"{part.total:,}"}
    return format_html(
        '<pre>{}</pre><p>{} <a href="{}?start={}">{}</a></p>',
        part.text,
        gettext("The first %(shown)s of %(all)s characters.") % counts,
        reverse("admin:jobs_task_value", args=(task.pk, name)),
        part.end,
        gettext("Show the rest"),
    )


def _worker_link(worker_id: UUID | None) -> SafeString | str:
    """Return a link to the tasks of a worker process, with its name where it is known."""
    if worker_id is None:
        return "-"
    worker = Worker.objects.filter(pk=worker_id).first()
    place = reverse("admin:jobs_task_changelist")
    return format_html('<a href="{}?worker={}">{}</a>', place, worker_id, worker or worker_id)


@admin.register(Task)
class TaskAdmin(ObjectPage[Task], ReadOnlyAdmin[Task]):
    list_display = (
        "task",
        "state_mark",
        "queue",
        "tries",
        "last_error",
        "created",
        "started",
        "waited",
        "took",
    )
    list_filter = FILTERS
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    search_fields = ("id",)
    search_help_text = _("A task's id, its argument, an actor, a request id or a unique key")
    ordering = ("-id",)
    inlines = (AttemptInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "id",
                    "actor",
                    "about_links",
                    "queue",
                    "attempt",
                    "max_attempts",
                    "urgency",
                    "priority",
                    "unique_key",
                )
            },
        ),
        (_("Arguments and sender"), {"fields": ("arguments", "request_id", "created_by")}),
        (
            _("Times"),
            {"fields": ("created", "due", "published", "started", "waited", "finished", "took")},
        ),
        (
            _("Progress and result"),
            {
                "fields": (
                    "worker",
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

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Tasks"), **(extra_context or {})})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return task_search.TaskChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        term = search_term.strip()
        return (task_search.matching(queryset, term) if term else queryset), False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns; one of them links to what the reader may open."""

        @admin.display(description=gettext("arguments"))
        def arguments_column(task: Any) -> SafeString:
            return format_html(
                "{} <span>{}</span>", _about(request, task), self.brief_arguments(task)
            )

        return [*self.list_display[:2], arguments_column, *self.list_display[2:]]

    @admin.display(description=_("task"))
    def task(self, task: Task) -> SafeString:
        return format_html('{}<small class="quiet">{}</small>', task.actor, task.pk)

    @admin.display(description=_("state"))
    def state_mark(self, task: Task) -> SafeString:
        return format_html('<span class="state {}">{}</span>', task.state, task.get_state_display())

    def brief_arguments(self, task: Any) -> str:
        if task.is_sealed:
            return SEALED
        if task.brief is None:
            return f"{task.arguments_bytes:,} bytes"
        return display.line(
            [*task.brief["args"], *([task.brief["kwargs"]] if task.brief["kwargs"] else [])]
        )

    @admin.display(description=_("attempts"))
    def tries(self, task: Task) -> str:
        return f"{task.attempt} of {task.max_attempts}"

    @admin.display(description=_("last error"))
    def last_error(self, task: Any) -> str:
        return redact(task.last_error or "").partition("\n")[0][: display.LINE_CHARACTERS]

    @admin.display(description=_("created"), ordering="id")
    def created(self, task: Task) -> str:
        return display.exact(task.created_at)

    @admin.display(description=_("due"))
    def due(self, task: Task) -> str:
        return display.exact(task.run_at)

    @admin.display(description=_("published"))
    def published(self, task: Task) -> str:
        return display.exact(task.published_at)

    @admin.display(description=_("started"))
    def started(self, task: Task) -> str:
        return display.exact(task.started_at)

    @admin.display(description=_("finished"))
    def finished(self, task: Task) -> str:
        return display.exact(task.finished_at)

    @admin.display(description=_("took"))
    def took(self, task: Task) -> str:
        return display.duration(task.started_at, task.finished_at)

    @admin.display(description=_("waited"))
    def waited(self, task: Task) -> str:
        """Return how long the last attempt waited in its queue after it was due."""
        return display.duration(task.run_at, task.started_at and max(task.started_at, task.run_at))

    @admin.display(description=_("worker"))
    def worker(self, task: Task) -> SafeString | str:
        return _worker_link(task.worker_id)

    @admin.display(description=_("arguments"))
    def arguments(self, task: Task) -> SafeString:
        return _beginning(task, "arguments")

    @admin.display(description=_("progress"))
    def progress_text(self, task: Task) -> SafeString:
        return _beginning(task, "progress")

    @admin.display(description=_("checkpoint"))
    def checkpoint_text(self, task: Task) -> SafeString:
        return _beginning(task, "checkpoint")

    @admin.display(description=_("result"))
    def result_text(self, task: Task) -> SafeString:
        return _beginning(task, "result")

    @admin.display(description=_("about"))
    def about_links(self, task: Any) -> SafeString | str:
        return _joined(task.links)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the task with links to the rows that it is about, as far as the reader may see."""
        task: Any = super().get_object(request, object_id, from_field)
        if task is not None:
            task.links = objects.links(request, task.actor, task.args, task.kwargs)
        return task

    def page_context(self, request: HttpRequest, row: Task) -> dict[str, Any]:
        """Return the buttons that the task's state and the reader's rights allow."""
        may_change = request.user.has_perm(task_actions.CHANGE)
        buttons = [action for action in task_actions.ACTIONS.values() if row.state in action.states]
        is_editable = row.state in EDITABLE_STATES and row.sealed_args is None
        return super().page_context(request, row) | {
            "buttons": buttons if may_change else [],
            "is_editable": may_change and is_editable,
            "last_attempt": row.attempts.order_by("-pk").defer("traceback").first(),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "<uuid:task_id>/arguments/", view(self.arguments_view), name="jobs_task_arguments"
            ),
            path(
                "<uuid:task_id>/act/",
                view(partial(task_actions.act_on_one, self)),
                name="jobs_task_act",
            ),
            path(
                "<uuid:task_id>/values/<str:name>/",
                view(self.value_view),
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
            "title": VALUE_TITLES[name],
        }
        return TemplateResponse(request, "admin/jobs/task/value.html", context)

    def arguments_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Edit the arguments of a dead or cancelled task, and run it with them."""
        if not request.user.has_perm(task_actions.CHANGE):
            raise PermissionDenied
        task = get_object_or_404(Task, pk=task_id, sealed_args=None)
        form = ArgumentsForm(
            request.POST or None, initial={"args": task.args, "kwargs": task.kwargs}
        )
        is_replayed = "replay" in request.POST
        if form.is_valid() and form.store(task_id, by=request.user.pk, is_replayed=is_replayed):
            self.message_user(request, _stored_message(is_replayed=is_replayed))
            return HttpResponseRedirect(reverse("admin:jobs_task_change", args=(task_id,)))
        context = self.admin_site.each_context(request) | {
            "task": task,
            "form": form,
            "signature": arguments.signature(task.actor),
            "may_save": task.state == State.DEAD,
            "title": gettext("Edit the arguments"),
        }
        return TemplateResponse(request, "admin/jobs/task/arguments.html", context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions for those who may change tasks; others can only read."""
        return task_actions.bulk_actions() if request.user.has_perm(task_actions.CHANGE) else {}


def _stored_message(*, is_replayed: bool) -> str:
    if is_replayed:
        return gettext("The arguments are stored, and the task runs with them.")
    return gettext("The arguments are stored; replay the task to run it with them.")


def _about(request: HttpRequest, task: Any) -> SafeString | str:
    brief = task.brief or {"args": [], "kwargs": {}}
    return _joined(objects.links(request, task.actor, brief["args"], brief["kwargs"])[:2], "")


def _joined(links: list[objects.Link], otherwise: str = "-") -> SafeString | str:
    pairs = ((link.url, link.label) for link in links)
    return format_html_join(", ", '<a href="{}">{}</a>', pairs) or otherwise
