from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

IS_PENDING = models.Q(state__in=["queued", "retrying"])


class Migration(migrations.Migration):
    """The indexes of waiting tasks begin with the urgency; built without stopping anybody."""

    atomic = False
    dependencies = [("jobs", "0009_urgency")]

    operations = [
        AddIndexConcurrently(
            "task",
            models.Index(
                fields=["queue", "urgency", "priority", "publish_at"],
                condition=IS_PENDING,
                name="jobs_task_waiting",
            ),
        ),
        AddIndexConcurrently(
            "task",
            models.Index(
                fields=["queue", "urgency", "priority", "created_by", "publish_at"],
                condition=IS_PENDING,
                name="jobs_task_waiting_by_sender",
            ),
        ),
        RemoveIndexConcurrently("task", "jobs_task_pending"),
        RemoveIndexConcurrently("task", "jobs_task_pending_by_person"),
    ]
