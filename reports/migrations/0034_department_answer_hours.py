import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0033_copy_indexes")]
    operations = [
        migrations.AddField(
            "department",
            "response_hours",
            models.PositiveIntegerField(
                blank=True,
                help_text="At medium severity, where the category names none. Empty: as in the department above, or FIRST_RESPONSE_HOURS. A change does not affect open reports.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(8760),
                ],
                verbose_name="hours until the first answer",
            ),
        ),
        migrations.AddField(
            "department",
            "response_version",
            models.PositiveIntegerField(
                db_default=1,
                default=1,
                editable=False,
                help_text="Grows by one with each change of the hours until the first answer.",
            ),
        ),
        migrations.AlterField(
            "category",
            "response_hours",
            models.PositiveIntegerField(
                blank=True,
                help_text="At medium severity, counted as for the deadline. Empty: the department's.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(8760),
                ],
                verbose_name="hours until the first answer",
            ),
        ),
        migrations.AddField(
            "report",
            "response_version",
            models.PositiveIntegerField(
                blank=True,
                help_text="The version of the category's or department's rule.",
                null=True,
            ),
        ),
    ]
