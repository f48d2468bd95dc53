"""Django settings of CivicLens, read from the environment.

Every value has one name, `SUBJECT_QUANTITY_UNIT`; a secret may also come from a file named by
`<NAME>_FILE`. A missing or contradictory value fails at start, never at the first request.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config.development import postgres, secrets

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()

# --- Secrets -----------------------------------------------------------------------------------
if not env.str("SECRET_KEY", default=""):
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is not set; set it, or SECRET_KEY_FILE, to a long random value.")
    os.environ["SECRET_KEY"] = secrets.development_key(DATA_DIR)
SECRET_KEY: str = env.str("SECRET_KEY")

# --- Database ----------------------------------------------------------------------------------
if not env.str("DATABASE_URL", default=""):
    if not DEBUG:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set. Production needs its own PostgreSQL with pgvector; "
            "for an embedded development database set DEBUG=on."
        )
    # Exported, so that child processes connect at once instead of looking for the server again.
    os.environ["DATABASE_URL"] = postgres.ensure_running(DATA_DIR)
DATABASES: dict[str, Any] = {"default": env.db("DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.int("DB_CONNECTION_MAX_AGE_SECONDS", default=600),
    "CONN_HEALTH_CHECKS": True,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config.apps.CivicLensAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_dramatiq",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "jobs",
    "notifications",
    "accounts",
    "matching",
    "reports",
]
AUTH_USER_MODEL = "accounts.User"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
RABBITMQ_URL: str = env.str("RABBITMQ_URL", default="")
# "rabbitmq" publishes to the broker; "embedded" lets workers take due tasks straight from the ledger.
JOBS_TRANSPORT: str = env.str("JOBS_TRANSPORT", default="rabbitmq" if RABBITMQ_URL else "embedded")
JOBS_QUEUES = ("critical", "default", "notifications", "matching", "analytics", "maintenance")
JOBS_QUEUE_TYPE: str = env.str("JOBS_QUEUE_TYPE", default="classic")  # "quorum" on RabbitMQ 4.x
JOBS_BROKER_DEPTH_MESSAGES: int = env.int("JOBS_BROKER_DEPTH_MESSAGES", default=500)
JOBS_HEARTBEAT_SECONDS: float = env.float("JOBS_HEARTBEAT_SECONDS", default=3)
JOBS_LEASE_SECONDS: float = env.float("JOBS_LEASE_SECONDS", default=15)
JOBS_TRANSACTION_TIMEOUT_SECONDS: float = env.float("JOBS_TRANSACTION_TIMEOUT_SECONDS", default=10)

DRAMATIQ_AUTODISCOVER_MODULES = ("actors",)
DRAMATIQ_BROKER: dict[str, Any] = {
    "BROKER": {
        "rabbitmq": "jobs.broker.RabbitmqLedgerBroker",
        "embedded": "jobs.broker.EmbeddedLedgerBroker",
    }[JOBS_TRANSPORT],
    "OPTIONS": {"url": RABBITMQ_URL} if JOBS_TRANSPORT == "rabbitmq" else {},
    "MIDDLEWARE": [
        "jobs.middleware.LedgerMiddleware",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ],
}

# --- HTTP --------------------------------------------------------------------------------------
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Language and time -------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = True

# --- Static files ------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# --- One-time passwords and tokens ---------------------------------------------------------------
OTP_LIFETIME_SECONDS: int = env.int("OTP_LIFETIME_SECONDS", default=300)
ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.int("ACCESS_TOKEN_LIFETIME_SECONDS", default=900))
REFRESH_TOKEN_LIFETIME = timedelta(days=env.int("REFRESH_TOKEN_LIFETIME_DAYS", default=30))

# --- Requests repeated --------------------------------------------------------------------------
IDEMPOTENCY_RETENTION_HOURS: int = env.int("IDEMPOTENCY_RETENTION_HOURS", default=48)
IDEMPOTENCY_LOCK_SECONDS: int = env.int("IDEMPOTENCY_LOCK_SECONDS", default=60)
