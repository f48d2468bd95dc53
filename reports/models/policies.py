"""Tables of policies of triage: versions of them, the search for better ones, the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.model_fields import LineField
from jobs.models import JobResult
from reports.models.departments import Department
from reports.models.report import Report

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

POLICY_NOTE_MAX_CHARACTERS = 300


class PolicyQuerySet(models.QuerySet["Policy"]):
    """Queries that choose versions of policies."""

    def in_force(self) -> PolicyQuerySet:
        """Return the newest version of each department's policy, and of the whole city's."""
        return self.order_by("department_id", "-version").distinct("department_id")

    def with_force(self) -> PolicyQuerySet:
        """Mark each version by `is_newest`: whether it is in force."""
        newer = Policy.objects.alias(where=Coalesce("department_id", 0)).filter(
            where=Coalesce(OuterRef("department_id"), 0), version__gt=OuterRef("version")
        )
        return self.annotate(is_newest=~Exists(newer))

    def of(self, department: Department | None) -> PolicyQuerySet:
        """Return the versions for a department, or for the whole city, newest first."""
        return self.filter(department=department).order_by("-version")

    def readable_by(self, user: User | AnonymousUser) -> PolicyQuerySet:
        """Return the versions that this person may read: the city's and their departments'."""
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return self.none()
        if user.is_superuser:
            return self.all()
        own = models.Q(department__in=Department.objects.worked_in_by(user).values("pk"))
        return self.filter(own | models.Q(department=None))


class Policy(models.Model):
    """A version of a policy of triage: in which order waiting reports are taken up.

    The newest version is in force. A department without a version of its own goes by that of the
    department above it, and at last by the whole city's. A trigger refuses every change.
    """

    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="policies",
        db_index=False,
        help_text=_("For whose reports, with the departments below it; empty: the whole city."),
    )
    version = models.PositiveIntegerField(help_text=_("Counted for each department from 1."))
    rules = models.JSONField(
        help_text=_("The parameters, as `reports.policies.rules.Rules` has them.")
    )
    note = LineField(
        max_length=POLICY_NOTE_MAX_CHARACTERS, blank=True, help_text=_("Why it was applied.")
    )
    result = models.ForeignKey(
        JobResult,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="policies",
        help_text=_("The run of strategy discovery that found it."),
    )
    trial = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The number of the trial of that run.")
    )
    reverts = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reverted_by",
        help_text=_("The version that this one takes back."),
    )
    applied_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who applied it; empty if that person was erased."),
    )
    applied_at = models.DateTimeField(
        db_default=Now(), help_text=_("From when on it was in force.")
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "policies"
        constraints: ClassVar = [
            # Also finds the newest version. Two people who apply at once do not get one number.
            models.UniqueConstraint(
                fields=["department", "version"],
                nulls_distinct=False,
                name="reports_policy_version_unique",
            )
        ]

    def __str__(self) -> str:
        return f"version {self.version} for {self.department or 'the whole city'}"


class QueuePlace(models.Model):
    """The place of an open report in the queue, by the policy in force.

    It is a time: reports with an earlier one come first. `reports.policies.queueing` keeps it.
    """

    report = models.OneToOneField(
        Report,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="queue_place",
        help_text=_("The open report."),
    )
    at = models.DateTimeField(help_text=_("The place."))
    is_urgent = models.BooleanField(help_text=_("Whether its severity puts it before all others."))
    is_escalated = models.BooleanField(help_text=_("Whether it is so late that it was moved up."))
    policy = models.ForeignKey(
        Policy,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text=_("The policy that gave it; empty: reports go by their arrival."),
    )

    class Meta:
        indexes: ClassVar = [
            # The queue of the whole city, first come first.
            models.Index("at", "report", name="queueplace_order"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} at {self.at:%Y-%m-%d %H:%M}"


class PolicyStudy(models.Model):
    """A search for a better policy: what all its trials share."""

    result = models.OneToOneField(
        JobResult,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="policy_study",
        help_text=_("The result of the search, with its inputs."),
    )
    history = models.BinaryField(
        null=True,
        help_text=_(
            "The history as all trials replay it, whatever changes meanwhile; empty once the"
            " search has ended."
        ),
    )
    history_digest = models.CharField(max_length=64, help_text=_("SHA-256 of the history."))
    split_at = models.FloatField(help_text=_("Where the hold-out period begins, in hours."))
    fairness_limit = models.FloatField(help_text=_("Above it a policy costs more."))

    class Meta:
        verbose_name = "search for a policy"
        verbose_name_plural = "searches for policies"

    def __str__(self) -> str:
        return str(self.pk)


class PolicyTrial(models.Model):
    """A policy that a search has tried, with what it would have achieved."""

    study = models.ForeignKey(
        PolicyStudy,
        on_delete=models.CASCADE,
        related_name="trials",
        db_index=False,
        help_text=_("The search."),
    )
    number = models.PositiveIntegerField(help_text=_("From 0, in the order of the search."))
    rules = models.JSONField(help_text=_("The parameters that are tried."))
    begun = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text=_("How often it was begun; more than once after a fault."),
    )
    taken_by = models.UUIDField(null=True, help_text=_("The task that replays it."))
    cost = models.FloatField(
        null=True, help_text=_("What the search makes small; empty until then.")
    )
    figures = models.JSONField(
        null=True, help_text=_("What it achieved before the hold-out period.")
    )
    ended_at = models.DateTimeField(null=True, help_text=_("When its figures were stored."))

    class Meta:
        ordering: ClassVar = ["study", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "number"], name="reports_policytrial_unique")
        ]

    def __str__(self) -> str:
        return f"trial {self.number} of {self.study_id}"
