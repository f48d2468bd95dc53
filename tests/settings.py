"""The settings under test: production's own (DEBUG off), on a test cluster of PostgreSQL unless
DATABASE_URL is set.

`DATA_DIR/test` holds everything tests write. The environment is completed before the settings read
it, so that processes started by tests inherit it. `tests.conftest` starts the servers.
"""

import os
from pathlib import Path

from config.development.pgbouncer import PgBouncer
from config.development.postgres import PostgresServer

BASE_DIR = Path(__file__).resolve().parent.parent
TEST_DATA_DIR = Path(os.environ.get("DATA_DIR") or BASE_DIR / "var").resolve() / "test"
# Nothing here must outlive a crash of the machine; everything else behaves as in production.
POSTGRES = PostgresServer(TEST_DATA_DIR / "postgres", {"fsync": "off", "full_page_writes": "off"})
OWN_POSTGRES = not os.environ.get("DATABASE_URL")

APPLICATION_ROLE = "civiclens_application"
# With TESTS_THROUGH_PGBOUNCER=on every connection leads through a PgBouncer in transaction mode.
PGBOUNCER: PgBouncer | None = None

if OWN_POSTGRES:
    os.environ["DATABASE_URL"] = POSTGRES.url
    # The processes of pytest-xdist, which inherit both, make the template of test databases there.
    os.environ["TESTS_TEMPLATE_SERVER"] = POSTGRES.url
    # Processes that tests start work as the application, as in production; this one may do more.
    os.environ["DATABASE_APPLICATION_ROLE"] = APPLICATION_ROLE
    if os.environ.get("TESTS_THROUGH_PGBOUNCER") == "on":
        PGBOUNCER = PgBouncer(
            TEST_DATA_DIR / "pgbouncer" / str(os.getpid()),
            host=str(POSTGRES.socket_folder),
            users={"postgres": "", APPLICATION_ROLE: ""},
            pool_size=10,
        )
        os.environ["DATABASE_DIRECT_URL"] = POSTGRES.url
        os.environ["DATABASE_URL"] = PGBOUNCER.url_of("postgres")
# Each process of pytest-xdist, which inherits the DATA_DIR below, has a folder of its own.
os.environ["DATA_DIR"] = str(TEST_DATA_DIR / os.environ.get("PYTEST_XDIST_WORKER", ""))
os.environ["DEBUG"] = "off"
os.environ["SECRET_KEY"] = "not a secret: " + "tests " * 8
os.environ["SMS_RECEIPT_TOKEN"] = "the token of the provider"
os.environ.setdefault(
    "STAFF_TOTP_REQUIRED", "off"
)  # tests of the desk sign in without a second factor
os.environ.setdefault(
    "SECURE_SSL_REDIRECT", "off"
)  # tests and the servers they start speak plain HTTP
os.environ.setdefault("STEP_MESSAGE_GRACE_SECONDS", "0")  # tests of undoing set it
os.environ.setdefault("COLLECTION_POST_DAYS", "36500")  # posts of tests have fixed dates
os.environ.setdefault("JOBS_WARM_UP", "off")  # workers of tests boot often
os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")

from config.settings import *  # noqa: E402, F403

STATIC_ROOT = TEST_DATA_DIR / "static"  # not what `collectstatic` may have left in the project
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
NOTIFICATION_CHANNELS = {
    "email": "notifications.channels.mailbox.send_email",
    "sms": "notifications.channels.mailbox.send_sms",
}
JOBS_TRANSACTION_TIMEOUT_SECONDS = 60  # it lasts as long as the transaction around a test
DATABASE_DIRECT = {key: value for key, value in DATABASE_DIRECT.items() if key != "NAME"}  # noqa: F405 - of each test database
INSTALLED_APPS = [*INSTALLED_APPS, "tests.jobs.probe"]  # noqa: F405
