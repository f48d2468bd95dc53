from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("matching", "0005_retired_at")]
    operations = [
        migrations.AlterConstraint(
            model_name='opportunity',
            name='matching_opportunity_place',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('latitude', None), ('longitude', None)), models.Q(('latitude__isnull', False), ('longitude__isnull', False), ('latitude__gte', -90), ('latitude__lte', 90), ('longitude__gte', -180), ('longitude__lte', 180)), _connector='OR'), name='matching_opportunity_place', violation_error_message='Latitude and longitude go together, from -90 to 90 and from -180 to 180.'),
        ),
        migrations.AlterConstraint(
            model_name='opportunity',
            name='matching_opportunity_dates',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on', None), ('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='matching_opportunity_dates', violation_error_message='It ends before it starts.'),
        ),
        migrations.AlterConstraint(
            model_name='opportunity',
            name='matching_opportunity_once',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('source', 'external_id'), name='matching_opportunity_once', violation_error_message='Another opportunity of this source has that external id.'),
        ),
        migrations.AlterConstraint(
            model_name='profile',
            name='matching_profile_place',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('latitude', None), ('longitude', None)), models.Q(('latitude__isnull', False), ('longitude__isnull', False), ('latitude__gte', -90), ('latitude__lte', 90), ('longitude__gte', -180), ('longitude__lte', 180)), _connector='OR'), name='matching_profile_place', violation_error_message='Latitude and longitude go together, from -90 to 90 and from -180 to 180.'),
        ),
        migrations.AlterConstraint(
            model_name='profile',
            name='matching_profile_radius',
            constraint=models.CheckConstraint(condition=models.Q(('radius_km', None), models.Q(('radius_km__gt', 0), ('radius_km__lte', 20100)), _connector='OR'), name='matching_profile_radius', violation_error_message='A radius is more than 0 and at most 20,100 km.'),
        ),
    ]
