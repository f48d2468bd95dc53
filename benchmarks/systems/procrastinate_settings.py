"""The benchmark's settings with Procrastinate's Django app, which no process of the product
loads.
"""

from benchmarks.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "procrastinate.contrib.django"]  # noqa: F405
PROCRASTINATE_IMPORT_PATHS = ["benchmarks.systems.procrastinate"]
