import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0016_hold_unpublished'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Crew',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('is_active', models.BooleanField(default=True, help_text='Whether it takes further reports.')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='category',
            name='response_hours',
            field=models.PositiveIntegerField(blank=True, help_text='At medium severity, counted as for the deadline. Empty: FIRST_RESPONSE_HOURS.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8760)], verbose_name='hours until the first answer'),
        ),
        migrations.AddField(
            model_name='departmentmembership',
            name='is_manager',
            field=models.BooleanField(db_default=False, default=False, help_text='May also take back rejections and undo the steps of others.', verbose_name='manager'),
        ),
        migrations.AddField(
            model_name='report',
            name='assignee',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assigned_reports', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='report',
            name='confirmed_at',
            field=models.DateTimeField(blank=True, help_text='When a citizen confirmed the repair.', null=True),
        ),
        migrations.AddField(
            model_name='report',
            name='responded_at',
            field=models.DateTimeField(blank=True, help_text='When staff first took a step that the reporter hears of.', null=True),
        ),
        migrations.AddField(
            model_name='report',
            name='response_due_at',
            field=models.DateTimeField(blank=True, help_text='By when the reporter gets a first answer.', null=True),
        ),
        migrations.AddField(
            model_name='report',
            name='response_hours',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='report',
            name='version',
            field=models.PositiveIntegerField(db_default=1, default=1, editable=False, help_text='Grows by one with each change; a trigger of PostgreSQL counts.'),
        ),
        migrations.AddField(
            model_name='report',
            name='waiting_for',
            field=models.CharField(blank=True, choices=[('reporter', 'an answer of the reporter'), ('contractor', 'a contractor'), ('authority', 'another authority'), ('material', 'material or equipment'), ('weather', 'better weather'), ('other', 'something else')], db_default='', default='', help_text='Whom or what it waits for; empty while it does not wait.', max_length=12),
        ),
        migrations.AddField(
            model_name='report',
            name='waiting_until',
            field=models.DateTimeField(blank=True, help_text='When it stops waiting by itself.', null=True),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='before',
            field=models.JSONField(help_text='The values of those fields before a step, so that it can be undone.', null=True),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='fields',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), db_default=models.Value([], django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)), default=list, help_text="The report's fields that changed.", size=None),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='from_department',
            field=models.ForeignKey(help_text='The department that handed the report over.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reports.department'),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='is_internal',
            field=models.BooleanField(db_default=False, default=False, help_text="Whether only staff can read this line's note."),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='reason',
            field=models.CharField(blank=True, db_default='', default='', help_text='Why it was rejected, or for whom or what it waits.', max_length=12),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='request_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=128),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='role',
            field=models.CharField(blank=True, choices=[('reporter', 'reporter'), ('clerk', 'staff of the department'), ('manager', 'manager of the department'), ('superuser', 'superuser'), ('system', 'the system')], db_default='', default='', help_text='The role in which somebody made the change.', max_length=10),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='step',
            field=models.CharField(blank=True, db_default='', default='', help_text='The step of the workflow that was taken; empty where it was none.', max_length=16),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='undoes',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='undone_by', to='reports.statuschange'),
        ),
        migrations.AddField(
            model_name='statuschange',
            name='version',
            field=models.PositiveIntegerField(db_default=1, default=1, help_text="The report's version after this change."),
        ),
        migrations.AlterField(
            model_name='report',
            name='closed_at',
            field=models.DateTimeField(blank=True, help_text='When work on it ended: resolved, closed or rejected.', null=True),
        ),
        migrations.AlterField(
            model_name='report',
            name='status',
            field=models.CharField(choices=[('new', 'new'), ('triaged', 'triaged'), ('assigned', 'assigned'), ('in_progress', 'in progress'), ('waiting', 'waiting'), ('resolved', 'resolved'), ('closed', 'closed'), ('rejected', 'rejected'), ('duplicate', 'duplicate'), ('reopened', 'reopened')], default='new', max_length=12),
        ),
        migrations.AlterField(
            model_name='statuschange',
            name='from_status',
            field=models.CharField(blank=True, choices=[('new', 'new'), ('triaged', 'triaged'), ('assigned', 'assigned'), ('in_progress', 'in progress'), ('waiting', 'waiting'), ('resolved', 'resolved'), ('closed', 'closed'), ('rejected', 'rejected'), ('duplicate', 'duplicate'), ('reopened', 'reopened')], max_length=12),
        ),
        migrations.AlterField(
            model_name='statuschange',
            name='note',
            field=models.TextField(blank=True, help_text='Everybody who can see the report can read this note, unless it is internal.', max_length=2000),
        ),
        migrations.AlterField(
            model_name='statuschange',
            name='report',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='reports.report'),
        ),
        migrations.AlterField(
            model_name='statuschange',
            name='to_status',
            field=models.CharField(choices=[('new', 'new'), ('triaged', 'triaged'), ('assigned', 'assigned'), ('in_progress', 'in progress'), ('waiting', 'waiting'), ('resolved', 'resolved'), ('closed', 'closed'), ('rejected', 'rejected'), ('duplicate', 'duplicate'), ('reopened', 'reopened')], max_length=12),
        ),
        migrations.AddField(
            model_name='crew',
            name='department',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='crews', to='reports.department'),
        ),
        migrations.AddField(
            model_name='crew',
            name='members',
            field=models.ManyToManyField(blank=True, related_name='crews', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='report',
            name='crew',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='reports.crew'),
        ),
        migrations.AddConstraint(
            model_name='crew',
            constraint=models.UniqueConstraint(fields=('department', 'name'), name='reports_crew_unique'),
        ),
    ]
