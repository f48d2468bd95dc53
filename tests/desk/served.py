"""The settings of the server that the browser tests visit: production's own, and the desk's files
as they lie in the source, since `collectstatic` never ran.
"""

from config.settings import *  # noqa: F403

WHITENOISE_USE_FINDERS = True
# Those of the passwords that tests store, each checked in no time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
