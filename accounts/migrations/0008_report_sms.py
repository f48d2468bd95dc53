from django.db import migrations, models


class Migration(migrations.Migration):
    """Citizens known from before were not asked, and go on as they chose."""

    dependencies = [("accounts", "0007_seal_seeds")]

    operations = [
        migrations.AddField(
            "user",
            "wants_report_sms",
            models.BooleanField(
                default=True,
                help_text="About the citizen's own reports.",
                verbose_name="wants SMS about reports",
            ),
        ),
        migrations.AlterField(
            "user",
            "wants_sms",
            models.BooleanField(
                default=False,
                help_text="Other messages than those about their own reports.",
                verbose_name="wants SMS",
            ),
        ),
        migrations.RunSQL(
            "UPDATE accounts_user SET wants_report_sms = false WHERE NOT wants_sms",
            migrations.RunSQL.noop,
        ),
    ]
