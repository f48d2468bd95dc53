import django.core.validators
import django.db.models.deletion
import reports.models.catalogue
from django.conf import settings
from django.db import migrations, models


# A worker that has read the rules sees by the revision whether they have changed since, however they
# were changed. A random value is never the same again, not even after a rollback.
TABLES = ("reports_routingrule", "reports_area", "reports_category", "reports_categorygroup", "reports_department")
REVISE = """
CREATE FUNCTION reports_revise_routing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_routingrevision (id, value) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END
$$;
""" + "".join(
    f"CREATE TRIGGER {table}_revise AFTER INSERT OR UPDATE OR DELETE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION reports_revise_routing();"
    for table in TABLES
)
UNDO = (
    "".join(f"DROP TRIGGER {table}_revise ON {table};" for table in TABLES)
    + "DROP FUNCTION reports_revise_routing();"
)


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0022_authorities'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RoutingRevision',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('value', models.UUIDField()),
            ],
        ),
        migrations.AddField(
            model_name='report',
            name='routed_by',
            field=models.CharField(blank=True, choices=[('', 'not routed yet'), ('rule', 'a rule'), ('category', 'its category'), ('uncertain', 'triage: its category is not certain'), ('broken', 'triage: its rule cannot be evaluated'), ('staff', 'staff')], db_default='', default='', max_length=10),
        ),
        migrations.AddField(
            model_name='report',
            name='routing_reason',
            field=models.CharField(blank=True, db_default='', default='', help_text='Why it went to its department, such as the rule with its conditions.', max_length=500),
        ),
        migrations.AddField(
            model_name='report',
            name='sla_is_exact',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether the hours apply whatever the severity.'),
        ),
        migrations.CreateModel(
            name='RoutingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Such as “Street lights north”.', max_length=80, unique=True)),
                ('position', models.PositiveIntegerField(blank=True, help_text='Rules are tried from the lowest number up. Empty: as the last.')),
                ('is_active', models.BooleanField(default=True, help_text='Off: a draft, which can be tried and does not apply.', verbose_name='active')),
                ('active_from', models.DateField(blank=True, help_text="Of the report's arrival.", null=True)),
                ('active_until', models.DateField(blank=True, help_text='The last day.', null=True)),
                ('min_severity', models.CharField(blank=True, choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], help_text='This severity and those above it.', max_length=10, verbose_name='severity')),
                ('times', models.JSONField(blank=True, default=dict, help_text='When the report arrived: {"mon-fri": "17:00-24:00", "sat-sun": "00:00-24:00"}.', validators=[reports.models.catalogue.validate_opening_hours])),
                ('holidays', models.CharField(blank=True, help_text='A country or a part of one, such as US or US-CT.', max_length=8, validators=[reports.models.catalogue.validate_holidays])),
                ('on_holidays', models.CharField(blank=True, choices=[('', 'they are days like any other'), ('never', 'it never applies on them'), ('all_day', 'it applies on them all day too'), ('only', 'it applies on them alone')], default='', max_length=8)),
                ('takes_uncertain', models.BooleanField(default=False, help_text='Also reports whose category nobody is sure of, which go to triage otherwise.', verbose_name='also uncertain reports')),
                ('deadline_hours', models.PositiveIntegerField(blank=True, help_text="Whatever the severity. Empty: the deadline of the report's category.", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)])),
                ('deadline_in_working_hours', models.BooleanField(default=False, help_text='Of the department that gets the report.', verbose_name='in working hours')),
                ('area', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.area')),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.category')),
                ('department', models.ForeignKey(blank=True, help_text="Empty: the department of the report's category.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.department')),
                ('group', models.ForeignKey(blank=True, help_text='All categories of the group.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.categorygroup')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.AddField(
            model_name='report',
            name='routing_rule',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reports', to='reports.routingrule'),
        ),
        migrations.RunSQL(REVISE, UNDO),
    ]
