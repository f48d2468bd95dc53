from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tasks that were handed on and not claimed are few at a time, and looked for often."""

    atomic = False
    dependencies = [("jobs", "0012_breaker")]

    operations = [
        AddIndexConcurrently(
            "task",
            models.Index(
                fields=["queue", "published_at"],
                condition=models.Q(state__in=["queued", "retrying"], publish_at__isnull=True),
                name="jobs_task_handed_on",
            ),
        ),
    ]
