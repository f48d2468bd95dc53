import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0029_help_texts_and_erased_words")]
    operations = [
        migrations.AddField(
            model_name="confirmation",
            name="photo",
            field=models.OneToOneField(
                blank=True,
                help_text="The photo that shows the repair, or what is still wrong.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="confirmation",
                to="reports.photo",
            ),
        ),
        migrations.AlterField(
            model_name="photo",
            name="kind",
            field=models.CharField(
                choices=[
                    ("before", "the problem"),
                    ("repair", "the repair"),
                    ("unrepaired", "what is still wrong"),
                ],
                default="before",
                max_length=10,
            ),
        ),
    ]
