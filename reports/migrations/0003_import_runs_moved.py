"""Runs of imports live in the app `imports`, which every importer uses."""

from django.db import migrations

COLUMNS = (
    "source, fingerprint, rows, created, known, rejected, rejects_bytes, rejects_path, "
    "started_at, updated_at, finished_at"
)
MOVE = f"""
    INSERT INTO imports_importrun (target, changed, {COLUMNS})
    SELECT 'reports', 0, {COLUMNS} FROM reports_importrun
"""
MOVE_BACK = f"""
    INSERT INTO reports_importrun (byte_offset, {COLUMNS})
    SELECT 0, {COLUMNS} FROM imports_importrun WHERE target = 'reports'
"""
FORGET = "DELETE FROM imports_importrun WHERE target = 'reports'"


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0002_importrun_rejects_path"),
        ("imports", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(MOVE, FORGET),
        migrations.RunSQL(migrations.RunSQL.noop, MOVE_BACK),
        migrations.DeleteModel(name="ImportRun"),
    ]
