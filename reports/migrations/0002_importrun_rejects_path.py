from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='rejects_path',
            field=models.TextField(blank=True, default='', db_default='', help_text='Where the file of rejects is.'),
        ),
    ]
