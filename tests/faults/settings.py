"""Production's settings in a build made for breaking, with the campaign's actors beside the
product's.
"""

from config.settings import *  # noqa: F403

JOBS_IS_FAULT_BUILD = True
INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults"]  # noqa: F405
