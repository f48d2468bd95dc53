from django.db import migrations, models

STATUSES = [
    ("queued", "Queued"),
    ("sent", "Sent"),
    ("delivered", "Delivered"),
    ("undelivered", "Undelivered"),
    ("failed", "Failed"),
    ("skipped", "Skipped"),
    ("expired", "Expired"),
    ("cancelled", "Cancelled"),
]

#: Deliveries whose task ended before anybody showed it, and tasks sent before that still may.
SHOW_ENDS = """
UPDATE notifications_delivery AS d
SET status = CASE t.state WHEN 'dead' THEN 'failed' ELSE 'cancelled' END, finished_at = t.finished_at
FROM jobs_task AS t
WHERE t.actor = 'deliver_notification' AND t.state IN ('dead', 'cancelled')
  AND t.args ->> 0 = d.id::text AND d.status = 'queued';
UPDATE jobs_task SET is_mirrored = true
WHERE actor = 'deliver_notification' AND state IN ('queued', 'retrying', 'running', 'dead');
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_delivery_sent"), ("jobs", "0011_mirrors")]

    operations = [
        migrations.AlterField(
            "delivery", "status", models.CharField(choices=STATUSES, default="queued", max_length=12)
        ),
        migrations.AddField(
            "delivery",
            "counted_at",
            models.DateTimeField(
                help_text="When it was counted against the day's limit of SMS.", null=True
            ),
        ),
        migrations.RunSQL(SHOW_ENDS, migrations.RunSQL.noop),
    ]
