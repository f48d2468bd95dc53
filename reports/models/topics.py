"""Lists of the topics of posts, of which one is in use."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.model_fields import LineField


class TopicList(models.Model):
    """Topics with the phrases that they are recognised by; a list never changes, a new one is made.

    While none is in use, the list that is part of the product counts.
    """

    topics = models.JSONField(help_text=_('[{"topic": "roads", "phrases": ["A pothole.", …]}, …]'))
    note = LineField(
        max_length=200,
        blank=True,
        help_text=_("What is different from the list before, for others."),
    )
    is_in_use = models.BooleanField("in use", default=False, editable=False)
    used_since = models.DateTimeField(null=True, editable=False)
    preview = models.JSONField(
        null=True, editable=False, help_text=_("What it would change, once that is counted.")
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_in_use"], condition=Q(is_in_use=True), name="reports_topiclist_one_used"
            )
        ]

    def __str__(self) -> str:
        return f"list {self.pk}: {self.note}" if self.note else f"list {self.pk}"
