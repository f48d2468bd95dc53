from django.db import migrations


class Migration(migrations.Migration):
    """Every task is updated three times within a second or so: its dead versions go before they slow the next ones."""

    dependencies = [("jobs", "0007_sealed_answers")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE jobs_task SET (
                fillfactor = 70,
                autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02,
                autovacuum_vacuum_insert_threshold = 10000, autovacuum_vacuum_insert_scale_factor = 0.02,
                autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.02
            )
            """,
            """
            ALTER TABLE jobs_task RESET (
                fillfactor,
                autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor,
                autovacuum_vacuum_insert_threshold, autovacuum_vacuum_insert_scale_factor,
                autovacuum_analyze_threshold, autovacuum_analyze_scale_factor
            )
            """,
        )
    ]
