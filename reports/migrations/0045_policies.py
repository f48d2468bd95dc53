import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# What happened to each report, as an append-only table has it. A line keeps the values before it,
# so the values after it are those before the next line that changed them, or those of today.
EVENTS = """
CREATE VIEW reports_cityevent AS
SELECT line.id, line.report_id, line.at,
    CASE WHEN line.from_status = '' THEN 'arrival'
         WHEN line.step <> '' THEN line.step ELSE 'note' END AS kind,
    line.from_status, line.to_status,
    line.undoes_id IS NULL AND NOT EXISTS (
        SELECT FROM reports_statuschange AS undoing WHERE undoing.undoes_id = line.id) AS stands,
    (coalesce((
        SELECT coalesce(later.before -> 'department_id', to_jsonb(later.from_department_id))
        FROM reports_statuschange AS later
        WHERE later.report_id = line.report_id AND later.id > line.id
            AND (later.before ? 'department_id' OR later.from_department_id IS NOT NULL)
        ORDER BY later.id LIMIT 1), to_jsonb(report.department_id)) #>> '{}')::bigint AS department_id,
    (coalesce((
        SELECT later.before -> 'crew_id' FROM reports_statuschange AS later
        WHERE later.report_id = line.report_id AND later.id > line.id AND later.before ? 'crew_id'
        ORDER BY later.id LIMIT 1), to_jsonb(report.crew_id)) #>> '{}')::bigint AS crew_id,
    (coalesce((
        SELECT later.before -> 'assignee_id' FROM reports_statuschange AS later
        WHERE later.report_id = line.report_id AND later.id > line.id
            AND later.before ? 'assignee_id'
        ORDER BY later.id LIMIT 1), to_jsonb(report.assignee_id)) #>> '{}')::uuid AS assignee_id
FROM reports_statuschange AS line JOIN reports_report AS report ON report.id = line.report_id
"""
NO_EVENTS = "DROP VIEW reports_cityevent"
# A version stays as it is; the person who applied it, and the run that found it, may be deleted.
GUARD = """
CREATE FUNCTION reports_guard_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (NEW.applied_by_id IS NULL OR NEW.applied_by_id = OLD.applied_by_id)
       AND (NEW.result_id IS NULL OR NEW.result_id = OLD.result_id)
       AND to_jsonb(NEW) - 'applied_by_id' - 'result_id' = to_jsonb(OLD) - 'applied_by_id' - 'result_id'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER reports_policy_append_only BEFORE UPDATE OR DELETE ON reports_policy
FOR EACH ROW EXECUTE FUNCTION reports_guard_policy();
"""
NO_GUARD = """
DROP TRIGGER reports_policy_append_only ON reports_policy;
DROP FUNCTION reports_guard_policy();
"""
# The tables of optuna 5.0, which the application fills but must not make (docs/adr, “The table of trials is the truth”).
OPTUNA = """
CREATE SCHEMA optuna;
CREATE TYPE optuna.studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE');
CREATE TYPE optuna.trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING');
CREATE TYPE optuna.trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN');
CREATE TYPE optuna.trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG');
CREATE TABLE optuna.studies (
    study_id SERIAL NOT NULL,
    study_name VARCHAR(512) NOT NULL,
    PRIMARY KEY (study_id)
);
CREATE UNIQUE INDEX ix_studies_study_name ON optuna.studies (study_name);
CREATE TABLE optuna.version_info (
    version_info_id INTEGER NOT NULL,
    schema_version INTEGER,
    library_version VARCHAR(256),
    PRIMARY KEY (version_info_id),
    CHECK (version_info_id=1)
);
CREATE TABLE optuna.study_directions (
    study_direction_id SERIAL NOT NULL,
    direction optuna.studydirection NOT NULL,
    study_id INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    PRIMARY KEY (study_direction_id),
    UNIQUE (study_id, objective),
    FOREIGN KEY(study_id) REFERENCES optuna.studies (study_id)
);
CREATE TABLE optuna.study_system_attributes (
    study_system_attribute_id SERIAL NOT NULL,
    study_id INTEGER,
    key VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (study_system_attribute_id),
    UNIQUE (study_id, key),
    FOREIGN KEY(study_id) REFERENCES optuna.studies (study_id)
);
CREATE TABLE optuna.study_user_attributes (
    study_user_attribute_id SERIAL NOT NULL,
    study_id INTEGER,
    key VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (study_user_attribute_id),
    UNIQUE (study_id, key),
    FOREIGN KEY(study_id) REFERENCES optuna.studies (study_id)
);
CREATE TABLE optuna.trials (
    trial_id SERIAL NOT NULL,
    number INTEGER,
    study_id INTEGER,
    state optuna.trialstate NOT NULL,
    datetime_start TIMESTAMP WITHOUT TIME ZONE,
    datetime_complete TIMESTAMP WITHOUT TIME ZONE,
    PRIMARY KEY (trial_id),
    FOREIGN KEY(study_id) REFERENCES optuna.studies (study_id)
);
CREATE INDEX ix_trials_study_id ON optuna.trials (study_id);
CREATE TABLE optuna.trial_heartbeats (
    trial_heartbeat_id SERIAL NOT NULL,
    trial_id INTEGER NOT NULL,
    heartbeat TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (trial_heartbeat_id),
    UNIQUE (trial_id),
    FOREIGN KEY(trial_id) REFERENCES optuna.trials (trial_id)
);
CREATE TABLE optuna.trial_intermediate_values (
    trial_intermediate_value_id SERIAL NOT NULL,
    trial_id INTEGER NOT NULL,
    step INTEGER NOT NULL,
    intermediate_value FLOAT(53),
    intermediate_value_type optuna.trialintermediatevaluetype NOT NULL,
    PRIMARY KEY (trial_intermediate_value_id),
    UNIQUE (trial_id, step),
    FOREIGN KEY(trial_id) REFERENCES optuna.trials (trial_id)
);
CREATE TABLE optuna.trial_params (
    param_id SERIAL NOT NULL,
    trial_id INTEGER,
    param_name VARCHAR(512),
    param_value FLOAT(53),
    distribution_json TEXT,
    PRIMARY KEY (param_id),
    UNIQUE (trial_id, param_name),
    FOREIGN KEY(trial_id) REFERENCES optuna.trials (trial_id)
);
CREATE TABLE optuna.trial_system_attributes (
    trial_system_attribute_id SERIAL NOT NULL,
    trial_id INTEGER,
    key VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (trial_system_attribute_id),
    UNIQUE (trial_id, key),
    FOREIGN KEY(trial_id) REFERENCES optuna.trials (trial_id)
);
CREATE TABLE optuna.trial_user_attributes (
    trial_user_attribute_id SERIAL NOT NULL,
    trial_id INTEGER,
    key VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (trial_user_attribute_id),
    UNIQUE (trial_id, key),
    FOREIGN KEY(trial_id) REFERENCES optuna.trials (trial_id)
);
CREATE TABLE optuna.trial_values (
    trial_value_id SERIAL NOT NULL,
    trial_id INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    value FLOAT(53),
    value_type optuna.trialvaluetype NOT NULL,
    PRIMARY KEY (trial_value_id),
    UNIQUE (trial_id, objective),
    FOREIGN KEY(trial_id) REFERENCES optuna.trials (trial_id)
);
CREATE TABLE optuna.alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO optuna.alembic_version VALUES ('v3.2.0.a');
INSERT INTO optuna.version_info VALUES (1, 12, '5.0.0');
"""
NO_OPTUNA = "DROP SCHEMA optuna CASCADE"


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0015_job_results'),
        ('reports', '0044_dispatch'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyStudy',
            fields=[
                ('result', models.OneToOneField(help_text='The result of the search, with its inputs.', on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='policy_study', serialize=False, to='jobs.jobresult')),
                ('history', models.BinaryField(help_text='The history as all trials replay it, whatever changes meanwhile; empty once the search has ended.', null=True)),
                ('history_digest', models.CharField(help_text='SHA-256 of the history.', max_length=64)),
                ('split_at', models.FloatField(help_text='Where the hold-out period begins, in hours.')),
                ('fairness_limit', models.FloatField(help_text='Above it a policy costs more.')),
            ],
            options={
                'verbose_name': 'search for a policy',
                'verbose_name_plural': 'searches for policies',
            },
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(help_text='Counted for each department from 1.')),
                ('rules', models.JSONField(help_text='The parameters, as `reports.policies.rules.Rules` has them.')),
                ('note', models.CharField(blank=True, help_text='Why it was applied.', max_length=300)),
                ('trial', models.PositiveIntegerField(blank=True, help_text='The number of the trial of that run.', null=True)),
                ('applied_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='From when on it was in force.')),
                ('applied_by', models.ForeignKey(blank=True, help_text='Who applied it; empty if that person was erased.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('department', models.ForeignKey(blank=True, db_index=False, help_text='For whose reports, with the departments below it; empty: the whole city.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='policies', to='reports.department')),
                ('result', models.ForeignKey(blank=True, help_text='The run of strategy discovery that found it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='policies', to='jobs.jobresult')),
                ('reverts', models.ForeignKey(blank=True, help_text='The version that this one takes back.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reverted_by', to='reports.policy')),
            ],
            options={
                'verbose_name_plural': 'policies',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='PolicyTrial',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='From 0, in the order of the search.')),
                ('rules', models.JSONField(help_text='The parameters that are tried.')),
                ('begun', models.PositiveIntegerField(db_default=0, default=0, help_text='How often it was begun; more than once after a fault.')),
                ('taken_by', models.UUIDField(help_text='The task that replays it.', null=True)),
                ('cost', models.FloatField(help_text='What the search makes small; empty until then.', null=True)),
                ('figures', models.JSONField(help_text='What it achieved before the hold-out period.', null=True)),
                ('ended_at', models.DateTimeField(help_text='When its figures were stored.', null=True)),
                ('study', models.ForeignKey(db_index=False, help_text='The search.', on_delete=django.db.models.deletion.CASCADE, related_name='trials', to='reports.policystudy')),
            ],
            options={
                'ordering': ['study', 'number'],
            },
        ),
        migrations.CreateModel(
            name='QueuePlace',
            fields=[
                ('report', models.OneToOneField(help_text='The open report.', on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='queue_place', serialize=False, to='reports.report')),
                ('at', models.DateTimeField(help_text='The place.')),
                ('is_urgent', models.BooleanField(help_text='Whether its severity puts it before all others.')),
                ('is_escalated', models.BooleanField(help_text='Whether it is so late that it was moved up.')),
                ('policy', models.ForeignKey(db_index=False, help_text='The policy that gave it; empty: reports go by their arrival.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.policy')),
            ],
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.UniqueConstraint(fields=('department', 'version'), name='reports_policy_version_unique', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='policytrial',
            constraint=models.UniqueConstraint(fields=('study', 'number'), name='reports_policytrial_unique'),
        ),
        migrations.AddIndex(
            model_name='queueplace',
            index=models.Index(models.F('at'), models.F('report'), name='queueplace_order'),
        ),
        migrations.RunSQL(EVENTS, NO_EVENTS),
        migrations.RunSQL(GUARD, NO_GUARD),
        migrations.RunSQL(OPTUNA, NO_OPTUNA),
    ]
