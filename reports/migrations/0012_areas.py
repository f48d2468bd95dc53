import reports.geography.polygons
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0011_open_cell_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='Area',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, unique=True)),
                ('polygons', models.JSONField(help_text='GeoJSON: a Polygon, MultiPolygon, Feature or FeatureCollection in WGS 84.', validators=[reports.geography.polygons.validate_polygons])),
            ],
            options={
                'ordering': ['name'],
            },
        ),
    ]
