"""Run schemathesis over a live server; needs schemathesis alone, nothing of the product.

`python schema_run.py ADDRESS EXAMPLES` reads lists of access tokens by identity from standard
input as JSON, and prints how many calls were made and what deviated from the document, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import hypothesis
import schemathesis
from schemathesis.core.failures import FailureGroup

SHOWN_CHARACTERS = 600
#: What a schema cannot say: which numbers can be dialled, which categories a city has.
PHONES = ("+12025550123", "+442079460123", "+12035559001")
KNOWN = {"phone": PHONES, "category": ("pothole",)}


class Run:
    """Calls every operation with valid and with invalid input, by each identity."""

    def __init__(self, address: str, examples: int, tokens: dict[str, list[str]]) -> None:
        self.api = schemathesis.openapi.from_url(f"{address}/api/schema/?format=json")
        self.examples = examples
        self.tokens = tokens
        self.calls = 0
        self.deviations: dict[str, str] = {}

    def all(self) -> None:
        for number, result in enumerate(self.api.get_all_operations()):
            operation = result.ok()
            for who, tokens in [("anonymous", [""]), *self.tokens.items()]:
                # Operations that end a session, or erase an account, disturb no other operation.
                header = tokens[number % len(tokens)]
                for mode in schemathesis.GenerationMode:
                    self.one(operation, mode, who, header)

    def one(self, operation: Any, mode: Any, who: str, header: str) -> None:
        @hypothesis.settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            self.calls += 1
            if mode.is_positive:
                _make_valid(case)
            headers = {"Authorization": header} if header else {}
            response = case.call(headers=headers, timeout=timedelta(seconds=30).total_seconds())
            try:
                case.validate_response(response, headers=headers)
            except FailureGroup as group:
                for failure in group.exceptions:
                    self.note(operation, failure, f"{mode.name} {who}", response)

        try:
            check()
        except hypothesis.errors.Unsatisfiable:
            return  # an operation without input has no invalid one

    def note(self, operation: Any, failure: Any, how: str, response: Any) -> None:
        kind = f"{operation.label}: {type(failure).__name__}: {str(failure)[:120]}"
        request = response.request
        text = f"{how} {request.method} {request.url} {request.body!r} → {response.status_code} "
        self.deviations.setdefault(kind, (text + response.text)[:SHOWN_CHARACTERS])


def _make_valid(case: Any) -> None:
    """Replace what only a running installation knows to be valid."""
    (case.query or {}).pop("cursor", None)  # it comes from a page before
    for part in (case.query, case.body):
        if isinstance(part, dict):
            for name in part.keys() & KNOWN.keys():
                values = KNOWN[name]
                part[name] = values[len(str(part)) % len(values)]


def lines(run: Run) -> Iterator[str]:
    for kind, example in run.deviations.items():
        yield f"{kind}\n    {example}"


if __name__ == "__main__":
    run = Run(sys.argv[1], int(sys.argv[2]), json.load(sys.stdin))
    run.all()
    print(json.dumps({"calls": run.calls, "deviations": list(lines(run))}))
