"""The inline server's entry point.

Unlike config.wsgi it may load the embedder, as inline work must.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
application = get_wsgi_application()
