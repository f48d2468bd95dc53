from typing import Any

from django.db import migrations

BATCH = 5_000
# Reports are locked against deletion meanwhile. Those that change have words by the trigger.
FILL = """
    WITH batch AS (
        SELECT id, created_at, title, description, address, external_id FROM reports_report
        WHERE id > %s ORDER BY id LIMIT %s FOR KEY SHARE
    ), stored AS (
        INSERT INTO reports_reportwords (report_id, created_at, words)
        SELECT id, created_at, reports_words_of(title, description, address, external_id) FROM batch
        ON CONFLICT (report_id) DO NOTHING
    )
    SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Store the words of the reports there are, batch by batch, each in its own transaction."""
    last = "00000000-0000-0000-0000-000000000000"
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(FILL, (last, BATCH))
            row = cursor.fetchone()
            if row is None:
                return
            last = row[0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0039_report_words")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
