from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("matching", "0006_plain_words")]
    operations = [
        migrations.AddField(
            "profile",
            "wants_match_notices",
            models.BooleanField(
                db_default=True,
                default=True,
                help_text="Whether to be notified of new matches.",
                verbose_name="wants match notices",
            ),
        ),
    ]
