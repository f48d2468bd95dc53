"""The ASGI application that the web server serves; see `config.serving`."""

import sys

from django.conf import settings

from config.development.processes import end_with_parent
from config.wsgi import application as django_application

from jobs.operations import web_processes  # isort: skip - once the apps are loaded
from config.serving.application import ThreadedApplication  # isort: skip - once the apps are loaded

#: How long one request may compute before another gets the interpreter. After each statement in the
#: database a request waits for it, so with Python's 5 ms a small request beside a large one takes
#: twice as long on average, and three times as long at worst.
SWITCH_SECONDS = 0.001

sys.setswitchinterval(SWITCH_SECONDS)
web_processes.begin_reporting()
end_with_parent()  # when the server is killed, this process ends too
application = ThreadedApplication(
    django_application, threads=settings.WEB_THREADS, queue_max=settings.WEB_QUEUE_REQUESTS
)
