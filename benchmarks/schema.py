"""Whether the product answers as its OpenAPI document says: schemathesis over every operation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping

from benchmarks.pinned import python_with
from benchmarks.results import Target
from benchmarks.services import BASE_DIR, LIMITS, BenchmarkError, Services

IDENTITIES = 200  # each operation has tokens of its own
RUN_SECONDS = 900
TARGETS: Mapping[str, Target] = {
    "deviations": Target(0, 0, is_ceiling=True),
    "calls": Target(1000, 5000),
}
#: Nothing that is limited over time, and nothing that waits, may hide how an operation answers.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "STAFF_TOTP_REQUIRED": "off",
    "MATCHING_WAIT_SECONDS": "0",
    "SMS_RECEIPT_TOKEN": "the token of the provider",
    **dict.fromkeys(
        (
            *LIMITS,
            "ANONYMOUS_REPORTS_PER_HOUR",
            "MATCHING_PROFILE_EDITS_PER_HOUR",
            "MATCHING_INTERACTIONS_PER_HOUR",
            "MATCHING_PARTNER_REQUESTS_PER_HOUR",
            "OTP_GUESSES_PER_HOST_HOUR",
            "OTP_GUESSES_PER_NETWORK_HOUR",
        ),
        "1000000",
    ),
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Call each operation, by each identity, with valid and with invalid input."""
    # It needs rich, which structlog would load at every start of the product.
    python = python_with("schemathesis", services.folder, say)
    identities = services.run_child("identities", IDENTITIES)
    with services.web("config.asgi:application", **SETTINGS) as port:
        say("schema: calling every operation")
        command = [python, BASE_DIR / "benchmarks" / "schema_run.py", f"http://127.0.0.1:{port}"]
        done = subprocess.run(
            [*map(str, command), "3" if quick else "10"],
            input=json.dumps(identities),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    if done.returncode:
        raise BenchmarkError(f"schemathesis failed:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    for deviation in result["deviations"]:
        say(f"schema: {deviation}")
    return {"calls": result["calls"], "deviations": len(result["deviations"])}
