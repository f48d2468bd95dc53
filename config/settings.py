"""Django settings of CivicLens, read from the environment.

Every value has one name, `SUBJECT_QUANTITY_UNIT`; a secret may also come from a file named by
`<NAME>_FILE`. A missing or contradictory value fails at start, never at the first request.
"""

from __future__ import annotations

import math
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from django.conf.global_settings import LANGUAGES
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from config import errors_elsewhere, geocoder, logging, map_tiles, photos, public_url
from config.api_description import DESCRIPTION
from config.development import postgres, secrets
from config.environment import Environment
from config.postgresql import connections, limits

# lets Django's generic classes take their type parameters at run time
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()

# --- Secrets -----------------------------------------------------------------------------------
if not env.str("SECRET_KEY", default=""):
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set; set it, or SECRET_KEY_FILE, to a long random value."
        )
    os.environ["SECRET_KEY"] = secrets.development_key(DATA_DIR)
SECRET_KEY: str = env.str("SECRET_KEY")


def _derived_key(purpose: str) -> str:
    """Return a key for one purpose, derived from SECRET_KEY, for where no other is set."""
    return salted_hmac(
        f"civiclens.{purpose}", "", secret=SECRET_KEY, algorithm="sha256"
    ).hexdigest()


# --- Web server (config.serving) -----------------------------------------------------------------
WEB_BIND: str = env.str("WEB_BIND", default="127.0.0.1:8000")
WEB_PROCESSES: int = env.int("WEB_PROCESSES", default=2, most=256)
WEB_CONNECTIONS: int = env.int("WEB_CONNECTIONS", default=4096, most=1_000_000)  # of each process
WEB_THREADS: int = env.int("WEB_THREADS", default=8)  # of each web process, which compute answers
# As many requests of each process may wait for a thread; more get 503.
WEB_QUEUE_REQUESTS: int = env.int("WEB_QUEUE_REQUESTS", default=500, least=0, most=1_000_000)

# --- Database ----------------------------------------------------------------------------------
# The first connection of a process starts the embedded server; reading the settings starts nothing.
EMBEDDED_POSTGRES: postgres.PostgresServer | None = None
if not env.str("DATABASE_URL", default=""):
    if not DEBUG:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set. Production needs its own PostgreSQL with pgvector; "
            "for an embedded development database set DEBUG=on."
        )
    EMBEDDED_POSTGRES = postgres.PostgresServer(DATA_DIR / "postgres")
# "auto" prepares statements except behind a pooler; "on" also there: PgBouncer from 1.22 keeps
# track of them.
DB_PREPARED_STATEMENTS = {"on": "on", "true": "on", "1": "on", "auto": "auto"}.get(
    env.str("DB_PREPARED_STATEMENTS", default="auto").lower(), "off"
)
DATABASES: dict[str, Any] = {
    "default": connections.database(
        env.db("DATABASE_URL", default=EMBEDDED_POSTGRES.url if EMBEDDED_POSTGRES else ""),
        max_age=env.int("DB_CONNECTION_MAX_AGE_SECONDS", default=600, least=0),
        is_preparing=DB_PREPARED_STATEMENTS != "off",
    )
}
# Past any pooler, for what needs a session of PostgreSQL's own: building vector indexes. Empty: as
# DATABASE_URL.
DATABASE_DIRECT: dict[str, Any] = {}
if env.str("DATABASE_DIRECT_URL", default=""):
    DATABASE_DIRECT = connections.direct(
        env.db("DATABASE_DIRECT_URL"), is_preparing=DB_PREPARED_STATEMENTS != "off"
    )
# `manage.py migrate` as the owner lets this role use the tables; empty: one role does everything.
DATABASE_APPLICATION_ROLE: str = env.str("DATABASE_APPLICATION_ROLE", default="")
# Web processes share a pool of connections; workers keep one a thread. Index builds and exports run
# in workers.
DB_POOL_MIN_SIZE: int = env.int("DB_POOL_MIN_SIZE", default=1, least=0, most=10_000)
# Of each web process: a connection for each thread, the probes and what waits; 0: no pool.
DB_POOL_MAX_SIZE: int = env.int("DB_POOL_MAX_SIZE", default=WEB_THREADS + 3, least=0, most=10_000)
# Seconds that a request waits for a connection, and after which an idle one is closed.
DB_POOL_TIMEOUT_SECONDS: float = env.float(
    "DB_POOL_TIMEOUT_SECONDS",
    default=env.float("DB_POOL_TIMEOUT", default=10, least=0.1),
    least=0.1,
)
DB_POOL_MAX_IDLE_SECONDS: float = env.float(
    "DB_POOL_MAX_IDLE_SECONDS", default=env.float("DB_POOL_MAX_IDLE", default=300, least=1), least=1
)
# Of each statement of a web process; 0: none. DB_STATEMENT_TIMEOUT says it in milliseconds.
DB_STATEMENT_TIMEOUT_SECONDS: float = limits.seconds(
    env.str("DB_STATEMENT_TIMEOUT_SECONDS", default=""),
    milliseconds=env.str("DB_STATEMENT_TIMEOUT", default=""),
    default=30,
)
if os.environ.get("CIVICLENS_PROCESS") == "web":
    DATABASES["default"] = connections.for_web(
        DATABASES["default"],
        statement_seconds=DB_STATEMENT_TIMEOUT_SECONDS,
        pool=connections.Pool(
            DB_POOL_MIN_SIZE, DB_POOL_MAX_SIZE, DB_POOL_TIMEOUT_SECONDS, DB_POOL_MAX_IDLE_SECONDS
        ),
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config.apps.CivicLensConfig",
    "desk",  # before the admin, some of whose templates it replaces
    "config.apps.CivicLensAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "jobs",  # before django_dramatiq, whose `rundramatiq` it replaces
    "django_dramatiq",
    "imports",
    "notifications",
    "accounts",
    "matching",
    "reports",
    "georeport",
    "portal",
]
AUTH_USER_MODEL = "accounts.User"

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.middleware.EntranceMiddleware",
    "jobs.execution.tracing.TracingMiddleware",
    "accounts.middleware.OriginMiddleware",
    "georeport.cross_origin.CrossOriginMiddleware",
    "config.middleware.KeptMethodMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.compression.JsonGzipMiddleware",
    "config.middleware.ApiCacheMiddleware",
    "config.middleware.ProblemMiddleware",
    "config.probes.ProbeMiddleware",
    "config.middleware.OptionalSlashMiddleware",
    "config.query.QueryMiddleware",
    "accounts.middleware.DeskSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Background work ---------------------------------------------------------------------------
RABBITMQ_URL: str = env.amqp("RABBITMQ_URL")
# "rabbitmq" publishes to the broker; "embedded" lets workers take due tasks straight from the
# ledger.
JOBS_TRANSPORT: str = env.one_of(
    "JOBS_TRANSPORT", ("rabbitmq", "embedded"), default="rabbitmq" if RABBITMQ_URL else "embedded"
)
JOBS_QUEUES = ("critical", "default", "notifications", "matching", "analytics", "maintenance")
# "quorum" on RabbitMQ 4.x
JOBS_QUEUE_TYPE: str = env.one_of("JOBS_QUEUE_TYPE", ("classic", "quorum"), default="classic")
JOBS_QUEUE_PREFIX: str = env.str("JOBS_QUEUE_PREFIX", default="civiclens")
JOBS_FAST_PATH_GRACE_SECONDS: float = env.float("JOBS_FAST_PATH_GRACE_SECONDS", default=0.3)
JOBS_BROKER_DEPTH_MESSAGES: int = env.int("JOBS_BROKER_DEPTH_MESSAGES", default=32)
# Models are loaded before a worker says that it is ready, instead of by its first tasks.
JOBS_WARM_UP: bool = env.bool("JOBS_WARM_UP", default=True)
JOBS_HEARTBEAT_SECONDS: float = env.float("JOBS_HEARTBEAT_SECONDS", default=3, least=0.1)
JOBS_LEASE_SECONDS: float = env.float("JOBS_LEASE_SECONDS", default=15, least=0.5)
JOBS_TRANSACTION_TIMEOUT_SECONDS: float = env.float(
    "JOBS_TRANSACTION_TIMEOUT_SECONDS", default=10, most=limits.SECONDS_MAX
)
# Sealed arguments are encrypted with the first key and opened with any; put a new key in front to
# rotate.
JOBS_SEAL_KEYS: list[str] = env.list("JOBS_SEAL_KEYS", default=[_derived_key("jobs.seal")])
JOBS_SCHEDULE: str = env.str(
    "JOBS_SCHEDULE", default="config.schedule.SCHEDULE"
)  # empty: nothing by the clock
JOBS_RETENTION_DAYS: int = env.int("JOBS_RETENTION_DAYS", default=7)
JOBS_DEAD_RETENTION_DAYS: int = env.int("JOBS_DEAD_RETENTION_DAYS", default=90)
JOB_RESULTS_RETENTION_DAYS: int = env.int("JOB_RESULTS_RETENTION_DAYS", default=730)
# Called in the transaction of an operator's action, so that every action is recorded.
JOBS_AUDIT_RECORDER = "accounts.audit.record"
# Called when a job has ended whose owner asked for a message.
JOBS_COMPLETION_ANNOUNCER = "notifications.announcements.announce_job"

# --- Apache Spark: heavy jobs over history too large for one machine -----------------------------
USE_SPARK: bool = env.bool("USE_SPARK", default=False)
SPARK_MASTER: str = env.str("SPARK_MASTER", default="local[*]")
SPARK_DRIVER_MEMORY: str = env.str("SPARK_DRIVER_MEMORY", default="1g")
SPARK_PARTITIONS: int = env.int("SPARK_PARTITIONS", default=8, least=1, most=10_000)
# Where tables are handed over as files, if PostgreSQL is reached by a local socket; on a cluster a
# folder that all of its machines share. Empty: the temporary files of this machine.
SPARK_EXCHANGE_DIR: str | None = env.str("SPARK_EXCHANGE_DIR", default="") or None

# --- Monitoring --------------------------------------------------------------------------------
# The web's `/metrics` requires "Authorization: Bearer <token>"; without a token it answers this
# machine only.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
# Each worker process serves its own on the first free port from this one; 0 serves none.
JOBS_METRICS_PORT: int = env.int("JOBS_METRICS_PORT", default=0, least=0)
JOBS_METRICS_HOST: str = env.str("JOBS_METRICS_HOST", default="127.0.0.1")
# The last step of a backup writes this file, whose age is monitored; empty: DATA_DIR/backup.stamp.
BACKUP_STAMP_FILE: str = env.str("BACKUP_STAMP_FILE", default="") or str(DATA_DIR / "backup.stamp")
# The Sentry project to which errors are reported; needs requirements-sentry.txt.
SENTRY_DSN: str = env.str("SENTRY_DSN", default="")
SENTRY_ENVIRONMENT: str = env.str("SENTRY_ENVIRONMENT", default="production")
# Traces go to this OTLP/HTTP collector; the other OTEL_* variables apply too.
OTEL_EXPORTER_OTLP_ENDPOINT: str = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
# Operators get a message when one of these is exceeded, and when it no longer is; "inf" turns a
# rule off.
JOBS_ALERT_RULES: dict[str, float] = {
    "dead_tasks": env.float("JOBS_ALERT_DEAD_TASKS", default=20, most=math.inf),
    "oldest_seconds": env.float("JOBS_ALERT_OLDEST_SECONDS", default=300, most=math.inf),
    "failure_rate": env.float("JOBS_ALERT_FAILURE_RATE", default=0.25, most=math.inf),
    "health_seconds": env.float("JOBS_ALERT_HEALTH_SECONDS", default=2, most=math.inf),
    "breaker_open_seconds": env.float(
        "JOBS_ALERT_BREAKER_OPEN_SECONDS", default=300, most=math.inf
    ),
    "worker_memory_bytes": env.float(
        "JOBS_ALERT_WORKER_MEMORY_BYTES", default=1.5e9, most=math.inf
    ),
    "web_memory_bytes": env.float("JOBS_ALERT_WEB_MEMORY_BYTES", default=1e9, most=math.inf),
    "collection_errors": env.float("JOBS_ALERT_COLLECTION_ERRORS", default=0, most=math.inf),
}
JOBS_HEALTH_URL: str = env.str(
    "JOBS_HEALTH_URL", default=""
)  # such as http://web:8000/readyz; empty: checks the services directly
# Called in the transaction in which an alert begins or ends.
JOBS_OPERATOR_NOTIFIER = "notifications.actors.announce_alert"
OPERATOR_EMAILS: list[str] = env.list("OPERATOR_EMAILS", default=[])

DRAMATIQ_AUTODISCOVER_MODULES = ("actors",)
DRAMATIQ_BROKER: dict[str, Any] = {
    "BROKER": {
        "rabbitmq": "jobs.transport.brokers.RabbitmqLedgerBroker",
        "embedded": "jobs.transport.brokers.EmbeddedLedgerBroker",
    }[JOBS_TRANSPORT],
    "OPTIONS": {"url": RABBITMQ_URL} if JOBS_TRANSPORT == "rabbitmq" else {},
    "MIDDLEWARE": [
        "jobs.worker.middleware.LedgerMiddleware",
        "jobs.operations.process_metrics.TelemetryMiddleware",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ],
}

# --- HTTP --------------------------------------------------------------------------------------
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Number of reverse proxies in front; each appends X-Forwarded-For, and the first also sets
# X-Forwarded-Proto.
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0, least=0, most=20)
# The header to which they append: "X-Forwarded-For" or "Forwarded" (RFC 7239).
TRUSTED_PROXY_HEADER: str = env.str("TRUSTED_PROXY_HEADER", default="X-Forwarded-For")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [
    r"^(livez|readyz|metrics|api/v1/health)/?$"
]  # probes come from the internal network, without TLS
SECURE_HSTS_SECONDS: int = env.int(
    "SECURE_HSTS_SECONDS", default=0 if DEBUG else 31_536_000, least=0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_SECONDS > 0
# A domain can hardly be removed from browsers' preload lists, so only an operator adds it.
SECURE_HSTS_PRELOAD: bool = env.bool("SECURE_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
if SECURE_SSL_REDIRECT:  # other hosts of the domain, and plain HTTP, cannot set these cookies
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# A body is read into memory up to this many bytes; JSON only up to API_JSON_MAX_BYTES.
DATA_UPLOAD_MAX_MEMORY_SIZE: int = env.int("DATA_UPLOAD_MAX_BYTES", default=2_621_440)

# --- REST API ----------------------------------------------------------------------------------
API_JSON_MAX_BYTES: int = env.int("API_JSON_MAX_BYTES", default=262_144)
API_DRAIN_MAX_BYTES: int = env.int("API_DRAIN_MAX_BYTES", default=8_388_608)  # of any body
# A body may take the grace, and a second more for each of these bytes that has arrived; after that
# the answer is 408.
WEB_BODY_GRACE_SECONDS: float = env.float("WEB_BODY_GRACE_SECONDS", default=20, least=0.1)
WEB_BODY_BYTES_PER_SECOND: float = env.float("WEB_BODY_BYTES_PER_SECOND", default=1024, least=1)
HEALTH_LEDGER_LAG_SECONDS: float = env.float(
    "HEALTH_LEDGER_LAG_SECONDS", default=60
)  # a larger lag is `degraded`
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.DeskAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "URL_FORMAT_OVERRIDE": None,  # clients choose the format by `Accept`
    "DEFAULT_PARSER_CLASSES": ["config.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "config.schema.ApiSchema",
    "EXCEPTION_HANDLER": "config.exceptions.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "CivicLens",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1",
    "LICENSE": {"name": "MIT"},
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVERS": [{"url": "/", "description": "This installation."}],
    "SORT_OPERATIONS": False,  # they are sorted by use: config.schema.sort_by_tag
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "DateBasis": "reports.models.Basis",
        "FlagReason": "reports.models.FlagReason",
        "ConfirmationSource": "reports.models.ConfirmedBy",
        "HealthStatus": ["ok", "degraded", "down"],
        "JobState": "jobs.states.State",
        "DispatchPlanState": ["proposed", "applied", "undone"],
        "DispatchStopState": "reports.models.StopState",
        "LeftOutReason": "reports.models.LeftOutReason",
        "OpportunityKind": "matching.models.Kind",
        "ModerationState": "reports.models.ModerationState",
        "PhotoKind": "reports.models.photos.PhotoKind",
        "PhotoState": "reports.models.photos.PhotoState",
        "WithholdingReason": "reports.models.WithholdingReason",
        "RejectionReason": "reports.models.RejectionReason",
        "ReportStatus": "reports.models.Status",
        "Severity": "reports.models.Severity",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.let_blank_texts_match",
        "config.schema.add_problem_schema",
        "config.schema.describe_common_properties",
        "config.schema.sort_by_tag",
    ],
}

# --- Language and time -------------------------------------------------------------------------
# Of the desk and of error texts, as far as Django and DATA_DIR/locale have translations.
LANGUAGE_CODE: str = env.one_of("LANGUAGE_CODE", list(dict(LANGUAGES)), default="en")
LOCALE_PATHS = [DATA_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = True

# --- Static files ------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# --- One-time passwords --------------------------------------------------------------------------
OTP_KEY: str = env.str("OTP_KEY", default="") or _derived_key("otp")
OTP_LIFETIME_SECONDS: int = env.int("OTP_LIFETIME_SECONDS", default=300)
OTP_ATTEMPTS: int = env.int("OTP_ATTEMPTS", default=5, most=20)
PHONE_DEFAULT_REGION: str = env.str(
    "PHONE_DEFAULT_REGION", default=""
)  # such as "US"; empty: numbers need their "+"
OTP_COUNTRIES: list[str] = env.list(
    "OTP_COUNTRIES", default=[]
)  # such as US,CA; empty: every country
# The wait before the next code doubles with each one that was not used within the hour.
OTP_RESEND_WAIT_SECONDS: int = env.int(
    "OTP_RESEND_WAIT_SECONDS", default=2 if DEBUG else 30, least=0
)
OTP_RESEND_WAIT_MAX_SECONDS: int = env.int("OTP_RESEND_WAIT_MAX_SECONDS", default=900, least=0)
# In development every citizen comes from one address, and codes cost nothing.
_OTP_SLACK = 1000 if DEBUG else 1
# Codes that one address gets: from one network, from all of them, and by a device known before.
OTP_REQUESTS_PER_RECIPIENT_NETWORK_DAY: int = env.int(
    "OTP_REQUESTS_PER_RECIPIENT_NETWORK_DAY", default=8 * _OTP_SLACK
)
OTP_REQUESTS_PER_RECIPIENT_DAY: int = env.int(
    "OTP_REQUESTS_PER_RECIPIENT_DAY", default=40 * _OTP_SLACK
)
OTP_REQUESTS_PER_DEVICE_DAY: int = env.int("OTP_REQUESTS_PER_DEVICE_DAY", default=20 * _OTP_SLACK)
# A host is an IPv4 address or an IPv6 /64, a network an IPv4 /24 or an IPv6 /48.
OTP_REQUESTS_PER_HOST_HOUR: int = env.int("OTP_REQUESTS_PER_HOST_HOUR", default=60 * _OTP_SLACK)
OTP_REQUESTS_PER_NETWORK_HOUR: int = env.int(
    "OTP_REQUESTS_PER_NETWORK_HOUR", default=300 * _OTP_SLACK
)
OTP_REQUESTS_PER_PREFIX_HOUR: int = env.int(
    "OTP_REQUESTS_PER_PREFIX_HOUR", default=100 * _OTP_SLACK
)
OTP_REQUESTS_PER_DAY: int = env.int(
    "OTP_REQUESTS_PER_DAY", default=20_000 * _OTP_SLACK
)  # a cap on what SMS may cost
OTP_GUESSES_PER_HOST_HOUR: int = env.int("OTP_GUESSES_PER_HOST_HOUR", default=120 * _OTP_SLACK)
OTP_GUESSES_PER_NETWORK_HOUR: int = env.int(
    "OTP_GUESSES_PER_NETWORK_HOUR", default=300 * _OTP_SLACK
)
# Guesses at one number: those that name the challenge, and as many again of those that do not.
OTP_GUESSES_PER_NUMBER_NETWORK_DAY: int = env.int(
    "OTP_GUESSES_PER_NUMBER_NETWORK_DAY", default=15 * _OTP_SLACK
)
OTP_GUESSES_PER_NUMBER_DAY: int = env.int("OTP_GUESSES_PER_NUMBER_DAY", default=30 * _OTP_SLACK)
OTP_GUESSES_PER_NUMBER_MONTH: int = env.int(
    "OTP_GUESSES_PER_NUMBER_MONTH", default=100 * _OTP_SLACK
)

# --- Tokens and sessions -------------------------------------------------------------------------
# Key id → key. The first signs; all verify, so a key is retired by listing its successor before it:
# k2=…,k1=…
JWT_KEYS: dict[str, str] = env.keys("JWT_KEYS") or {"k1": _derived_key("jwt")}
JWT_AUDIENCE: str = env.str("JWT_AUDIENCE", default="civiclens")
REFRESH_KEY: str = env.str("REFRESH_KEY", default="") or _derived_key("refresh")
ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.int("ACCESS_TOKEN_LIFETIME_SECONDS", default=900))
REFRESH_TOKEN_LIFETIME = timedelta(days=env.int("REFRESH_TOKEN_LIFETIME_DAYS", default=30))
# How long a lost answer may be asked for again: an outage of the web and a client's own patience.
REFRESH_GRACE = timedelta(seconds=env.int("REFRESH_GRACE_SECONDS", default=60, least=0))
# How long after a sign-in or a confirming code the phone number and the email address may change.
FRESH_PROOF_LIFETIME = timedelta(minutes=env.int("FRESH_PROOF_MINUTES", default=15))
SIGN_IN_LIFETIME = timedelta(
    days=env.int("SIGN_IN_LIFETIME_DAYS", default=180)
)  # however often it is refreshed

# --- Reputation ----------------------------------------------------------------------------------
REPUTATION_POINTS_PER_DAY: int = env.int(
    "REPUTATION_POINTS_PER_DAY", default=100
)  # that one citizen can gain

# --- Staff sign-in to the admin ------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.StaffBackend"]
PASSWORD_HASHERS = ["accounts.hashers.BackgroundPBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.desk.sessions.PasswordWatch"},
]
# A session of the desk ends so long after its last use, and so long after the sign-in.
SESSION_ENGINE = "accounts.desk.session_store"
DESK_SESSION_IDLE_LIMIT = timedelta(minutes=env.int("DESK_SESSION_IDLE_MINUTES", default=120))
DESK_SESSION_LIFETIME = timedelta(hours=env.int("DESK_SESSION_LIFETIME_HOURS", default=12))
SESSION_COOKIE_AGE = int(DESK_SESSION_LIFETIME.total_seconds())
LOGIN_REDIRECT_URL = "admin:index"  # after signing in, where the form names no page of the desk
STAFF_TOTP_REQUIRED: bool = env.bool(
    "STAFF_TOTP_REQUIRED", default=not DEBUG
)  # `manage.py enrol_totp` gives one
# Heads of the audit log's chain are appended here; keep the file where no database administrator
# writes.
AUDIT_HEAD_FILE: str = env.str("AUDIT_HEAD_FILE", default="")  # empty: DATA_DIR/audit-head.jsonl
# How long an API session has staff rights after the code; then the next one is asked for.
STAFF_SECOND_FACTOR_LIFETIME = timedelta(hours=env.int("STAFF_SECOND_FACTOR_HOURS", default=12))
OTP_TOTP_ISSUER = "CivicLens"
AXES_FAILURE_LIMIT: int = env.int("STAFF_LOGIN_FAILURES", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("STAFF_LOGIN_COOLOFF_MINUTES", default=15))
# Attempts at the desk from one address, right ones included: each takes half a second of a
# processor.
STAFF_LOGINS_PER_HOST_HOUR: int = env.int(
    "STAFF_LOGINS_PER_HOST_HOUR", default=200 * (1000 if DEBUG else 1)
)
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "accounts.backends.canonical_name"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# Of the form of a failed sign-in nothing is kept that a person typed.
AXES_SENSITIVE_PARAMETERS = ["username", "otp_token", "otp_challenge", "otp_device", "next"]
AXES_CLIENT_IP_CALLABLE = "accounts.origins.address_of_request"

# --- Messages ------------------------------------------------------------------------------------
# In development what has no provider goes to DATA_DIR/messages.jsonl and /dev/messages.
EMAIL_URL: str = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    globals().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT: int = env.int("EMAIL_TIMEOUT_SECONDS", default=10)
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="CivicLens <no-reply@localhost>")
SMS_PROVIDER_URL: str = env.str("SMS_PROVIDER_URL", default="")
SMS_PROVIDER_TOKEN: str = env.str("SMS_PROVIDER_TOKEN", default="")
SMS_PROVIDER_TIMEOUT_SECONDS: float = env.float(
    "SMS_PROVIDER_TIMEOUT_SECONDS", default=10, least=0.1
)
# The provider's server tells what became of a message with this token; without one it cannot.
SMS_RECEIPT_TOKEN: str = env.str("SMS_RECEIPT_TOKEN", default="")
# Where people reach this installation; every message links to it.
PUBLIC_URL: str = (
    env.str("PUBLIC_URL", default="")
    or public_url.suggested(
        ALLOWED_HOSTS, development_port=env.int("PORT", default=8000) if DEBUG else None
    )
).rstrip("/")
# A message that could not be sent for so long makes no sense any more.
NOTIFICATION_EXPIRY_HOURS: int = env.int("NOTIFICATION_EXPIRY_HOURS", default=48)
# What SMS may cost beside codes: to one citizen, and to all, within a day.
SMS_PER_CITIZEN_DAY: int = env.int("SMS_PER_CITIZEN_DAY", default=10)
SMS_PER_DAY: int = env.int("SMS_PER_DAY", default=20_000)
NOTIFICATION_CHANNELS = {
    "email": "notifications.channels."
    + ("mailbox.send_email" if DEBUG and not EMAIL_URL else "email.send"),
    "sms": "notifications.channels."
    + ("mailbox.send_sms" if DEBUG and not SMS_PROVIDER_URL else "sms.send"),
}

# Whom a message reaches that goes to no user, such as an anonymous reporter.
NOTIFICATION_CONTACTS = "reports.contacts.recipient_of"
# References of contacts whose address nobody has proved: they get few messages a day.
NOTIFICATION_UNPROVED_CONTACTS = ("report:",)
# Addresses and numbers that nobody has proved: messages to each within a day, and SMS at all.
CONTACT_MESSAGES_PER_DAY: int = env.int("CONTACT_MESSAGES_PER_DAY", default=10)
CONTACT_SMS_ENABLED: bool = env.bool("CONTACT_SMS_ENABLED", default=False)

JOB_NOTICES_PER_HOUR: int = env.int(
    "JOB_NOTICES_PER_HOUR", default=20
)  # of the ends of one person's jobs

# --- Requests repeated --------------------------------------------------------------------------
IDEMPOTENCY_RETENTION_HOURS: int = env.int("IDEMPOTENCY_RETENTION_HOURS", default=24)
IDEMPOTENCY_LOCK_SECONDS: int = env.int("IDEMPOTENCY_LOCK_SECONDS", default=60)

# --- Embeddings ----------------------------------------------------------------------------------
# Loaded on first use and only in workers; docs/classification.md lists the embedders there are.
EMBEDDER: str = env.str("EMBEDDER", default="embeddings.minilm.MiniLmEmbedder")
EMBEDDER_THREADS: int = env.int("EMBEDDER_THREADS", default=1)
# Of the embedders that ask a server or load a model by name.
EMBEDDER_URL: str = env.str("EMBEDDER_URL", default="")
EMBEDDER_API_KEY: str = env.str("EMBEDDER_API_KEY", default="")
EMBEDDER_MODEL: str = env.str("EMBEDDER_MODEL", default="")
EMBEDDER_DIMENSIONS: int = env.int("EMBEDDER_DIMENSIONS", default=384)
EMBEDDER_TIMEOUT_SECONDS: float = env.float("EMBEDDER_TIMEOUT_SECONDS", default=20, least=0.1)

# --- Matching ------------------------------------------------------------------------------------
VECTOR_INDEX_TYPE: str = env.str("VECTOR_INDEX_TYPE", default="hnsw")  # hnsw, ivfflat or none
VECTOR_HNSW_M: int = env.int("VECTOR_HNSW_M", default=16, least=2, most=100)
VECTOR_HNSW_EF_CONSTRUCTION: int = env.int(
    "VECTOR_HNSW_EF_CONSTRUCTION", default=200, least=4, most=1000
)
# The most that HNSW keeps while it searches, up to 1000: what finds more takes longer.
VECTOR_HNSW_EF_SEARCH: int = env.int("VECTOR_HNSW_EF_SEARCH", default=1000, most=1000)
VECTOR_IVF_LISTS: int = env.int(
    "VECTOR_IVF_LISTS", default=0, least=0, most=32_768
)  # 0: one for a thousand rows
VECTOR_IVF_PROBES: int = env.int("VECTOR_IVF_PROBES", default=32, most=32_768)
VECTOR_BUILD_MEMORY_MB: int = env.int(
    "VECTOR_BUILD_MEMORY_MB", default=1800, most=2_000_000
)  # of PostgreSQL; a million rows need 1600
VECTOR_EXACT_ROWS: int = env.int(
    "VECTOR_EXACT_ROWS", default=40_000, least=0
)  # up to so many are compared without the index
VECTOR_MAX_SCAN_ROWS: int = env.int(
    "VECTOR_MAX_SCAN_ROWS", default=20_000
)  # looked at in the index, then exactly
VECTOR_RECALL_MIN: float = env.float(
    "VECTOR_RECALL_MIN", default=0.95, most=1
)  # of a new index, before it replaces the old
MATCHING_CANDIDATES: int = env.int(
    "MATCHING_CANDIDATES", default=200
)  # by meaning, and as many by words, a kind
MATCHING_TEXT_HITS: int = env.int(
    "MATCHING_TEXT_HITS", default=50_000, least=0
)  # that the words of a profile may have
MATCHING_TEXT_ROWS: int = env.int(
    "MATCHING_TEXT_ROWS", default=1000
)  # full text hits that are ranked
MATCHING_CACHE_SECONDS: int = env.int("MATCHING_CACHE_SECONDS", default=300, least=0)
MATCHING_DEBOUNCE_SECONDS: int = env.int(
    "MATCHING_DEBOUNCE_SECONDS", default=20, least=0
)  # after a profile's last change
MATCHING_RUNS_PER_HOUR: int = env.int("MATCHING_RUNS_PER_HOUR", default=120)  # of one citizen
MATCHING_PROFILE_EDITS_PER_HOUR: int = env.int(
    "MATCHING_PROFILE_EDITS_PER_HOUR", default=120
)  # of one citizen
MATCHING_INTERACTIONS_PER_HOUR: int = env.int(
    "MATCHING_INTERACTIONS_PER_HOUR", default=300
)  # of one citizen
MATCHING_PARTNER_REQUESTS_PER_HOUR: int = env.int(
    "MATCHING_PARTNER_REQUESTS_PER_HOUR", default=6000
)  # of one partner
MATCHING_WAIT_SECONDS: int = env.int(
    "MATCHING_WAIT_SECONDS", default=20, least=0
)  # the most that wait=true waits
# Seconds, of each statement of a worker that finds matches; 0: none. Index builds and exports are
# free of it.
MATCHING_STATEMENT_TIMEOUT_SECONDS: float = env.float(
    "MATCHING_STATEMENT_TIMEOUT_SECONDS", default=30, most=limits.SECONDS_MAX
)
MATCHING_NOTICE_SIMILARITY: float = env.float(
    "MATCHING_NOTICE_SIMILARITY", default=0.45, most=1
)  # to tell a citizen at once
MATCHING_NOTICES_PER_OPPORTUNITY: int = env.int(
    "MATCHING_NOTICES_PER_OPPORTUNITY", default=100, least=0
)
# What each part of a score is worth; docs/matching.md says how they were chosen.
MATCHING_WEIGHTS: dict[str, float] = {
    "meaning": env.float("MATCHING_WEIGHT_MEANING", default=1.0),
    "words": env.float("MATCHING_WEIGHT_WORDS", default=2.0),
    "distance": env.float("MATCHING_WEIGHT_DISTANCE", default=0.05),
    "freshness": env.float("MATCHING_WEIGHT_FRESHNESS", default=0.03),
    "variety": env.float("MATCHING_WEIGHT_VARIETY", default=0.005),
}

# --- Open311 GeoReport v2 ----------------------------------------------------------------------
# What discovery says: whom developers ask, and how they get an api_key.
OPEN311_CONTACT: str = env.str("OPEN311_CONTACT", default="") or PUBLIC_URL
OPEN311_KEY_SERVICE: str = env.str(
    "OPEN311_KEY_SERVICE", default="Ask the city's staff, who create api_keys at their desk."
)
# Requests for another jurisdiction_id are refused; empty: any is taken for this city.
OPEN311_JURISDICTION_ID: str = env.str("OPEN311_JURISDICTION_ID", default="") or (
    urlsplit(PUBLIC_URL).hostname or ""
).removeprefix("www.")

# --- Photos -------------------------------------------------------------------------------------
# "files" keeps photos in DATA_DIR/photos, for web and workers alike; "s3" in a bucket, with
# requirements-s3.txt.
PHOTO_STORAGE: str = env.str("PHOTO_STORAGE", default="files")
PHOTO_MAX_BYTES: int = env.int("PHOTO_MAX_BYTES", default=20_000_000)
PHOTO_MAX_PIXELS: int = env.int("PHOTO_MAX_PIXELS", default=40_000_000)
PHOTOS_PER_REPORT: int = env.int("PHOTOS_PER_REPORT", default=10)
# Of one citizen, or all who share an address without signing in; staff have no limit.
PHOTOS_PER_SENDER_HOUR: int = env.int("PHOTOS_PER_SENDER_HOUR", default=100)
# Each photo is decoded in a process of its own, which may use so much; so many at once in all.
PHOTO_MEMORY_BYTES: int = env.int("PHOTO_MEMORY_BYTES", default=1_200_000_000)
PHOTO_CPU_SECONDS: int = env.int("PHOTO_CPU_SECONDS", default=30)
PHOTOS_AT_ONCE: int = env.int("PHOTOS_AT_ONCE", default=2)
# How long browsers may keep a public photo.
PHOTO_CACHE_SECONDS: int = env.int("PHOTO_CACHE_SECONDS", default=31_536_000)
# Where nginx serves DATA_DIR/photos with `internal`, such as /photo-files/; empty: sent by Django.
PHOTO_ACCEL_PREFIX: str = env.str("PHOTO_ACCEL_PREFIX", default="")

# --- Stored files -------------------------------------------------------------------------------
# What the desk uploads to be imported is kept for web and workers alike, and served by no address.
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static.HashedStaticFilesStorage"},
    "imports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "imports" / "uploads",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
STORAGES["photos"] = photos.storage(
    PHOTO_STORAGE,
    folder=DATA_DIR / "photos",
    bucket={
        "bucket_name": env.str("PHOTO_S3_BUCKET", default=""),
        "endpoint_url": env.str("PHOTO_S3_ENDPOINT_URL", default=""),
        "region_name": env.str("PHOTO_S3_REGION", default=""),
        "access_key": env.str("PHOTO_S3_ACCESS_KEY", default=""),
        "secret_key": env.str("PHOTO_S3_SECRET_KEY", default=""),
    },
)

# --- Imports ------------------------------------------------------------------------------------
IMPORT_UPLOAD_MAX_BYTES: int = env.int("IMPORT_UPLOAD_MAX_BYTES", default=200_000_000)
IMPORT_DECOMPRESSED_MAX_BYTES: int = env.int("IMPORT_DECOMPRESSED_MAX_BYTES", default=4_000_000_000)
IMPORT_RETENTION_DAYS: int = env.int("IMPORT_RETENTION_DAYS", default=30)  # of uploaded files

# --- Reports ------------------------------------------------------------------------------------
# Below this confidence a report goes to the triage department with the category as a proposal.
CLASSIFICATION_MIN_CONFIDENCE: float = env.float(
    "CLASSIFICATION_MIN_CONFIDENCE", default=0.35, most=1
)
TRIAGE_DEADLINE_HOURS: int = env.int(
    "TRIAGE_DEADLINE_HOURS", default=48
)  # of a report without a category
# Until the first answer to the reporter, unless the category has its own hours.
FIRST_RESPONSE_HOURS: int = env.int("FIRST_RESPONSE_HOURS", default=48, most=24 * 365)
# The messages about a step wait for this; until they are sent, the step can be undone.
STEP_MESSAGE_GRACE_SECONDS: int = env.int(
    "STEP_MESSAGE_GRACE_SECONDS", default=30, least=0, most=3_600
)
# Between two messages to one person or office about reports that came to them; what comes meanwhile
# is one message.
STAFF_MESSAGE_PAUSE_MINUTES: int = env.int(
    "STAFF_MESSAGE_PAUSE_MINUTES", default=10, least=0, most=24 * 60
)
STEP_UNDO_MINUTES: int = env.int("STEP_UNDO_MINUTES", default=10, least=0, most=24 * 60)
# How long a citizen may say whether a problem is repaired; then it is closed unconfirmed.
CONFIRMATION_WINDOW_DAYS: int = env.int("CONFIRMATION_WINDOW_DAYS", default=14, most=366)
# Signs the links with which reporters say so.
CONFIRMATION_KEY: str = env.str("CONFIRMATION_KEY", default="") or _derived_key("confirmation")
# The service that finds the address of a report's place where its reporter gave none; empty: none.
# Needs requirements-geocoder.txt.
GEOCODER: str = env.one_of("GEOCODER", ("", *geocoder.SERVICES), default="")
GEOCODER_OPTIONS: dict[str, Any] = geocoder.options(
    GEOCODER,
    url=env.str("GEOCODER_URL", default=""),
    key=env.str("GEOCODER_KEY", default=""),
    user_agent=env.str("GEOCODER_USER_AGENT", default="") or f"CivicLens ({PUBLIC_URL})",
    timeout=env.float("GEOCODER_TIMEOUT_SECONDS", default=10, least=0.1),
)
# Of all workers together, also during an import; the public Nominatim allows one.
GEOCODER_REQUESTS_PER_SECOND: float = env.float(
    "GEOCODER_REQUESTS_PER_SECOND", default=1, least=0.01, most=1000
)
# Languages of addresses as in Accept-Language, such as "en, es"; empty: as the service prefers.
GEOCODER_LANGUAGE: str = env.str("GEOCODER_LANGUAGE", default="")
# The pictures behind the desk's map, such as https://tiles.example.org/{z}/{x}/{y}.png, and whose
# they are, which may be HTML. Empty: the city's own data alone, and nothing from elsewhere.
MAP_TILES_URL: str = env.str("MAP_TILES_URL", default="")
MAP_TILES_ATTRIBUTION: str = env.str("MAP_TILES_ATTRIBUTION", default="")
MAP_TILES_ORIGIN: str = map_tiles.origin(MAP_TILES_URL, MAP_TILES_ATTRIBUTION)
# Plans of a crew's day: how much longer streets are than the line as the crow flies, how fast crews
# drive, and how long they work at a place where the category does not say.
DISPATCH_STREET_FACTOR: float = env.float("DISPATCH_STREET_FACTOR", default=1.3, least=1, most=5)
DISPATCH_SPEED_KMH: float = env.float("DISPATCH_SPEED_KMH", default=25, least=1, most=200)
DISPATCH_SERVICE_MINUTES: int = env.int("DISPATCH_SERVICE_MINUTES", default=30, most=600)
# A server with the table service of OSRM, asked for travel times; empty: by the crow's line.
DISPATCH_OSRM_URL: str = env.web_server("DISPATCH_OSRM_URL")
# The most places that it takes in one request (its --max-table-size).
DISPATCH_OSRM_PLACES: int = env.int("DISPATCH_OSRM_PLACES", default=100, least=2, most=10_000)
# A report that probably repeats an open public one close by is answered 409 first.
DUPLICATE_CHECK_ENABLED: bool = env.bool("DUPLICATE_CHECK_ENABLED", default=True)
# From which the tracking tokens of anonymous reports with a client's id are derived.
TRACKING_KEY: str = env.str("TRACKING_KEY", default="") or _derived_key("tracking")
ANONYMOUS_REPORTS_PER_HOUR: int = env.int(
    "ANONYMOUS_REPORTS_PER_HOUR", default=120
)  # from one address
# Of a signed-in citizen; staff, who report for others, and imports have no limit.
REPORTS_PER_CITIZEN_HOUR: int = env.int("REPORTS_PER_CITIZEN_HOUR", default=20)
REPORTS_PER_CITIZEN_DAY: int = env.int("REPORTS_PER_CITIZEN_DAY", default=60)
# Of one author: a citizen, or all who share an address without signing in.
REPORTS_EQUAL_TEXTS_PER_DAY: int = env.int("REPORTS_EQUAL_TEXTS_PER_DAY", default=3)
REPORTS_PER_CITIZEN_PLACE_DAY: int = env.int("REPORTS_PER_CITIZEN_PLACE_DAY", default=10)
REPORTS_PER_PLACE_HOUR: int = env.int(
    "REPORTS_PER_PLACE_HOUR", default=60
)  # by all, within about 100 m
# Comments of one citizen, and comments in the same words.
COMMENTS_PER_CITIZEN_HOUR: int = env.int("COMMENTS_PER_CITIZEN_HOUR", default=30)
COMMENTS_PER_CITIZEN_DAY: int = env.int("COMMENTS_PER_CITIZEN_DAY", default=60)
COMMENTS_EQUAL_TEXTS_PER_DAY: int = env.int("COMMENTS_EQUAL_TEXTS_PER_DAY", default=3)

# --- Collection of posts from outside sources -----------------------------------------------------
COLLECTION_INTERVAL_MINUTES: int = env.int(
    "COLLECTION_INTERVAL_MINUTES", default=30, most=60 * 24 * 7
)
# Hashes handles, and signs requests of webhooks with keys derived from it.
COLLECTION_KEY: str = env.str("COLLECTION_KEY", default="") or _derived_key("collection")
# How other machines are asked: who asks, how often, how patiently, and how much is read at once.
COLLECTION_USER_AGENT: str = env.str("COLLECTION_USER_AGENT", default="") or (
    f"CivicLens (+{PUBLIC_URL})" if PUBLIC_URL else "CivicLens"
)
COLLECTION_REQUESTS_PER_HOST_MINUTE: int = env.int(
    "COLLECTION_REQUESTS_PER_HOST_MINUTE", default=60
)
COLLECTION_SILENCE_SECONDS: float = env.float("COLLECTION_SILENCE_SECONDS", default=10, least=0.1)
COLLECTION_ANSWER_SECONDS: float = env.float("COLLECTION_ANSWER_SECONDS", default=60, least=0.1)
COLLECTION_BODY_MAX_BYTES: int = env.int("COLLECTION_BODY_MAX_BYTES", default=20_000_000)
# Networks that are not public but may be called all the same, such as 10.1.0.0/16.
OUTBOUND_ALLOWED_NETWORKS: list[str] = env.networks("OUTBOUND_ALLOWED_NETWORKS")
# How far back a new source is read, and for how long edits and deletions are followed.
COLLECTION_FIRST_DAYS: int = env.int("COLLECTION_FIRST_DAYS", default=7, most=90)
COLLECTION_FOLLOW_DAYS: int = env.int("COLLECTION_FOLLOW_DAYS", default=3, most=90)
# How long a post is kept as its source gave it, with personal data in it; 0: until the next night.
COLLECTION_RAW_DAYS: int = env.int("COLLECTION_RAW_DAYS", default=14, least=0)
# How long a post itself is kept, unless a report or an accepted draft refers to it; longer than
# every other period of collection.
COLLECTION_POST_DAYS: int = env.int("COLLECTION_POST_DAYS", default=365, least=91, most=36_500)
COLLECTION_FOLDER = Path(
    env.str("COLLECTION_FOLDER", default="") or DATA_DIR / "collection"
).resolve()
# How old or how far ahead the time of a webhook's request may be.
COLLECTION_WEBHOOK_TOLERANCE_SECONDS: int = env.int(
    "COLLECTION_WEBHOOK_TOLERANCE_SECONDS", default=300, most=3600
)
# So many people must speak of one problem at one place, within so many days, for a draft.
COLLECTION_DRAFT_POSTS: int = env.int("COLLECTION_DRAFT_POSTS", default=3, least=2)
COLLECTION_DRAFT_DAYS: int = env.int("COLLECTION_DRAFT_DAYS", default=30, most=90)
# The languages that are told apart: fewer make short texts more certain.
# fmt: off
COLLECTION_LANGUAGES: list[str] = env.list(
    "COLLECTION_LANGUAGES",
    default=[
        "en", "es", "pt", "fr", "de", "it", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "zh", "ja",
        "ko", "vi",
    ],
)
# fmt: on
# Subreddits that are collected without being added at the desk.
SUBREDDIT_LIST: list[str] = env.list("SUBREDDIT_LIST", default=[])
REDDIT_CLIENT_ID: str = env.str("REDDIT_CLIENT_ID", default="")
REDDIT_CLIENT_SECRET: str = env.str("REDDIT_CLIENT_SECRET", default="")
REDDIT_USER_AGENT: str = env.str("REDDIT_USER_AGENT", default="") or (
    f"server:civiclens:1 ({PUBLIC_URL or 'a city'})"
)
REDDIT_URL: str = env.str("REDDIT_URL", default="https://www.reddit.com")
REDDIT_OAUTH_URL: str = env.str("REDDIT_OAUTH_URL", default="https://oauth.reddit.com")

# --- Moderation --------------------------------------------------------------------------------
# Level of reputation : share of the daily numbers in percent : "public" at once, or "held" until
# staff have looked. Level 0 has a negative reputation; a level that is missing is like the one
# below.
MODERATION_LEVELS: list[str] = env.list(
    "MODERATION_LEVELS", default=["0:10:held", "1:100:public", "3:150:public", "5:200:public"]
)
# From this level on links are public at once, and flags count towards hiding.
MODERATION_TRUSTED_LEVEL: int = env.int("MODERATION_TRUSTED_LEVEL", default=3)
# So many flags by trusted citizens hide a report or comment until staff have looked; 0: never.
MODERATION_FLAGS_TO_HIDE: int = env.int("MODERATION_FLAGS_TO_HIDE", default=3)
# Hosts that anybody may link to, such as maps.example.org, beside the one of PUBLIC_URL.
MODERATION_LINK_HOSTS: list[str] = env.list("MODERATION_LINK_HOSTS", default=[])
# The same words from so many people wait, and the earlier copies are queued; 0: never. Texts of
# fewer words do not count, nor reports within about 150 m of each other.
MODERATION_REPEATED_AUTHORS: int = env.int("MODERATION_REPEATED_AUTHORS", default=3, least=0)
MODERATION_REPEATED_HOURS: int = env.int("MODERATION_REPEATED_HOURS", default=24, most=24 * 30)
MODERATION_REPEATED_WORDS: int = env.int("MODERATION_REPEATED_WORDS", default=12)
FLAGS_PER_PERSON_HOUR: int = env.int("FLAGS_PER_PERSON_HOUR", default=20)  # or address

# --- Following ---------------------------------------------------------------------------------
# Messages a day to one person: about followed reports, by kind, and at once about new reports in
# areas; further news of areas wait for the day's message.
UPDATES_PER_CITIZEN_DAY: int = env.int("UPDATES_PER_CITIZEN_DAY", default=20)
AREA_NEWS_PER_CITIZEN_DAY: int = env.int("AREA_NEWS_PER_CITIZEN_DAY", default=10)
AREA_SUBSCRIPTIONS_PER_CITIZEN: int = env.int("AREA_SUBSCRIPTIONS_PER_CITIZEN", default=10)
AREA_RADIUS_MAXIMUM_METRES: int = env.int("AREA_RADIUS_MAXIMUM_METRES", default=10_000)

# --- Log ---------------------------------------------------------------------------------------
LOG_LEVEL: str = env.one_of(
    "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO"
)
LOGGING = logging.configuration(level=LOG_LEVEL, as_json=env.bool("LOG_JSON", default=not DEBUG))
if SENTRY_DSN:
    errors_elsewhere.start(SENTRY_DSN, SENTRY_ENVIRONMENT)
