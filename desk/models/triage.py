"""Tables of triage: who looks at which report, and what each person did last."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from reports.models import Report


class TriageLook(models.Model):
    """The report that a person looks at in triage, so that nobody else is given it meanwhile."""

    by = models.OneToOneField(
        User,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="The member of staff, who looks at one report at a time.",
    )
    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="triage_looks", help_text="The report."
    )
    until = models.DateTimeField(help_text="When it ends, unless the page renews it.")

    def __str__(self) -> str:
        return f"{self.by_id} looks at {self.report_id}"


class TriageAction(models.Model):
    """Something that a person did in triage, with the answer; kept for a day.

    A request that is repeated gets the answer again, and the last action can be undone.
    """

    id = models.UUIDField(
        primary_key=True, help_text="Chosen by the page, the same when it repeats a request."
    )
    by = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="The member of staff.",
    )
    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="+", help_text="The report."
    )
    label = models.CharField(max_length=300, help_text="What was done, in words.")
    changes = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="The lines of the history that it wrote, the last one first.",
    )
    other = models.UUIDField(
        null=True, help_text="The report into which this one was merged, or which is not the same."
    )
    is_decided = models.BooleanField(help_text="Whether the report left the line by it.")
    can_be_undone = models.BooleanField(help_text="Whether it was of a kind that is undone.")
    at = models.DateTimeField(db_default=Now(), help_text="When it was done.")
    undone_at = models.DateTimeField(null=True, help_text="When it was undone.")

    class Meta:
        indexes: ClassVar = [
            # The last action of a person, and what is too old.
            models.Index("by", F("at").desc(), name="triageaction_last"),
        ]

    def __str__(self) -> str:
        return self.label
