from django.db import migrations, models

URGENCY = models.PositiveSmallIntegerField(
    choices=[(0, "A person waits"), (1, "Routine"), (2, "Bulk")], db_default=1
)

#: As in the migration `completion`; the announcement is as urgent as the job was.
ANNOUNCE = """
CREATE OR REPLACE FUNCTION jobs_announce_completion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs_task (id, actor, queue, args, kwargs, priority, state, attempt, max_attempts,
                           created_by, request_id, trace_context, created_at, run_at, publish_at%s)
    VALUES (uuidv7(), 'announce_completion', 'notifications', jsonb_build_array(NEW.id, NEW.state),
            '{}', 0, 'queued', 0, 8, NEW.created_by, NEW.request_id, NEW.trace_context,
            statement_timestamp(), statement_timestamp(), statement_timestamp()%s);
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    """A task knows whether a person waits for it, whether it is routine, or bulk; a group too."""

    dependencies = [("jobs", "0008_hot_table")]

    operations = [
        migrations.AddField("task", "urgency", URGENCY.clone()),
        migrations.AddField("taskgroup", "urgency", URGENCY.clone()),
        migrations.AddField("taskgroup", "created_by", models.UUIDField(null=True)),
        migrations.RunSQL(ANNOUNCE % (", urgency", ", NEW.urgency"), ANNOUNCE % ("", "")),
    ]
