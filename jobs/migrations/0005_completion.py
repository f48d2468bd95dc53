from django.db import migrations

#: In the statement that ends a job whose owner asked to be told. A replayed job ends once more, and is told once more.
CREATE = """
CREATE FUNCTION jobs_announce_completion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs_task (id, actor, queue, args, kwargs, priority, state, attempt, max_attempts, created_by,
                           request_id, trace_context, created_at, run_at, publish_at)
    VALUES (uuidv7(), 'announce_completion', 'notifications', jsonb_build_array(NEW.id, NEW.state), '{}', 0, 'queued',
            0, 8, NEW.created_by, NEW.request_id, NEW.trace_context, statement_timestamp(), statement_timestamp(),
            statement_timestamp());
    RETURN NULL;
END $$;

CREATE TRIGGER jobs_task_completion AFTER UPDATE OF state ON jobs_task FOR EACH ROW
WHEN (NEW.is_completion_announced AND NEW.state IN ('succeeded', 'dead', 'cancelled')
      AND OLD.state NOT IN ('succeeded', 'dead', 'cancelled'))
EXECUTE FUNCTION jobs_announce_completion();
"""

DROP = """
DROP TRIGGER jobs_task_completion ON jobs_task;
DROP FUNCTION jobs_announce_completion();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_rollup")]

    operations = [migrations.RunSQL(CREATE, DROP)]
