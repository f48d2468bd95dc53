"""The settings of worker processes under test: the ledger and the probe alone, so that they boot
fast.
"""

from config.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "jobs",
    "django_dramatiq",
    "tests.jobs.probe",
]
AUTH_USER_MODEL = "auth.User"
MIDDLEWARE = []
ROOT_URLCONF = "tests.jobs.probe.urls"
JOBS_IS_FAULT_BUILD = True
