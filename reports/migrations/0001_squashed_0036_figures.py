"""Make the tables of a new installation at once, as the migrations it replaces would."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import reports.catalogue.texts
import reports.geography.polygons
import reports.models.catalogue
import reports.models.conversation
import reports.models.erasure
import reports.models.place
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


# A line goes only by the foreign key's own cascade, when its report is gone already.
GUARD = """
CREATE FUNCTION reports_guard_history() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE has_report boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.by_id IS NULL
       AND to_jsonb(NEW) - 'by_id' = to_jsonb(OLD) - 'by_id' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.reports_report WHERE id = $1)', TG_TABLE_SCHEMA)
        INTO has_report USING OLD.report_id;
        IF NOT has_report THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER reports_statuschange_append_only BEFORE UPDATE OR DELETE ON reports_statuschange
FOR EACH ROW EXECUTE FUNCTION reports_guard_history();
CREATE TRIGGER reports_statuschange_no_truncate BEFORE TRUNCATE ON reports_statuschange
FOR EACH STATEMENT EXECUTE FUNCTION reports_guard_history();
"""

# Deleting a report takes its lines along, by the foreign key's own cascade.
CASCADING = """
ALTER TABLE reports_statuschange ADD CONSTRAINT reports_statuschange_report_fk
    FOREIGN KEY (report_id) REFERENCES reports_report (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""

# An address that the geocoder finds is no change that a person could overwrite unseen, or that
# would keep them from undoing a step. The answer's own digest still gives it another entity tag.
COUNTED = """
CREATE FUNCTION reports_count_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER reports_report_counted BEFORE UPDATE ON reports_report FOR EACH ROW
WHEN (OLD.is_address_looked_up OR NOT NEW.is_address_looked_up)
EXECUTE FUNCTION reports_count_version();
"""

# A worker that has read the rules sees by the revision whether they have changed since, however they
# were changed. A random value is never the same again, not even after a rollback.
REVISING = (
    "reports_routingrule", "reports_area", "reports_category", "reports_categorygroup", "reports_department",
    "reports_crew",
)
REVISED = """
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
    for table in REVISING
)

REMOVED = """
DROP FUNCTION reports_revise_routing() CASCADE;
DROP FUNCTION reports_count_version() CASCADE;
DROP FUNCTION reports_guard_history() CASCADE;
"""


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ('reports', '0001_initial'),
        ('reports', '0002_importrun_rejects_path'),
        ('reports', '0003_import_runs_moved'),
        ('reports', '0004_catalogue'),
        ('reports', '0005_category_groups'),
        ('reports', '0006_category_group_name'),
        ('reports', '0007_database_clock'),
        ('reports', '0008_category_suggestions'),
        ('reports', '0009_duplicates'),
        ('reports', '0010_fill_cells'),
        ('reports', '0011_open_cell_index'),
        ('reports', '0012_areas'),
        ('reports', '0013_words_index'),
        ('reports', '0014_photos'),
        ('reports', '0015_moderation_and_following'),
        ('reports', '0016_hold_unpublished'),
        ('reports', '0017_workflow'),
        ('reports', '0018_history_guard'),
        ('reports', '0019_workflow_indexes'),
        ('reports', '0020_corrections'),
        ('reports', '0021_answers_and_contacts'),
        ('reports', '0022_authorities'),
        ('reports', '0023_routing_rules'),
        ('reports', '0024_routing_rule_index'),
        ('reports', '0025_escalation_and_confirmation'),
        ('reports', '0026_address_looked_up'),
        ('reports', '0027_authorities_at_the_desk'),
        ('reports', '0028_staff_notices'),
        ('reports', '0029_help_texts_and_erased_words'),
        ('reports', '0030_photos_of_answers'),
        ('reports', '0031_list_indexes'),
        ('reports', '0032_copies_and_holders'),
        ('reports', '0033_copy_indexes'),
        ('reports', '0034_department_answer_hours'),
        ('reports', '0035_collection'),
        ('reports', '0036_figures'),
    ]
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name='Department',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Its name in the API and in files of the catalogue, such as streets; keep it once it is used.', unique=True)),
                ('name', models.CharField(help_text='As citizens and staff read it, such as Streets and Bridges.', max_length=120)),
                ('email', models.EmailField(blank=True, help_text="The office's address, to which escalations and new reports are sent. Empty: that of the department above.", max_length=254)),
                ('is_triage', models.BooleanField(default=False, help_text='Gets the reports whose category is not certain. One department at most.')),
                ('closed_on', django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), blank=True, db_default=models.Value([], django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), size=None)), default=list, help_text='Further days on which the department is closed.', size=None)),
                ('holidays', models.CharField(blank=True, db_default='', help_text='A country or a part of one, such as US or US-CT. Empty: as in the department above.', max_length=8, validators=[reports.models.catalogue.validate_holidays])),
                ('opening_hours', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, help_text='Such as {"mon-fri": "08:30-12:00, 13:00-17:00"}. Empty: as in the department above.', validators=[reports.models.catalogue.validate_opening_hours])),
                ('parent', models.ForeignKey(blank=True, help_text='The department above it, whose members work here too.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='reports.department')),
                ('is_emailed', models.BooleanField(db_default=False, default=False, help_text='Email the office when it receives reports: by routing, by a clerk, or handed over by another department. Several at once are one message.', verbose_name='email about new reports')),
                ('response_hours', models.PositiveIntegerField(blank=True, help_text='At medium severity, where the category names none. Empty: as in the department above, or FIRST_RESPONSE_HOURS. A change does not affect open reports.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)], verbose_name='hours until the first answer')),
                ('response_version', models.PositiveIntegerField(db_default=1, default=1, editable=False, help_text='Grows by one with each change of the hours until the first answer.')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_triage', True)), fields=('is_triage',), name='reports_department_one_triage')],
            },
        ),
        migrations.CreateModel(
            name='ExampleVector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('space', models.CharField(help_text='The embedder and its version; vectors of two spaces are never compared.', max_length=120)),
                ('digest', models.BinaryField(help_text='SHA-256 of the text.', max_length=32)),
                ('vector', models.BinaryField(help_text='The vector as float32, little-endian.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('space', 'digest'), name='reports_examplevector_unique')],
            },
        ),
        migrations.CreateModel(
            name='DepartmentMembership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, help_text='When they joined.')),
                ('department', models.ForeignKey(help_text='Where they work: on its reports, and on those of the departments below it.', on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='reports.department')),
                ('user', models.ForeignKey(db_index=False, help_text='A member of staff.', on_delete=django.db.models.deletion.CASCADE, related_name='department_memberships', to=settings.AUTH_USER_MODEL)),
                ('is_manager', models.BooleanField(db_default=False, default=False, help_text='May also take back rejections and undo the steps of others.', verbose_name='manager')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'department'), name='reports_membership_unique')],
            },
        ),
        migrations.CreateModel(
            name='CategoryGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Its name in the API and in files of the catalogue, such as streets; keep it once it is used.', unique=True)),
                ('name', models.CharField(help_text='As citizens read it, in English.', max_length=80)),
                ('translations', models.JSONField(blank=True, default=dict, help_text='Such as {"es": {"name": …}}.', validators=[reports.catalogue.texts.TranslationsValidator(('name',))])),
                ('icon', models.CharField(blank=True, help_text='The name of a picture in the app, such as street-light.', max_length=40, validators=[django.core.validators.RegexValidator('^[a-z0-9-]+\\Z', 'Expected the name of an icon, such as street-light.')])),
                ('colour', models.CharField(blank=True, help_text='Such as #2e7d32.', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9a-fA-F]{6}\\Z', 'Expected a colour such as #2e7d32.')])),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Groups are listed from the lowest number up.')),
            ],
            options={
                'ordering': ['position', 'slug'],
            },
            bases=(reports.catalogue.texts.InLanguages, models.Model),
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Its name in the API and its service code in Open311, such as pothole; keep it once it is used.', unique=True)),
                ('name', models.CharField(help_text='As citizens read it, in English.', max_length=120)),
                ('description', models.TextField(blank=True, help_text='What belongs here and what does not; citizens read it, and the classifier learns from it.')),
                ('keywords', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list, help_text='Words that point to it, from which the classifier learns, separated by commas.', size=None)),
                ('examples', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=300), blank=True, default=list, help_text='Sentences as a citizen would write them; the classifier learns from them.', size=None)),
                ('sla_hours', models.PositiveIntegerField(default=120, help_text='Hours until the deadline at medium severity. A change does not affect open reports.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)])),
                ('is_active', models.BooleanField(default=True, help_text='Whether citizens and the classifier can choose it.')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Categories are listed from the lowest number up.')),
                ('department', models.ForeignKey(help_text='Handles its reports where no rule of routing says otherwise.', on_delete=django.db.models.deletion.PROTECT, related_name='categories', to='reports.department')),
                ('colour', models.CharField(blank=True, db_default='', help_text='Such as #2e7d32.', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9a-fA-F]{6}\\Z', 'Expected a colour such as #2e7d32.')])),
                ('default_severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], db_default='medium', default='medium', help_text='The severity of a report whose reporter chose none.', max_length=10)),
                ('icon', models.CharField(blank=True, db_default='', help_text='The name of a picture in the app, such as street-light.', max_length=40, validators=[django.core.validators.RegexValidator('^[a-z0-9-]+\\Z', 'Expected the name of an icon, such as street-light.')])),
                ('sla_in_working_hours', models.BooleanField(db_default=False, default=False, help_text='Count only the hours in which the department works.', verbose_name='in working hours')),
                ('sla_version', models.PositiveIntegerField(db_default=1, default=1, editable=False, help_text="Grows by one with each change of the deadline's rule.")),
                ('translations', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, help_text='Such as {"es": {"name": …, "description": …, "examples": [ … ]}}.', validators=[reports.catalogue.texts.TranslationsValidator(('name', 'description', 'examples'))])),
                ('group', models.ForeignKey(blank=True, help_text='The upper level under which it is listed.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='categories', to='reports.categorygroup')),
                ('response_hours', models.PositiveIntegerField(blank=True, help_text="At medium severity, counted as for the deadline. Empty: the department's.", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)], verbose_name='hours until the first answer')),
            ],
            options={
                'verbose_name_plural': 'categories',
                'ordering': ['position', 'slug'],
            },
        ),
        migrations.CreateModel(
            name='SeverityRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Shown on reports whose severity this rule raised.', max_length=80, unique=True)),
                ('phrases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), help_text='Whole words in upper or lower case, such as "gas leak" or "live wire".', size=None)),
                ('severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], default='high', help_text='The least severity of a report with one of these phrases.', max_length=10)),
                ('is_active', models.BooleanField(default=True, help_text='Off: it is kept, but applies to no further report.')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(help_text="The attribute's code in Open311; do not change it.", max_length=50, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]*\\Z', 'Expected a code such as pole_number.')])),
                ('version', models.PositiveIntegerField(default=1, editable=False, help_text='Grows by one with each change of the wording.')),
                ('type', models.CharField(choices=[('string', 'a line of text'), ('number', 'a number'), ('datetime', 'a date and time'), ('text', 'a longer text'), ('singlevaluelist', 'one of a list'), ('multivaluelist', 'several of a list')], default='string', help_text='What an answer may be.', max_length=16)),
                ('label', models.CharField(help_text='As citizens read it, in English.', max_length=200, verbose_name='question')),
                ('help', models.CharField(blank=True, help_text='A line below the question, in English.', max_length=300)),
                ('values', models.JSONField(blank=True, default=list, help_text='The values of a list: [{"key": "out", "name": "It is out"}, …].')),
                ('translations', models.JSONField(blank=True, default=dict, help_text='Such as {"es": {"label": …, "help": …}}.', validators=[reports.catalogue.texts.TranslationsValidator(('label', 'help'))])),
                ('is_required', models.BooleanField(default=False, help_text='Whether a report of this category needs an answer.', verbose_name='required')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Questions are asked from the lowest number up.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, help_text='Since when it is asked.')),
                ('retired_at', models.DateTimeField(blank=True, editable=False, help_text='Since when it is not asked any more.', null=True)),
                ('category', models.ForeignKey(help_text='Asked about reports of this category.', on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='reports.category')),
            ],
            options={
                'ordering': ['position', 'code', 'version'],
                'constraints': [models.UniqueConstraint(fields=('category', 'code', 'version'), name='reports_question_version'), models.UniqueConstraint(condition=models.Q(('retired_at', None)), fields=('category', 'code'), name='reports_question_current')],
            },
            bases=(reports.catalogue.texts.InLanguages, models.Model),
        ),
        migrations.CreateModel(
            name='Area',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='As staff know it, such as North or Old Town.', max_length=120, unique=True)),
                ('polygons', models.JSONField(help_text='Its outline, as GeoJSON: a Polygon, MultiPolygon, Feature or FeatureCollection in WGS 84 degrees, at most 50,000 positions.', validators=[reports.geography.polygons.validate_polygons])),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='BlockedWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(help_text='In any spelling; upper case, accents and digits do not matter.', max_length=80)),
                ('phrase', models.CharField(editable=False, help_text='The word as texts are compared.', max_length=80, unique=True)),
                ('language', models.CharField(blank=True, help_text='Such as en; for the list only.', max_length=12)),
                ('is_active', models.BooleanField(default=True, help_text='Off: it is kept, but holds nothing back.')),
            ],
            options={
                'ordering': ['language', 'word'],
            },
        ),
        migrations.CreateModel(
            name='AreaSubscription',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text="The subscriber's own name for the area.", max_length=80)),
                ('latitude', models.FloatField(help_text='The centre of a circle.', null=True)),
                ('longitude', models.FloatField(null=True)),
                ('radius_metres', models.PositiveIntegerField(null=True)),
                ('polygon', models.JSONField(help_text='A GeoJSON Polygon, where it is no circle.', null=True)),
                ('west', models.FloatField()),
                ('south', models.FloatField()),
                ('east', models.FloatField()),
                ('north', models.FloatField()),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), default=list, help_text='Slugs of categories; empty: every one.', size=None)),
                ('delivery', models.CharField(choices=[('at_once', 'at once'), ('daily', 'once a day')], default='daily', help_text='A message for each report, or one a day.', max_length=8)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was made.')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='area_subscriptions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [django.contrib.postgres.indexes.GistIndex(models.Func(models.Func('west', 'south', function='point'), models.Func('east', 'north', function='point'), function='box'), name='areasubscription_box')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('polygon__isnull', True), ('radius_metres__isnull', False)), models.Q(('polygon__isnull', False), ('radius_metres__isnull', True)), _connector='OR'), name='reports_areasubscription_shape')],
            },
        ),
        migrations.CreateModel(
            name='ReplyTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For staff, such as “Repair planned”.', max_length=80, unique=True)),
                ('body', models.TextField(help_text='Placeholders: {number}, {title}, {category}, {department}, {status}, {address}.', max_length=2000, validators=[reports.models.conversation.validate_placeholders])),
                ('translations', models.JSONField(blank=True, default=dict, help_text='Such as {"es": {"body": …}}.', validators=[reports.catalogue.texts.TranslationsValidator(('body',))])),
                ('is_active', models.BooleanField(default=True, help_text='Off: it is kept, but not offered.')),
                ('category', models.ForeignKey(blank=True, help_text='Empty: for every category.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reply_templates', to='reports.category')),
                ('department', models.ForeignKey(blank=True, help_text='Empty: for every department.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reply_templates', to='reports.department')),
            ],
            options={
                'ordering': ['name'],
            },
            bases=(reports.catalogue.texts.InLanguages, models.Model),
        ),
        migrations.CreateModel(
            name='Crew',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='As staff know it, such as North 2.', max_length=80)),
                ('is_active', models.BooleanField(default=True, help_text='Whether it takes further reports.')),
                ('department', models.ForeignKey(help_text='The department whose reports it takes, and those of departments below it.', on_delete=django.db.models.deletion.PROTECT, related_name='crews', to='reports.department')),
                ('members', models.ManyToManyField(blank=True, help_text='Staff of the department, or of one above it.', related_name='crews', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('department', 'name'), name='reports_crew_unique')],
            },
        ),
        migrations.CreateModel(
            name='Authority',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='As people read it when a place is not served here.', max_length=120)),
                ('url', models.URLField(blank=True, help_text='Where it takes reports, shown beside its name: https://…', max_length=300, validators=[django.core.validators.URLValidator(schemes=['https', 'http'])], verbose_name='web page')),
                ('is_own', models.BooleanField(default=False, help_text='On for the places that this city serves, off for a neighbour.', verbose_name='is this city')),
                ('polygons', models.JSONField(help_text='The places it serves, as GeoJSON: a Polygon, MultiPolygon, Feature or FeatureCollection in WGS 84 degrees, at most 50,000 positions.', validators=[reports.geography.polygons.validate_polygons])),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it last changed.')),
            ],
            options={
                'verbose_name_plural': 'authorities',
                'constraints': [models.UniqueConstraint(fields=('name', 'is_own'), name='reports_authority_unique')],
            },
        ),
        migrations.CreateModel(
            name='RoutingRevision',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('value', models.UUIDField()),
            ],
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
                ('on_holidays', models.CharField(blank=True, choices=[('', 'they are days like any other'), ('never', 'it never applies on them'), ('all_day', 'it applies on them all day too'), ('only', 'it applies on them alone')], default='', help_text='What becomes of the rule on the holidays named above.', max_length=8)),
                ('takes_uncertain', models.BooleanField(default=False, help_text='Also reports whose category nobody is sure of, which go to triage otherwise.', verbose_name='also uncertain reports')),
                ('deadline_hours', models.PositiveIntegerField(blank=True, help_text="Whatever the severity. Empty: the deadline of the report's category.", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)])),
                ('deadline_in_working_hours', models.BooleanField(default=False, help_text='Of the department that gets the report.', verbose_name='in working hours')),
                ('area', models.ForeignKey(blank=True, help_text='Reports inside this area alone.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.area')),
                ('category', models.ForeignKey(blank=True, help_text='Reports of this category alone.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.category')),
                ('department', models.ForeignKey(blank=True, help_text="Empty: the department of the report's category.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.department')),
                ('group', models.ForeignKey(blank=True, help_text='All categories of the group.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.categorygroup')),
                ('crew', models.ForeignKey(blank=True, help_text='To which the reports are assigned; of the department or of one above it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.crew')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, help_text='The number by which citizens and staff find it.', primary_key=True, serialize=False)),
                ('tracking_token_hash', models.CharField(blank=True, editable=False, help_text='SHA-256 of the tracking token; anonymous reports only.', max_length=64, null=True, unique=True)),
                ('title', models.CharField(help_text='The problem in a line.', max_length=200)),
                ('description', models.TextField(blank=True, help_text="The problem in the reporter's words.", max_length=10000)),
                ('latitude', models.FloatField(help_text='Degrees in WGS 84, positive in the north.', validators=[django.core.validators.MinValueValidator(-90), django.core.validators.MaxValueValidator(90)])),
                ('longitude', models.FloatField(help_text='Degrees in WGS 84, positive in the east.', validators=[django.core.validators.MinValueValidator(-180), django.core.validators.MaxValueValidator(180)])),
                ('address', models.CharField(blank=True, help_text='The place in words.', max_length=300)),
                ('severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], default='medium', help_text='How bad it is; it shortens or lengthens both deadlines.', max_length=10)),
                ('category_source', models.CharField(blank=True, choices=[('', 'nobody yet'), ('reporter', 'reporter'), ('classifier', 'classifier'), ('staff', 'staff'), ('import', 'imported')], default='', help_text='Who or what chose the category; the classifier replaces only its own choice.', max_length=10)),
                ('category_confidence', models.FloatField(blank=True, help_text="The classifier's confidence, 0 to 1; empty if a person chose the category.", null=True)),
                ('due_at', models.DateTimeField(blank=True, help_text='By when the problem should be repaired.', null=True)),
                ('status', models.CharField(choices=[('new', 'new'), ('triaged', 'triaged'), ('assigned', 'assigned'), ('in_progress', 'in progress'), ('waiting', 'waiting'), ('resolved', 'resolved'), ('closed', 'closed'), ('rejected', 'rejected'), ('duplicate', 'duplicate'), ('reopened', 'reopened')], default='new', help_text='Where it stands in the workflow; only steps change it.', max_length=12)),
                ('published_at', models.DateTimeField(blank=True, help_text='When it became public; empty while it is not.', null=True)),
                ('is_live', models.BooleanField(default=True, help_text='Off for old imported reports, whose reporters get no messages.')),
                ('source', models.CharField(blank=True, help_text='The system from which the report was imported.', max_length=80)),
                ('external_id', models.CharField(blank=True, help_text="The report's identifier in that system.", max_length=120, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was reported.')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it last changed.')),
                ('closed_at', models.DateTimeField(blank=True, help_text='When work on it ended: resolved, closed or rejected.', null=True)),
                ('category', models.ForeignKey(blank=True, db_index=False, help_text='The kind of problem; it decides department and deadlines.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='reports.category')),
                ('department', models.ForeignKey(blank=True, db_index=False, help_text='The department that works on it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='reports.department')),
                ('reporter', models.ForeignKey(blank=True, db_index=False, help_text='Who reported it; empty for an anonymous or imported report.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reports', to=settings.AUTH_USER_MODEL)),
                ('severity_rule', models.CharField(blank=True, db_default='', default='', help_text='The rule that raised the severity for words in the text.', max_length=80)),
                ('severity_source', models.CharField(blank=True, choices=[('', 'nobody'), ('reporter', 'reporter'), ('category', "the category's own"), ('rule', 'a rule of words'), ('staff', 'staff'), ('import', 'imported')], db_default='', default='', help_text='Who or what decided the severity.', max_length=10)),
                ('sla_hours', models.PositiveIntegerField(blank=True, help_text='Hours until the deadline for the repair, as they were when the report got it.', null=True)),
                ('sla_in_working_hours', models.BooleanField(db_default=False, default=False, help_text='Whether these are working hours of the department.')),
                ('sla_version', models.PositiveIntegerField(blank=True, help_text="The version of the category's rule that gave the hours.", null=True)),
                ('category_suggestions', models.JSONField(blank=True, db_default=[], default=list, editable=False, help_text="The classifier's first three categories, each with confidence and reasons.")),
                ('cell', reports.models.place.CellField(editable=False, help_text="The cell of the world's hexagonal grid that holds the place.", null=True)),
                ('assignee', models.ForeignKey(blank=True, db_index=False, help_text='The member of staff who works on it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assigned_reports', to=settings.AUTH_USER_MODEL)),
                ('confirmed_at', models.DateTimeField(blank=True, help_text='When a citizen confirmed the repair.', null=True)),
                ('responded_at', models.DateTimeField(blank=True, help_text='When staff first took a step that the reporter hears of.', null=True)),
                ('response_due_at', models.DateTimeField(blank=True, help_text='By when the reporter gets a first answer.', null=True)),
                ('response_hours', models.PositiveIntegerField(blank=True, help_text='Hours until the first answer at medium severity, as they were then.', null=True)),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, help_text='Grows by one with each change; a trigger of PostgreSQL counts.')),
                ('waiting_for', models.CharField(blank=True, choices=[('reporter', 'an answer of the reporter'), ('contractor', 'a contractor'), ('authority', 'another authority'), ('material', 'material or equipment'), ('weather', 'better weather'), ('other', 'something else')], db_default='', default='', help_text='Whom or what it waits for; empty while it does not wait.', max_length=12)),
                ('waiting_until', models.DateTimeField(blank=True, help_text='When it stops waiting by itself.', null=True)),
                ('crew', models.ForeignKey(blank=True, db_index=False, help_text='The crew that works on it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='reports.crew')),
                ('accuracy_metres', models.FloatField(blank=True, help_text='How accurate the place is, by the device.', null=True)),
                ('client_id', models.UUIDField(blank=True, editable=False, help_text="The client's own id, by which it finds again what it sent.", null=True)),
                ('device_at', models.DateTimeField(blank=True, help_text='When it was written, by the clock of the device.', null=True)),
                ('routed_by', models.CharField(blank=True, choices=[('', 'not routed yet'), ('rule', 'a rule'), ('category', 'its category'), ('uncertain', 'triage: its category is not certain'), ('broken', 'triage: its rule cannot be evaluated'), ('staff', 'staff')], db_default='', default='', help_text='How it came to its department.', max_length=10)),
                ('routing_reason', models.CharField(blank=True, db_default='', default='', help_text='Why it went to its department, such as the rule with its conditions.', max_length=500)),
                ('sla_is_exact', models.BooleanField(db_default=False, default=False, help_text='Whether the hours apply whatever the severity.')),
                ('routing_rule', models.ForeignKey(blank=True, db_index=False, help_text='The rule of routing that chose the department.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reports', to='reports.routingrule')),
                ('is_address_looked_up', models.BooleanField(db_default=False, default=False, editable=False, help_text='Whether the geocoder found the address, since the reporter gave none.', verbose_name='address looked up')),
                ('text_digest', models.BigIntegerField(editable=False, help_text='Stands for the words of a longer text, so that copies of it are noticed.', null=True)),
                ('response_version', models.PositiveIntegerField(blank=True, help_text="The version of the category's or department's rule.", null=True)),
            ],
            options={
                'indexes': [models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='report_newest'), models.Index(models.F('category'), models.OrderBy(models.F('created_at'), descending=True), name='report_category'), models.Index(models.F('status'), models.OrderBy(models.F('created_at'), descending=True), name='report_status'), models.Index(models.F('latitude'), models.F('longitude'), condition=models.Q(('published_at__isnull', False)), name='report_place'), models.Index(models.F('reporter'), models.OrderBy(models.F('created_at'), descending=True), name='report_mine'), models.Index(models.F('department'), models.F('status'), models.OrderBy(models.F('created_at'), descending=True), name='report_desk'), models.Index(models.OrderBy(models.F('updated_at'), descending=True), condition=models.Q(('category_source', 'staff')), name='report_taught'), django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('title', 'description', 'address', 'external_id', config='simple'), fastupdate=False, name='report_words'), models.Index(models.F('due_at'), condition=models.Q(('status__in', ('new', 'triaged', 'assigned', 'in_progress', 'waiting', 'reopened'))), name='report_due'), models.Index(models.F('cell'), models.F('created_at'), condition=models.Q(('status__in', ('new', 'triaged', 'assigned', 'in_progress', 'waiting', 'reopened'))), name='report_open_cell'), models.Index(models.F('response_due_at'), condition=models.Q(('responded_at__isnull', True), ('status__in', ('new', 'triaged', 'assigned', 'in_progress', 'waiting', 'reopened'))), name='report_response_due'), models.Index(models.F('closed_at'), condition=models.Q(('status', 'resolved')), name='report_unanswered'), models.Index(models.F('assignee'), models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('assignee__isnull', False)), name='report_assignee'), models.Index(models.F('crew'), models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('crew__isnull', False)), name='report_crew'), models.Index(models.F('routing_rule'), condition=models.Q(('routing_rule__isnull', False)), name='report_routing_rule'), models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('confirmed_at__isnull', False)), name='report_confirmed'), models.Index(models.F('severity'), models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('severity__in', ('high', 'critical'))), name='report_serious'), models.Index(models.F('source'), models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('source', ''), _negated=True), name='report_source'), models.Index(models.F('text_digest'), models.F('created_at'), condition=models.Q(('text_digest__isnull', False)), name='report_same_text')],
                'constraints': [models.CheckConstraint(condition=models.Q(('latitude__range', (-90, 90))), name='reports_report_latitude_range'), models.CheckConstraint(condition=models.Q(('longitude__range', (-180, 180))), name='reports_report_longitude_range'), models.CheckConstraint(condition=models.Q(('category_confidence__isnull', True), ('category_confidence__range', (0, 1)), _connector='OR'), name='reports_report_confidence_range'), models.UniqueConstraint(fields=('source', 'external_id'), name='reports_report_external_unique'), models.CheckConstraint(condition=models.Q(('assignee__isnull', True), ('crew__isnull', True), _connector='OR'), name='reports_report_one_assignee'), models.UniqueConstraint(condition=models.Q(('client_id__isnull', False)), fields=('client_id', 'reporter'), name='reports_report_client_unique', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='StatusChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_status', models.CharField(blank=True, choices=[('new', 'new'), ('triaged', 'triaged'), ('assigned', 'assigned'), ('in_progress', 'in progress'), ('waiting', 'waiting'), ('resolved', 'resolved'), ('closed', 'closed'), ('rejected', 'rejected'), ('duplicate', 'duplicate'), ('reopened', 'reopened')], help_text="The status before; empty for the report's arrival.", max_length=12)),
                ('to_status', models.CharField(choices=[('new', 'new'), ('triaged', 'triaged'), ('assigned', 'assigned'), ('in_progress', 'in progress'), ('waiting', 'waiting'), ('resolved', 'resolved'), ('closed', 'closed'), ('rejected', 'rejected'), ('duplicate', 'duplicate'), ('reopened', 'reopened')], help_text='The status after it.', max_length=12)),
                ('note', models.TextField(blank=True, help_text='Everybody who can see the report can read this note, unless it is internal.', max_length=2000)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was made.')),
                ('by', models.ForeignKey(blank=True, help_text='Who made the change; empty for the system, or if the person was erased.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('report', models.ForeignKey(db_constraint=False, db_index=False, help_text='The report whose history this is.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='reports.report')),
                ('before', models.JSONField(help_text='The values of those fields before a step, so that it can be undone.', null=True)),
                ('fields', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), db_default=models.Value([], django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)), default=list, help_text="The report's fields that changed.", size=None)),
                ('from_department', models.ForeignKey(help_text='The department that handed the report over.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reports.department')),
                ('is_internal', models.BooleanField(db_default=False, default=False, help_text="Whether only staff can read this line's note.")),
                ('reason', models.CharField(blank=True, db_default='', default='', help_text='Why it was rejected, or for whom or what it waits.', max_length=12)),
                ('request_id', models.CharField(blank=True, db_default='', default='', help_text='The request that made the change, as the log has it.', max_length=128)),
                ('role', models.CharField(blank=True, choices=[('reporter', 'reporter'), ('clerk', 'staff of the department'), ('manager', 'manager of the department'), ('superuser', 'superuser'), ('system', 'the system')], db_default='', default='', help_text='The role in which somebody made the change.', max_length=10)),
                ('step', models.CharField(blank=True, db_default='', default='', help_text='The step of the workflow that was taken; empty where it was none.', max_length=16)),
                ('undoes', models.OneToOneField(help_text='The line that this one takes back.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='undone_by', to='reports.statuschange')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, help_text="The report's version after this change.")),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['report', 'at', 'id'], name='statuschange_history')],
            },
        ),
        migrations.RunSQL(CASCADING, migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.AlterField('statuschange', 'report', models.ForeignKey(db_index=False, help_text='The report whose history this is.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='reports.report')),
        ]),
        migrations.CreateModel(
            name='DuplicatePair',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('probability', models.FloatField(help_text='0 to 1; empty where staff put the two together themselves.', null=True)),
                ('reasons', models.JSONField(default=list, help_text='Sentences for staff.')),
                ('state', models.CharField(choices=[('suggested', 'suggested'), ('merged', 'merged'), ('refused', 'not the same')], default='suggested', help_text='Whether it waits for a decision, or what was decided.', max_length=10)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was suggested.')),
                ('decided_at', models.DateTimeField(help_text='When it was decided.', null=True)),
                ('decided_by', models.ForeignKey(help_text='The member of staff who decided.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('earlier', models.ForeignKey(db_index=False, help_text='The report that came first.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.report')),
                ('later', models.ForeignKey(help_text='The report that may repeat it.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.report')),
            ],
            options={
                'indexes': [models.Index(models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('state', 'suggested')), name='duplicatepair_suggested')],
                'constraints': [models.UniqueConstraint(fields=('earlier', 'later'), name='reports_duplicatepair_unique'), models.CheckConstraint(condition=models.Q(('earlier__lt', models.F('later'))), name='reports_duplicatepair_order')],
            },
        ),
        migrations.CreateModel(
            name='Merge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('undone_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('duplicate', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='merges', to='reports.report')),
                ('original', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.report')),
                ('undone_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(models.F('original'), condition=models.Q(('undone_at__isnull', True)), name='merge_of_original')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('duplicate',), name='reports_merge_one_original')],
            },
        ),
        migrations.CreateModel(
            name='ReportVector',
            fields=[
                ('report', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='text_vector', serialize=False, to='reports.report')),
                ('space', models.CharField(help_text='Embedder and version; vectors of two spaces are never compared.', max_length=120)),
                ('vector', models.BinaryField(help_text='float16, little-endian.')),
            ],
        ),
        migrations.CreateModel(
            name='Photo',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('before', 'the problem'), ('repair', 'the repair'), ('unrepaired', 'what is still wrong')], default='before', max_length=10)),
                ('state', models.CharField(choices=[('pending', 'being processed'), ('ready', 'ready'), ('refused', 'refused'), ('taken_down', 'taken down')], default='pending', max_length=10)),
                ('refusal', models.CharField(blank=True, choices=[('empty', 'The file is empty. Send the photo again.'), ('not_a_photo', 'This file is no photo. Send a JPEG, PNG, WebP or HEIC.'), ('heic_unsupported', 'HEIC photos cannot be read here. Send the photo as JPEG.'), ('too_many_pixels', 'The photo has too many pixels. Send it in a smaller size.'), ('animated', 'This is an animation. Send a still photo.'), ('damaged', 'The file is damaged or incomplete. Send the photo again.'), ('too_complex', 'Reading the photo takes too long. Save it as an ordinary JPEG and send that.'), ('failed', 'The photo could not be processed. Send it again later.')], max_length=20)),
                ('width', models.PositiveIntegerField(null=True)),
                ('height', models.PositiveIntegerField(null=True)),
                ('taken_at', models.DateTimeField(help_text='When it was taken, by the camera.', null=True)),
                ('latitude', models.FloatField(help_text='Where it was taken, by the camera.', null=True)),
                ('longitude', models.FloatField(null=True)),
                ('takedown_reason', models.TextField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('citizen', models.ForeignKey(help_text='Who sent it and with whom it is erased; empty for staff and the anonymous.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='photos', to=settings.AUTH_USER_MODEL)),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='photos', to='reports.report')),
            ],
            options={
                'ordering': ['created_at', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('state', 'refused'), ('refusal', ''), _connector='XOR'), name='reports_photo_refusal'), models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True)), models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), _connector='OR'), name='reports_photo_place')],
            },
        ),
        migrations.CreateModel(
            name='PhotoFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('size', models.CharField(choices=[('original', 'as it was sent'), ('full', 'full'), ('large', 'large'), ('medium', 'medium'), ('small', 'small')], max_length=10)),
                ('name', models.CharField(max_length=80, unique=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('condemned_at', models.DateTimeField(help_text='Since when it is to be deleted; it gets no photo any more.', null=True)),
                ('photo', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='files', to='reports.photo')),
            ],
            options={
                'indexes': [models.Index(models.F('created_at'), condition=models.Q(('photo__isnull', True)), name='photofile_orphan'), models.Index(models.F('created_at'), condition=models.Q(('size', 'original')), name='photofile_original')],
                'constraints': [models.UniqueConstraint(fields=('photo', 'size'), name='reports_photofile_unique'), models.CheckConstraint(condition=models.Q(('condemned_at__isnull', True), ('photo__isnull', True), _connector='OR'), name='reports_photofile_condemned')],
            },
        ),
        migrations.CreateModel(
            name='AreaNews',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('sent_at', models.DateTimeField(null=True)),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.report')),
                ('subscription', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='news', to='reports.areasubscription')),
            ],
            options={
                'indexes': [models.Index(models.F('subscription'), condition=models.Q(('sent_at__isnull', True)), name='areanews_unsent')],
                'constraints': [models.UniqueConstraint(fields=('subscription', 'report'), name='reports_areanews_unique')],
            },
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('text', models.TextField(help_text='What was written.', max_length=4000)),
                ('is_official', models.BooleanField(default=False, help_text='A reply of the administration.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was written.')),
                ('published_at', models.DateTimeField(help_text='When it became public; empty while it waits or is hidden.', null=True)),
                ('deleted_at', models.DateTimeField(help_text='When its author deleted it.', null=True)),
                ('author', models.ForeignKey(null=True, on_delete=reports.models.erasure.remove_comment, related_name='report_comments', to=settings.AUTH_USER_MODEL)),
                ('department', models.ForeignKey(db_index=False, help_text='In whose name an official reply was sent.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='reports.department')),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='reports.report')),
                ('text_digest', models.BigIntegerField(editable=False, help_text='Stands for the words of a longer text, so that copies of it are noticed.', null=True)),
                ('is_by_holder', models.BooleanField(db_default=False, default=False, help_text='Written with the tracking token of the report: its anonymous reporter did.')),
            ],
            options={
                'indexes': [models.Index(fields=['report', 'created_at', 'id'], name='comment_of_report'), models.Index(models.F('text_digest'), models.F('created_at'), condition=models.Q(('text_digest__isnull', False)), name='comment_same_text')],
            },
        ),
        migrations.CreateModel(
            name='Follow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ended_at', models.DateTimeField(help_text='When the person stopped.', null=True)),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='follows', to='reports.report')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='follows', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(models.F('report'), models.F('user'), condition=models.Q(('ended_at__isnull', True)), name='follow_standing')],
                'constraints': [models.UniqueConstraint(fields=('report', 'user'), name='reports_follow_unique')],
            },
        ),
        migrations.CreateModel(
            name='MeToo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='me_too', to='reports.report')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='me_too', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('report', 'user'), name='reports_metoo_unique')],
            },
        ),
        migrations.CreateModel(
            name='ModerationCase',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, help_text='Identifies the case.', primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('report', 'report'), ('comment', 'comment')], help_text='What it is about.', max_length=10)),
                ('subject_id', models.UUIDField(help_text='The id of the report or comment.')),
                ('reasons', models.JSONField(default=list, help_text='Why it waits: a list of a code and a detail each.')),
                ('is_withheld', models.BooleanField(default=True, help_text='Whether the public does not see it meanwhile.')),
                ('was_public_since', models.DateTimeField(help_text='Since when it was public before it was withheld.', null=True)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('approved', 'approved'), ('rejected', 'rejected')], default='waiting', help_text='Whether it waits for a decision, or which one was taken.', max_length=10)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Since when it waits.')),
                ('decided_at', models.DateTimeField(help_text='When staff decided.', null=True)),
                ('rejection', models.CharField(blank=True, choices=[('spam', 'advertising or spam'), ('insult', 'insults somebody'), ('personal_data', 'names a person or shows private details'), ('off_topic', 'is not about a problem in the city'), ('untrue', 'is not true'), ('other', 'another reason')], help_text="A moderator's reason; empty where a step of staff settled the case.", max_length=16)),
                ('note', models.TextField(blank=True, help_text='The author reads it.', max_length=500)),
                ('decided_by', models.ForeignKey(db_index=False, help_text='The member of staff who decided.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('report', models.ForeignKey(help_text='The report itself, or the one to which the comment belongs.', on_delete=django.db.models.deletion.CASCADE, related_name='moderation_cases', to='reports.report')),
            ],
            options={
                'verbose_name': 'case of moderation',
                'verbose_name_plural': 'moderation',
                'permissions': [('moderate', 'Can decide about everything that waits for moderation')],
                'indexes': [models.Index(fields=['state', 'created_at', 'id'], name='moderationcase_queue')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'subject_id'), name='reports_moderationcase_subject')],
            },
        ),
        migrations.CreateModel(
            name='Flag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(blank=True, help_text='Digest of the address, where nobody is signed in.', max_length=64)),
                ('reason', models.CharField(choices=[('spam', 'advertising or spam'), ('insult', 'insulting or hateful'), ('personal_data', 'private details of somebody'), ('untrue', 'not true'), ('other', 'something else')], max_length=16)),
                ('note', models.TextField(blank=True, max_length=500)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='flags', to=settings.AUTH_USER_MODEL)),
                ('case', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='flags', to='reports.moderationcase')),
            ],
            options={
                'ordering': ['at', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('by__isnull', False)), fields=('case', 'by'), name='reports_flag_of_person'), models.UniqueConstraint(condition=models.Q(('by__isnull', True)), fields=('case', 'host'), name='reports_flag_of_host')],
            },
        ),
        migrations.CreateModel(
            name='StaffNote',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('text', models.TextField(help_text='What was written.', max_length=4000)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was written.')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='staff_notes', to='reports.report')),
            ],
            options={
                'indexes': [models.Index(fields=['report', 'created_at', 'id'], name='staffnote_of_report')],
            },
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before', models.JSONField(help_text='The fields that changed, as they were.')),
                ('after', models.JSONField(help_text='The same fields, as they are now.')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='corrections', to='reports.report')),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['report', 'at', 'id'], name='correction_of_report')],
            },
        ),
        migrations.CreateModel(
            name='Answer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.JSONField(help_text='Text, a number, or for several of a list the keys; times in RFC 3339.')),
                ('question', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reports.question')),
                ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='reports.report')),
            ],
            options={
                'ordering': ['question__position', 'question__code'],
                'constraints': [models.UniqueConstraint(fields=('report', 'question'), name='reports_answer_unique')],
            },
        ),
        migrations.CreateModel(
            name='ReportContact',
            fields=[
                ('report', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='contact', serialize=False, to='reports.report')),
                ('sealed', models.BinaryField(help_text='Name, email address, phone number and language.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('wants_updates', models.BooleanField(db_default=True, default=True, help_text='Whether they are told of steps and replies.')),
            ],
        ),
        migrations.CreateModel(
            name='EscalationRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Such as “Repair a day late”.', max_length=80, unique=True)),
                ('is_active', models.BooleanField(default=True, help_text='Off: it is kept, but nobody is informed.', verbose_name='active')),
                ('hours', models.PositiveIntegerField(default=0, help_text='Hours from the deadline; 0: at the deadline.', validators=[django.core.validators.MaxValueValidator(8760)])),
                ('side', models.CharField(choices=[('before', 'before'), ('after', 'after')], default='after', help_text='Whether the hours come before the deadline or after it.', max_length=6, verbose_name='before or after')),
                ('deadline', models.CharField(choices=[('response', 'first answer'), ('repair', 'repair')], default='repair', help_text='The deadline from which the hours count.', max_length=8)),
                ('to_department', models.BooleanField(default=True, help_text="By the department's email address.", verbose_name='the department')),
                ('to_assignee', models.BooleanField(default=False, help_text='The person, or the members of the crew, to whom the report is assigned.', verbose_name='the assignee')),
                ('to_managers', models.BooleanField(default=False, help_text='Managers of the department and of those above it.', verbose_name='the managers')),
                ('addresses', django.contrib.postgres.fields.ArrayField(base_field=models.EmailField(max_length=254), blank=True, default=list, help_text='Further email addresses.', size=10)),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, help_text='When it was switched on or its stage changed.')),
                ('category', models.ForeignKey(blank=True, help_text='Empty: every category.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='escalation_rules', to='reports.category')),
                ('department', models.ForeignKey(blank=True, help_text='With the departments below it. Empty: every department.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='escalation_rules', to='reports.department')),
            ],
            options={
                'ordering': ['deadline', '-side', 'hours', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Confirmation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resolution', models.BigIntegerField(help_text='The line of the history by which the report was resolved.')),
                ('source', models.CharField(choices=[('reporter', 'its reporter'), ('neighbour', 'a neighbour'), ('photo', 'a photo of the repair')], help_text='Who or what says so.', max_length=10)),
                ('is_fixed', models.BooleanField(help_text='Whether the answer was yes.', verbose_name='repaired')),
                ('note', models.TextField(blank=True, help_text='What is still wrong; only staff read it.', max_length=2000)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was answered.')),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='confirmations', to='reports.report')),
                ('user', models.ForeignKey(blank=True, help_text='Who answered; empty where a link or a photo did.', null=True, on_delete=reports.models.erasure.remove_note, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('photo', models.OneToOneField(blank=True, help_text='The photo that shows the repair, or what is still wrong.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='confirmation', to='reports.photo')),
            ],
            options={
                'ordering': ['at', 'id'],
                'constraints': [models.UniqueConstraint(fields=('resolution', 'is_fixed'), name='reports_confirmation_once')],
            },
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.CharField(max_length=200)),
                ('due_at', models.DateTimeField(help_text='The deadline at that time.')),
                ('recipients', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=300), default=list, size=None)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalations', to='reports.report')),
                ('rule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='escalations', to='reports.escalationrule')),
            ],
            options={
                'ordering': ['at', 'id'],
                'constraints': [models.UniqueConstraint(fields=('report', 'rule', 'due_at'), name='reports_escalation_once')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('sent_at', models.DateTimeField(help_text='When a message named it, or it was moot.', null=True)),
                ('department', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.department')),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.report')),
                ('user', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(models.F('user'), models.F('sent_at'), name='notice_of_user'), models.Index(models.F('department'), models.F('sent_at'), name='notice_of_department')],
                'constraints': [models.CheckConstraint(condition=models.Q(('user', None), ('department', None), _connector='XOR'), name='reports_notice_one_recipient'), models.UniqueConstraint(condition=models.Q(('sent_at', None), ('user__isnull', False)), fields=('user', 'report'), name='reports_notice_user_unsent'), models.UniqueConstraint(condition=models.Q(('department__isnull', False), ('sent_at', None)), fields=('department', 'report'), name='reports_notice_office_unsent')],
            },
        ),
        migrations.CreateModel(
            name='CollectionCycle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_whole', models.BooleanField(help_text='Whether it went over all sources, not only those with an interval of their own.')),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('finished_at', models.DateTimeField(null=True)),
                ('sources', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0, help_text='Sources that could not be read.')),
                ('new_posts', models.PositiveIntegerField(default=0)),
                ('edited_posts', models.PositiveIntegerField(default=0)),
                ('deleted_posts', models.PositiveIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('is_whole',), name='reports_collectioncycle_one_open')],
            },
        ),
        migrations.CreateModel(
            name='DraftReport',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('title', models.CharField(max_length=200)),
                ('latitude', models.FloatField()),
                ('longitude', models.FloatField()),
                ('place_name', models.CharField(blank=True, max_length=200)),
                ('precision', models.CharField(blank=True, choices=[('', 'no place'), ('exact', 'given by the source'), ('crossing', 'a crossing that the text names'), ('place', 'a building or square that the text names'), ('street', 'a street that the text names'), ('area', 'a part of the city that the text names')], max_length=8)),
                ('state', models.CharField(choices=[('offered', 'offered'), ('accepted', 'accepted'), ('dismissed', 'dismissed')], default='offered', max_length=10)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('decided_at', models.DateTimeField(null=True)),
                ('category', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='reports.category')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('report', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='drafts', to='reports.report')),
            ],
            options={
                'indexes': [models.Index(models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('state', 'offered')), name='draftreport_offered')],
            },
        ),
        migrations.CreateModel(
            name='NamedPlace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('street', 'street'), ('place', 'building or square'), ('area', 'part of the city')], max_length=6)),
                ('geometry', models.JSONField(help_text='A GeoJSON geometry in WGS 84.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'kind'), name='reports_namedplace_unique')],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='As staff know it, such as Radio or r/newhaven.', max_length=80, unique=True)),
                ('kind', models.CharField(choices=[('reddit', 'subreddit'), ('feed', 'RSS or Atom feed'), ('open311', 'Open311 of another city'), ('folder', 'drop folder'), ('webhook', 'webhook')], help_text='How the source is read.', max_length=10)),
                ('address', models.CharField(blank=True, help_text="Of a feed its URL; of Open311 the URL before /requests.json; of Reddit the subreddit's name; of a drop folder its name in COLLECTION_FOLDER; of a webhook nothing.", max_length=500)),
                ('options', models.JSONField(blank=True, default=dict, help_text='Open311: format (json or xml), jurisdiction_id. Drop folder: columns (field: column), time_format, time_zone.')),
                ('is_enabled', models.BooleanField(default=True, help_text='Off: it is left alone, and its posts stay.', verbose_name='enabled')),
                ('interval_minutes', models.PositiveIntegerField(blank=True, help_text='Empty: COLLECTION_INTERVAL_MINUTES.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(43200)])),
                ('cursor', models.JSONField(default=dict, editable=False, help_text='Up to where the source was read.')),
                ('fetches', models.PositiveBigIntegerField(default=0, editable=False, help_text='Grows with each write of the cursor.')),
                ('key_version', models.PositiveIntegerField(default=1, editable=False, help_text="Of a webhook's secret; a new one replaces the old.")),
                ('fetched_at', models.DateTimeField(editable=False, null=True, verbose_name='last success')),
                ('next_fetch_at', models.DateTimeField(editable=False, null=True, verbose_name='next fetch')),
                ('paused_until', models.DateTimeField(editable=False, null=True)),
                ('failures', models.PositiveIntegerField(default=0, editable=False, help_text='Failed fetches in a row.')),
                ('last_error', models.CharField(blank=True, editable=False, max_length=500)),
                ('last_error_at', models.DateTimeField(editable=False, null=True)),
                ('test_result', models.JSONField(default=dict, editable=False, help_text='What the last test of the source showed.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'webhook'), _negated=True), fields=('kind', 'address'), name='reports_source_unique')],
            },
        ),
        migrations.CreateModel(
            name='WebhookReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('signature', models.CharField(max_length=64)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.source')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('source', 'signature'), name='reports_webhookreceipt_unique')],
            },
        ),
        migrations.CreateModel(
            name='CellArea',
            fields=[
                ('cell', models.BigIntegerField(primary_key=True, serialize=False)),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.area')),
            ],
        ),
        migrations.CreateModel(
            name='CityFigures',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('content', models.JSONField(help_text='As `figures.serializers.DashboardSerializer` has it.')),
                ('areas_digest', models.CharField(help_text='MD5 of the areas by which the cells were last assigned.', max_length=32)),
                ('computed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('seconds', models.FloatField(default=0, help_text='How long the computation took.')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='reports_cityfigures_one_row')],
            },
        ),
        migrations.CreateModel(
            name='DayFigures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text='The day, in TIME_ZONE.')),
                ('source', models.CharField(blank=True, help_text='As `Report.source`.', max_length=80)),
                ('received', models.PositiveIntegerField(help_text='Reports created on that day.')),
                ('ended', models.PositiveIntegerField(help_text='Reports on which work ended that day and that have not been reopened since.')),
                ('repaired', models.PositiveIntegerField(help_text='Of `ended`, those that were repaired: neither rejected nor duplicates.')),
                ('confirmed', models.PositiveIntegerField(help_text='Of `repaired`, those whose repair somebody or something confirmed.')),
                ('area', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.area')),
                ('category', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.category')),
                ('department', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.department')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'area', 'category', 'department', 'source'), name='reports_dayfigures_unique', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='PostDayFigures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text='The day, in TIME_ZONE.')),
                ('topic', models.CharField(blank=True, help_text='As `Post.topic`.', max_length=40)),
                ('posts', models.PositiveIntegerField(help_text='Posts that were not deleted since.')),
                ('scored', models.PositiveIntegerField(help_text='Of these, the ones whose tone is known.')),
                ('tone', models.BigIntegerField(help_text='The sum of their sentiment scores, in thousandths.')),
                ('area', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.area')),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.source')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'area', 'source', 'topic'), name='reports_postdayfigures_unique', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Post',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('external_id', models.CharField(max_length=300)),
                ('title', models.CharField(blank=True, max_length=200)),
                ('text', models.TextField(blank=True, max_length=10000)),
                ('url', models.CharField(blank=True, max_length=1000)),
                ('author_hash', models.CharField(blank=True, help_text="Keyed hash of the author's handle.", max_length=32)),
                ('digest', models.CharField(help_text='Of the content, to notice an edit.', max_length=64)),
                ('revision', models.PositiveIntegerField(default=1, help_text='Grows with each edit.')),
                ('posted_at', models.DateTimeField()),
                ('edited_at', models.DateTimeField(null=True)),
                ('deleted_at', models.DateTimeField(help_text='When the deletion was noticed.', null=True)),
                ('collected_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('analysed_at', models.DateTimeField(help_text='Empty until the analysis is done.', null=True)),
                ('language', models.CharField(blank=True, help_text='ISO 639-1; empty: unknown.', max_length=8)),
                ('sentiment', models.CharField(blank=True, choices=[('', 'unknown'), ('positive', 'positive'), ('neutral', 'neutral'), ('negative', 'negative')], default='', max_length=8)),
                ('sentiment_score', models.FloatField(help_text='-1 (bad) to 1 (good).', null=True)),
                ('topic', models.SlugField(blank=True, max_length=40)),
                ('category_confidence', models.FloatField(null=True)),
                ('place_name', models.CharField(blank=True, max_length=200)),
                ('precision', models.CharField(blank=True, choices=[('', 'no place'), ('exact', 'given by the source'), ('crossing', 'a crossing that the text names'), ('place', 'a building or square that the text names'), ('street', 'a street that the text names'), ('area', 'a part of the city that the text names')], default='', max_length=8)),
                ('latitude', models.FloatField(null=True)),
                ('longitude', models.FloatField(null=True)),
                ('cell', reports.models.place.CellField(editable=False, null=True)),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='reports.area')),
                ('category', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='reports.category')),
                ('draft', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='posts', to='reports.draftreport')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posts', to='reports.source')),
            ],
            options={
                'indexes': [models.Index(fields=['-posted_at', '-id'], name='post_newest'), models.Index(models.F('source'), models.OrderBy(models.F('posted_at'), descending=True), name='post_of_source'), models.Index(models.F('topic'), models.OrderBy(models.F('posted_at'), descending=True), name='post_topic'), models.Index(models.F('area'), models.OrderBy(models.F('posted_at'), descending=True), name='post_area'), models.Index(models.F('cell'), models.F('posted_at'), condition=models.Q(('cell__isnull', False)), name='post_cell'), models.Index(fields=['-collected_at'], name='post_collected'), models.Index(models.F('collected_at'), condition=models.Q(('analysed_at__isnull', True)), name='post_unanalysed')],
                'constraints': [models.UniqueConstraint(fields=('source', 'external_id'), name='reports_post_external_unique'), models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True)), models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), _connector='OR'), name='reports_post_place')],
            },
        ),
        migrations.CreateModel(
            name='PostRaw',
            fields=[
                ('post', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='raw', serialize=False, to='reports.post')),
                ('content', models.JSONField()),
                ('stored_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='PostVector',
            fields=[
                ('post', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='text_vector', serialize=False, to='reports.post')),
                ('space', models.CharField(help_text='Embedder and version; vectors of two spaces are never compared.', max_length=120)),
                ('vector', models.BinaryField(help_text='float16, little-endian.')),
            ],
        ),
        migrations.CreateModel(
            name='PostLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_origin', models.BooleanField(default=False, help_text='Whether the report was made from the post.')),
                ('probability', models.FloatField(help_text='0 to 1; empty where a person decided.', null=True)),
                ('reasons', models.JSONField(default=list, help_text='Sentences for staff.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('post', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='links', to='reports.post')),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='post_links', to='reports.report')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('post', 'report'), name='reports_postlink_unique')],
            },
        ),
        migrations.AddField(
            model_name='post',
            name='reports',
            field=models.ManyToManyField(related_name='posts', through='reports.PostLink', to='reports.report'),
        ),
        migrations.RunSQL(GUARD + COUNTED + REVISED, REMOVED),
    ]
