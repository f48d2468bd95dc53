"""How soon a task must run: whether a person waits for it, or it is routine or bulk work."""

from __future__ import annotations

from django.db import models


class Urgency(models.IntegerChoices):
    """The urgency of a task; a lower value runs first. docs/task-lifecycle.md says what each promises."""

    PERSON = 0, "A person waits"
    ROUTINE = 1, "Routine"
    BULK = 2, "Bulk"


#: SQL conditions on `jobs_task`: what worker threads run for messages, and what only the bulk
#: threads of a worker run.
IS_FOREGROUND = f"urgency < {Urgency.BULK.value}"
IS_BULK = f"urgency = {Urgency.BULK.value}"
