import fcntl
import os
from pathlib import Path

# Where nothing is compiled yet, one process of pytest-xdist imports the tests before the others do.
lock = os.environ.pop("TESTS_IMPORTING", "")
if lock and os.environ.get("PYTEST_XDIST_WORKER") not in (None, "gw0"):
    with Path(lock).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)

# Coverage sees what is imported from here on: first of all the settings, which import the product.
if os.environ.get("PYTEST_XDIST_WORKER") and os.environ.pop("TESTS_COVERAGE", "") == "on":
    from tests import coverage

    coverage.install()
