"""The inline server's entry point.

Unlike config.asgi it may load the embedder, as inline work must.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
_django = get_wsgi_application()

os.environ["CIVICLENS_PROCESS"] = "inline"  # a web process would refuse to load the embedder

from django.conf import settings  # noqa: E402 - once the apps are loaded

from config.serving.application import ThreadedApplication  # noqa: E402

application = ThreadedApplication(
    _django, threads=settings.WEB_THREADS, queue_max=settings.WEB_QUEUE_REQUESTS
)
