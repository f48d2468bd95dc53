"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["CIVICLENS_PROCESS"] = "web"  # in which the embedding model is never loaded
_django = get_wsgi_application()

from config import chunked, pooling  # noqa: E402 - once the apps are loaded

application = chunked.ChunkedBodies(_django)
pooling.register()
