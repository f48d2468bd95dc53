"""The tables of background work: tasks, failed attempts, workers, queues and others."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Func
from django.db.models.functions import JSONObject, Left, Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.errors import NotComputable
from jobs.model_fields import LineField
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


class StatementTimestamp(Func):
    """PostgreSQL's time at the start of the statement; `Now()` is that of the transaction."""

    function = "statement_timestamp"
    output_field = models.DateTimeField()


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


class Worker(models.Model):
    """One worker process and its heartbeat."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hostname = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    threads = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)
    memory_bytes = models.PositiveBigIntegerField(
        null=True, help_text=_("Resident memory at the last heartbeat.")
    )

    class Meta:
        ordering = ["-heartbeat_at"]

    def __str__(self) -> str:
        return f"{self.hostname}:{self.pid}"


class WebProcess(models.Model):
    """One web process, and the memory it held when it last said so."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hostname = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField(help_text=_("Resident memory."))
    reported_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.hostname}:{self.pid}"


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


class ScheduleTick(models.Model):
    """One due time of one entry of the schedule; its uniqueness keeps it from being sent twice."""

    name = models.CharField(max_length=120)
    due_at = models.DateTimeField()
    task_id = models.UUIDField(null=True, help_text=_("Empty where a missed tick was skipped."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "due_at"], name="jobs_schedule_tick_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.due_at:%Y-%m-%d %H:%M}"


class Queue(models.Model):
    """An operator's settings for one queue: paused, or a rate. Most queues have no row."""

    name = models.CharField(primary_key=True, max_length=60)
    paused_at = models.DateTimeField(null=True, blank=True)
    rate_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many tasks may start in a minute."),
    )
    next_start_at = models.DateTimeField(
        null=True, editable=False, help_text=_("When the rate lets the next task start.")
    )
    note = LineField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class JobResult(models.Model):
    """The kept result of one run of a job type, with all that it was computed from.

    It outlives its task, so that runs can be compared later. `jobs.results.keeping` writes it.
    """

    task_id = models.UUIDField(primary_key=True, help_text=_("The task that computed it."))
    job_type = models.CharField(max_length=60)
    inputs = models.JSONField(help_text=_("What was to be computed, with all defaults filled in."))
    code_version = models.CharField(
        max_length=40, help_text=_("The version of the computation; see `jobs.job_type`.")
    )
    seed = models.BigIntegerField(null=True, help_text=_("Of its random numbers, if it uses any."))
    result = models.JSONField(help_text=_("As the result serializer of the job type has it."))
    is_partial = models.BooleanField(
        help_text=_("The best so far, of a run that has not ended or was cancelled.")
    )
    digest = models.CharField(
        max_length=64,
        help_text=_(
            "SHA-256 of the job type, the code version, the inputs, the seed and the result."
        ),
    )
    created_by = models.UUIDField(
        null=True, help_text=_("Who started the run; empty for a schedule.")
    )
    created_at = models.DateTimeField(help_text=_("When the run was asked for."))
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # The results of a type, newest first.
            models.Index(fields=["job_type", "-created_at"], name="jobs_result_type"),
            # A person's own results.
            models.Index(fields=["created_by", "-created_at"], name="jobs_result_own"),
            # Pruning.
            models.Index(fields=["updated_at"], name="jobs_result_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.job_type} {self.task_id}"


class UndecodableMessage(models.Model):
    """A message found in RabbitMQ that is no task, kept for an operator to look at."""

    queue = models.CharField(max_length=60)
    body = models.BinaryField()
    error = models.TextField()
    received_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.queue} {self.received_at:%Y-%m-%d %H:%M:%S}"


class RateLimit(models.Model):
    """The hits of one limit in its present window; written only by `jobs.http.limits`.

    Only the key is indexed, so that PostgreSQL can update the row in place (a heap-only update).
    """

    key = models.CharField(
        primary_key=True, max_length=64, help_text=_("SHA-256 of the name of what is limited.")
    )
    hits = models.PositiveIntegerField()
    window_ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.hits}"


class IdempotencyKey(models.Model):
    """The answer to a creating request, stored so that a repetition gets the same one.

    The row is inserted in the transaction of the effect: neither exists without the other.
    """

    owner = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text=_("SHA-256 of method, path and body."))
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    sealed_body = models.BinaryField(help_text=_("Encrypted: it may hold a tracking token."))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="jobs_idempotency_key_once")
        ]
        # Purging: the answers past their retention.
        indexes = [models.Index(fields=["created_at"], name="jobs_idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"


class TaskRollup(models.Model):
    """A summary of the tasks of one actor and queue that ended in one span of time.

    Written only by `jobs.operations.rollup`. A row covers a minute, ten minutes or an hour from
    `bucket_at`; with `seconds` 0 it covers everything since the installation and only grows. The
    counts are histograms over `jobs.operations.rollup.BOUNDS`; the last class counts what took
    longer.
    """

    seconds = models.PositiveIntegerField()
    bucket_at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    queue = models.CharField(max_length=60)
    succeeded = models.PositiveBigIntegerField()
    failed = models.PositiveBigIntegerField(
        help_text=_("Failed attempts; a task may have several.")
    )
    dead = models.PositiveBigIntegerField()
    cancelled = models.PositiveBigIntegerField()
    wait_counts = ArrayField(
        models.PositiveBigIntegerField(),
        help_text=_("Ended tasks by their time from being due to the start."),
    )
    wait_seconds = models.FloatField()
    run_counts = ArrayField(
        models.PositiveBigIntegerField(), help_text=_("Attempts by their time from start to end.")
    )
    run_seconds = models.FloatField()

    class Meta:
        constraints = [
            # Also serves the reading of one span over a period.
            models.UniqueConstraint(
                fields=["seconds", "bucket_at", "actor", "queue"], name="jobs_rollup_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.bucket_at:%Y-%m-%d %H:%M} +{self.seconds} s"


class Dashboard(TaskRollup):
    """The operators' dashboard, which this model gives a place and a permission in the admin."""

    class Meta:
        proxy = True
        verbose_name_plural = "dashboard"
        default_permissions = ("view",)


class Breaker(models.Model):
    """The circuit breaker of an outside service; written only by `jobs.execution.breakers`."""

    name = models.CharField(primary_key=True, max_length=60)
    failures = models.PositiveIntegerField(
        default=0, help_text=_("How many calls have failed in a row.")
    )
    opened_at = models.DateTimeField(null=True, help_text=_("Empty while the breaker is closed."))
    probe_at = models.DateTimeField(null=True, help_text=_("When one call may try again."))
    wait_seconds = models.FloatField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Mark(models.Model):
    """The time up to which a recurring duty is done; the process that locks the row performs it."""

    name = models.CharField(primary_key=True, max_length=60)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"


class AlertEpisode(models.Model):
    """A time in which a rule of JOBS_ALERT_RULES was broken.

    Operators are notified of its beginning and of its end.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule = models.CharField(max_length=60)
    threshold = models.FloatField()
    value = models.FloatField(help_text=_("The value measured when the episode began."))
    started_at = models.DateTimeField(db_default=Now())
    calm_since = models.DateTimeField(
        null=True, help_text=_("Since when the rule is kept again; the episode ends if that lasts.")
    )
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            # One episode of a rule at a time, so that operators are notified once.
            models.UniqueConstraint(
                fields=["rule"],
                condition=models.Q(ended_at__isnull=True),
                name="jobs_alert_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} since {self.started_at:%Y-%m-%d %H:%M}"
