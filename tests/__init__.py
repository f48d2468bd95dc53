import os

# Coverage sees what is imported from here on: first of all the settings, which import the product.
if os.environ.get("PYTEST_XDIST_WORKER") and os.environ.pop("TESTS_COVERAGE", "") == "on":
    from tests import coverage

    coverage.install()
