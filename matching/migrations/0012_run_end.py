from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("matching", "0011_any_language")]

    operations = [
        migrations.AddField(
            "matchrun",
            "ended_as",
            models.CharField(
                blank=True,
                db_default="",
                help_text="How its task ended without matches: dead or cancelled.",
                max_length=10,
            ),
        ),
    ]
