"""Tables of what a reporter sends beside the report: answers to questions, contact details."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from reports.models.catalogue import Question
from reports.models.report import Report


class Answer(models.Model):
    """The answer to one question, in the version that was asked."""

    report = models.ForeignKey(
        Report, on_delete=models.CASCADE, related_name="answers", db_index=False
    )
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="+")
    value: models.JSONField[Any, Any] = models.JSONField(
        help_text=_("Text, a number, or for several of a list the keys; times in RFC 3339.")
    )

    class Meta:
        ordering: ClassVar = ["question__position", "question__code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "question"], name="reports_answer_unique")
        ]

    def __str__(self) -> str:
        return f"{self.question}: {self.in_words}"

    @property
    def in_words(self) -> str:
        """Return the answer for people, by the names of the values of a list."""
        names = {value["key"]: value["name"] for value in self.question.values}
        values = self.value if isinstance(self.value, list) else [self.value]
        return ", ".join(str(names.get(value, value)) for value in values)


class ReportContact(models.Model):
    """Where an anonymous reporter wants to be told of the report; encrypted, and deleted alone.

    `following.contacts` writes and reads it.
    """

    report = models.OneToOneField(
        Report, on_delete=models.CASCADE, primary_key=True, related_name="contact"
    )
    sealed = models.BinaryField(help_text=_("Name, email address, phone number and language."))
    wants_updates = models.BooleanField(
        default=True, db_default=True, help_text=_("Whether they are told of steps and replies.")
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"contact of {self.report_id}"
