from django.db import migrations, models


class Migration(migrations.Migration):
    """Answers are sealed from now on; those kept in clear are forgotten."""

    dependencies = [("jobs", "0006_pace")]

    operations = [
        migrations.RunSQL("DELETE FROM jobs_idempotencykey", migrations.RunSQL.noop),
        migrations.RenameField("idempotencykey", "body", "sealed_body"),
        migrations.AlterField(
            "idempotencykey",
            "sealed_body",
            models.BinaryField(help_text="Encrypted: it may hold a tracking token."),
        ),
    ]
