"""Put the anonymous reports that nobody has published yet into moderation's queue."""

from django.db import migrations

HOLD = """
    INSERT INTO reports_moderationcase
        (id, report_id, kind, subject_id, reasons, is_withheld, state, created_at, rejection, note)
    SELECT gen_random_uuid(), id, 'report', id,
        '[{"code": "anonymous", "detail": "Sent without signing in."}]', true, 'waiting',
        created_at, '', ''
    FROM reports_report
    WHERE published_at IS NULL AND tracking_token_hash IS NOT NULL
        AND status IN ('new', 'triaged', 'in_progress')
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0015_moderation_and_following")]

    operations = [migrations.RunSQL(HOLD, migrations.RunSQL.noop)]
