from django.db import migrations, models

DIGEST = models.BigIntegerField(
    editable=False,
    help_text="Stands for the words of a longer text, so that copies of it are noticed.",
    null=True,
)


class Migration(migrations.Migration):
    dependencies = [("reports", "0031_list_indexes")]
    operations = [
        migrations.AddField("report", "text_digest", DIGEST),
        migrations.AddField("comment", "text_digest", DIGEST),
        migrations.AddField(
            "comment",
            "is_by_holder",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Written with the tracking token of the report: its anonymous reporter did.",
            ),
        ),
        migrations.AddField(
            "reportcontact",
            "wants_updates",
            models.BooleanField(
                db_default=True,
                default=True,
                help_text="Whether they are told of steps and replies.",
            ),
        ),
    ]
