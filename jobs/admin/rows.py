"""The other tables of the ledger in the admin, such as workers, queues, breakers and alerts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from jobs.admin.read_only import ActorFilter, DeclaredFilter, QueueFilter, ReadOnlyAdmin
from jobs.execution import job_types
from jobs.models import (
    AlertEpisode,
    Breaker,
    IdempotencyKey,
    JobResult,
    OnceKey,
    Queue,
    RateLimit,
    TaskGroup,
    TaskRollup,
    UndecodableMessage,
    Worker,
)
from jobs.operations import actions as operator_actions
from jobs.operations import alerts, display, overview, rollup


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


LIST_OF_RESULTS = "jobs_jobresult_changelist"


class JobTypeFilter(DeclaredFilter):
    title = _("job type")
    parameter_name = "job_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(known.name, known.name) for known in job_types.every()]


@admin.register(JobResult)
class JobResultAdmin(ReadOnlyAdmin[JobResult]):
    """Shows the kept results of jobs; equal digests are equal results."""

    list_display = (
        "job_type",
        "task_id",
        "code_version",
        "seed",
        "is_partial",
        "created_at",
        "updated_at",
        "digest",
    )
    list_filter = (JobTypeFilter, "is_partial")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobResult]:
        results = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == LIST_OF_RESULTS:
            return results.defer("result", "inputs")
        return results


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin[Queue]):
    """Shows every queue of JOBS_QUEUES, and below them the rows of queues that were ever switched.

    Queues are paused on the dashboard.
    """

    list_display = ("name", "paused_at", "rate_per_minute", "note")
    actions = ("resume",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_queue")

    @admin.action(description=_("Resume"), permissions=["operate"])
    def resume(self, request: HttpRequest, queues: QuerySet[Queue]) -> None:
        count = sum(operator_actions.resume(queue.name, by=request.user.pk) for queue in queues)
        text = ngettext("%s queue resumed.", "%s queues resumed.", count) % count
        self.message_user(request, text)

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

    @admin.display(boolean=True, description=_("open"))
    def is_open(self, breaker: Breaker) -> bool:
        return breaker.opened_at is not None

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_queue")

    @admin.action(description=_("Reset"), permissions=["operate"])
    def reset(self, request: HttpRequest, chosen: QuerySet[Breaker]) -> None:
        count = sum(
            operator_actions.reset_breaker(breaker.name, by=request.user.pk) for breaker in chosen
        )
        text = ngettext("%s breaker reset.", "%s breakers reset.", count) % count
        self.message_user(request, text)


@admin.register(UndecodableMessage)
class UndecodableMessageAdmin(ReadOnlyAdmin[UndecodableMessage]):
    list_display = ("received_at", "queue", "error")
    list_filter = ("queue",)


@admin.register(AlertEpisode)
class AlertEpisodeAdmin(ReadOnlyAdmin[AlertEpisode]):
    list_display = ("rule", "measured", "started_at", "calm_since", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "rule")
    date_hierarchy = "started_at"
    readonly_fields = ("measured",)

    @admin.display(description=_("measured when it began"))
    def measured(self, episode: AlertEpisode) -> str:
        return alerts.sentence(episode)


@admin.register(TaskGroup)
class TaskGroupAdmin(ReadOnlyAdmin[TaskGroup]):
    list_display = ("id", "size", "callback_actor", "callback_task_id", "created_at")
    fields = ("id", "size", "callback_actor", "arguments", "callback_task_id", "created_at")
    search_fields = ("id__exact", "callback_task_id__exact")
    ordering = ("-id",)

    @admin.display(description=_("callback arguments"))
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
    title = _("span")
    parameter_name = "seconds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        spans = {
            rollup.MINUTE: gettext("minute"),
            rollup.TEN_MINUTES: gettext("ten minutes"),
            rollup.HOUR: gettext("hour"),
            0: gettext("since the installation"),
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
