"""Django as a WSGI application, for `config.asgi` and `manage.py runserver`."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.environment import loading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["CIVICLENS_PROCESS"] = "web"  # a web process never loads the embedding model
with loading():
    application = get_wsgi_application()
    get_resolver().url_patterns  # noqa: B018 - loads all views, which the first request would do

from config import pooling  # once the apps are loaded

pooling.register()
