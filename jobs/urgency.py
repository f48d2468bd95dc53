"""The urgency of a task: a person waits for it, it is routine, or it is bulk work."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Urgency(models.IntegerChoices):
    """The urgency of a task; a lower value runs first. docs/task-lifecycle.md has the promises."""

    PERSON = 0, _("A person waits")
    ROUTINE = 1, _("Routine")
    BULK = 2, _("Bulk")


#: SQL conditions on `jobs_task`: tasks that worker threads run for messages, and those that only a
#: worker's threads for bulk work run.
IS_FOREGROUND = f"urgency < {Urgency.BULK.value}"
IS_BULK = f"urgency = {Urgency.BULK.value}"
