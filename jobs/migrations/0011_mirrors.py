from django.db import migrations, models

#: In the statement that ends a mirrored task without success, or that replays it.
CREATE = """
CREATE FUNCTION jobs_mirror_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs_task (id, actor, queue, args, kwargs, urgency, priority, state, attempt, max_attempts, created_by,
                           request_id, trace_context, created_at, run_at, publish_at)
    VALUES (uuidv7(), 'mirror_state', 'default', jsonb_build_array(NEW.id), '{}', NEW.urgency, 0, 'queued', 0, 15,
            NEW.created_by, NEW.request_id, NEW.trace_context, statement_timestamp(), statement_timestamp(),
            statement_timestamp());
    RETURN NULL;
END $$;

CREATE TRIGGER jobs_task_mirror AFTER UPDATE OF state ON jobs_task FOR EACH ROW
WHEN (NEW.is_mirrored AND OLD.state <> NEW.state AND (NEW.state IN ('dead', 'cancelled') OR OLD.state = 'dead'))
EXECUTE FUNCTION jobs_mirror_state();
"""

DROP = """
DROP TRIGGER jobs_task_mirror ON jobs_task;
DROP FUNCTION jobs_mirror_state();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_urgency_indexes")]

    operations = [
        migrations.AddField(
            "task",
            "is_mirrored",
            models.BooleanField(db_default=False, help_text="The rows of its app get a copy of its state."),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
