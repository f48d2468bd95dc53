from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import jobs.models

HAS_ENDED = models.Q(state__in=["succeeded", "dead", "cancelled"])


class Migration(migrations.Migration):
    """The desk finds ended tasks by actor and by what they were about; built without stopping anybody."""

    atomic = False
    dependencies = [("jobs", "0015_job_results")]

    operations = [
        AddIndexConcurrently(
            "task",
            models.Index(fields=["actor", "id"], condition=HAS_ENDED, name="jobs_task_ended_actor"),
        ),
        AddIndexConcurrently(
            "task",
            models.Index(
                jobs.models.FirstArgument("args"),
                "id",
                condition=HAS_ENDED,
                name="jobs_task_ended_argument",
            ),
        ),
    ]
