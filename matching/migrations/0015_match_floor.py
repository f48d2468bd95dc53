from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("matching", "0014_help_texts")]

    operations = [
        migrations.AddField(
            "profile",
            "match_floor",
            models.FloatField(
                editable=False,
                help_text="The score of the last saved match after a run that filled the list.",
                null=True,
            ),
        ),
    ]
