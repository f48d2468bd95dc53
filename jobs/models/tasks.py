"""Tables of tasks, their failed attempts, groups of tasks, and keys that hold back repeats."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Func
from django.db.models.functions import JSONObject, Left, Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.errors import NotComputable
from jobs.states import PENDING_STATES, TERMINAL_STATES, State
from jobs.urgency import Urgency

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


#: The largest stored size of arguments that a list shows.
BRIEF_BYTES = 2_000


class StoredBytes(models.Func):
    """The size in bytes that a value takes in its row, compressed or not; the value is not read."""

    function = "pg_column_size"
    output_field = models.IntegerField()


class FirstArgument(models.Func):
    """The first positional argument of a task, such as the id of a report; null without one.

    Only its first CHARACTERS are compared, so that it fits an index.
    """

    CHARACTERS = 60
    template = f"left(%(expressions)s ->> 0, {CHARACTERS})"
    output_field = models.CharField()


class StatementTimestamp(Func):
    """PostgreSQL's time at the start of the statement; `Now()` is that of the transaction."""

    function = "statement_timestamp"
    output_field = models.DateTimeField()


def first_id_at(at: datetime) -> UUID:
    """Return the smallest id of a task sent at this time or later; ids are UUIDs of version 7."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)


class TaskQuerySet(models.QuerySet["Task"]):
    """Queries that choose tasks."""

    def pending(self) -> TaskQuerySet:
        """Return the tasks that wait to be claimed, now or later."""
        return self.filter(state__in=PENDING_STATES)

    def for_list(self) -> TaskQuerySet:
        """Return the tasks with what a list shows of them, without their long values.

        Added are `last_error`, `is_sealed`, `arguments_bytes` (the arguments' size) and `brief`
        (the arguments, where they are short).
        """
        newest = Attempt.objects.filter(task=models.OuterRef("pk")).order_by("-number")
        return self.defer("args", "kwargs", "result", "checkpoint", "sealed_args").annotate(
            last_error=models.Subquery(newest.values(line=Left("error", 400))[:1]),
            is_sealed=models.Q(sealed_args__isnull=False),
            arguments_bytes=StoredBytes("args") + StoredBytes("kwargs"),
            brief=models.Case(
                models.When(
                    arguments_bytes__lte=BRIEF_BYTES,
                    then=JSONObject(args="args", kwargs="kwargs"),
                )
            ),
        )

    def due(self) -> TaskQuerySet:
        """Return the tasks that may be claimed now, by PostgreSQL's clock."""
        return self.pending().filter(run_at__lte=StatementTimestamp())

    def jobs_of(self, user: AbstractBaseUser | AnonymousUser) -> TaskQuerySet:
        """Return the jobs this person may see: their own, or all for a superuser of the staff."""
        jobs = self.exclude(job_type="")
        if getattr(user, "is_staff", False) and getattr(user, "is_superuser", False):
            return jobs
        return jobs.filter(created_by=user.pk) if user.pk else self.none()


class Task(models.Model):
    """A stored call of an actor: outbox, ledger, result and dead letter in one row.

    The id is also the id of the Dramatiq message and the idempotency key towards other systems. All
    times are PostgreSQL's clock.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    actor = models.CharField(max_length=120)
    queue = models.CharField(max_length=60)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    urgency = models.PositiveSmallIntegerField(choices=Urgency, db_default=Urgency.ROUTINE)
    priority = models.SmallIntegerField(default=0, help_text=_("Lower runs first."))
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    run_at = models.DateTimeField(db_default=Now(), help_text=_("Not claimed before this time."))
    publish_at = models.DateTimeField(
        null=True,
        db_default=Now(),
        help_text=_("When the relay may hand it on; empty once it has been handed on."),
    )
    published_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=8)
    claim_token = models.UUIDField(null=True)
    worker_id = models.UUIDField(null=True)
    unique_key = models.CharField(max_length=200, null=True)
    progress = models.JSONField(null=True)
    checkpoint = models.JSONField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    created_by = models.UUIDField(null=True)
    request_id = models.CharField(max_length=128, blank=True, default="")
    trace_context = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True, help_text=_("Not started after this time."))
    job_type = models.CharField(
        max_length=60, blank=True, db_default="", help_text=_("Set on jobs started by a person.")
    )
    is_completion_announced = models.BooleanField(
        db_default=False, help_text=_("Its owner asked for a message when it ends.")
    )
    is_mirrored = models.BooleanField(
        db_default=False, help_text=_("The rows of its app get a copy of its state.")
    )
    group_id = models.UUIDField(null=True)
    limit_key = models.CharField(max_length=200, null=True)
    limit_count = models.PositiveSmallIntegerField(
        null=True, help_text=_("How many tasks with this key may run at once.")
    )
    sealed_args = models.BinaryField(
        null=True, help_text=_("Encrypted arguments; args and kwargs are then empty.")
    )

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                # One waiting task a key; while one runs, a new one may queue.
                fields=["unique_key"],
                condition=models.Q(state="queued", unique_key__isnull=False),
                name="jobs_task_unique_key_queued",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=State.values), name="jobs_task_state_known"
            ),
        ]
        indexes = [
            # Claiming and handing on: due tasks of a queue, most urgent first.
            models.Index(
                fields=["queue", "urgency", "priority", "publish_at"],
                condition=models.Q(state__in=["queued", "retrying"]),
                name="jobs_task_waiting",
            ),
            # The same in a backlog: the due tasks of each sender, so that senders take turns.
            models.Index(
                fields=["queue", "urgency", "priority", "created_by", "publish_at"],
                condition=models.Q(state__in=["queued", "retrying"]),
                name="jobs_task_waiting_by_sender",
            ),
            # Stand-ins: tasks handed on but not claimed since, whose message may be lost.
            models.Index(
                fields=["queue", "published_at"],
                condition=models.Q(state__in=["queued", "retrying"], publish_at__isnull=True),
                name="jobs_task_handed_on",
            ),
            # Rescue: the tasks that a lost worker was running.
            models.Index(
                fields=["worker_id"], condition=models.Q(state="running"), name="jobs_task_running"
            ),
            # A person's own jobs, newest first.
            models.Index(
                fields=["created_by", "-id"],
                condition=~models.Q(job_type=""),
                name="jobs_task_own_jobs",
            ),
            # The tasks of a group, to see whether all have ended.
            models.Index(
                fields=["group_id"],
                condition=models.Q(group_id__isnull=False),
                name="jobs_task_group",
            ),
            # The tasks that run under a concurrency limit, to count them.
            models.Index(
                fields=["limit_key"],
                condition=models.Q(state="running", limit_key__isnull=False),
                name="jobs_task_limit_running",
            ),
            # The desk's lists: the ended tasks of an actor, and those about one object. Waiting and
            # running tasks are few enough to be found by the indexes above; leaving them out
            # saves entries at each of a task's changes of state.
            models.Index(
                fields=["actor", "id"],
                condition=models.Q(state__in=["succeeded", "dead", "cancelled"]),
                name="jobs_task_ended_actor",
            ),
            models.Index(
                FirstArgument("args"),
                "id",
                condition=models.Q(state__in=["succeeded", "dead", "cancelled"]),
                name="jobs_task_ended_argument",
            ),
            # Dead letters, newest first.
            models.Index(
                fields=["-finished_at"], condition=models.Q(state="dead"), name="jobs_task_dead"
            ),
            # The rollup: the tasks that ended in a minute. BRIN costs an ending task nothing.
            BrinIndex(
                fields=["finished_at"],
                pages_per_range=32,
                autosummarize=True,
                name="jobs_task_finished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.id}"

    @property
    def is_terminal(self) -> bool:
        """Return whether the task has ended, so that no worker changes it any more."""
        return self.state in TERMINAL_STATES

    @property
    def refusal(self) -> str:
        """Return why the job cannot be computed, for whoever started it; empty where nothing says.

        Errors of other kinds are for operators alone.
        """
        last = self.attempts.order_by("id").last() if self.state == State.DEAD else None
        return last.error if last and last.error_type in NotComputable.names() else ""


class Attempt(models.Model):
    """One failed attempt of a task; a successful attempt is recorded in the task's own row."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    worker_id = models.UUIDField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(db_default=Now())
    error_type = models.CharField(max_length=200)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)

    class Meta:
        ordering = ["task", "id"]
        # The rollup: attempts that failed in a minute.
        indexes = [
            BrinIndex(
                fields=["finished_at"],
                pages_per_range=32,
                autosummarize=True,
                name="jobs_attempt_finished",
            )
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.error_type}"


class TaskGroup(models.Model):
    """Tasks sent together, and the task to send once all of them have ended."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    size = models.PositiveIntegerField()
    callback_actor = models.CharField(max_length=120)
    callback_args = models.JSONField(default=list)
    callback_task_id = models.UUIDField(
        null=True, help_text=_("Empty until the callback has been sent.")
    )
    urgency = models.PositiveSmallIntegerField(choices=Urgency, db_default=Urgency.ROUTINE)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.callback_actor} {self.id}"


class OnceKey(models.Model):
    """A key under which no second task is sent before `expires_at`."""

    key = models.CharField(primary_key=True, max_length=200)
    task_id = models.UUIDField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
