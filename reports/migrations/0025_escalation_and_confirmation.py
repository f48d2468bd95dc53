import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


REVISE = (
    "CREATE TRIGGER reports_crew_revise AFTER INSERT OR UPDATE OR DELETE ON reports_crew"
    " FOR EACH STATEMENT EXECUTE FUNCTION reports_revise_routing();"
)
UNDO = "DROP TRIGGER reports_crew_revise ON reports_crew;"


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0024_routing_rule_index'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='routingrule',
            name='crew',
            field=models.ForeignKey(blank=True, help_text='To which the reports are assigned; of the department or of one above it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='reports.crew'),
        ),
        migrations.CreateModel(
            name='EscalationRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Such as “Repair a day late”.', max_length=80, unique=True)),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('hours', models.PositiveIntegerField(default=0, help_text='Hours from the deadline; 0: at the deadline.', validators=[django.core.validators.MaxValueValidator(8760)])),
                ('side', models.CharField(choices=[('before', 'before'), ('after', 'after')], default='after', max_length=6, verbose_name='before or after')),
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
                ('user', models.ForeignKey(blank=True, help_text='Who answered; empty where a link or a photo did.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
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
        migrations.RunSQL(REVISE, UNDO),
    ]
