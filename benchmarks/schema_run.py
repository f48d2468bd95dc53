"""Run schemathesis over a live server; needs schemathesis alone, nothing of the product.

`python schema_run.py ADDRESS EXAMPLES` reads lists of access tokens by identity from standard
input as JSON, and prints how many calls were made and what deviated from the document, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import schemathesis
from schemathesis.core.failures import FailureGroup

SHOWN_CHARACTERS = 1500
#: Answers that judge the input. All others judge the state of things, such as a code that nobody
#: was sent; so does a fault `does_not_exist` of a property that names something.
INPUT_PROBLEMS = (
    "/problems/validation-error",
    "/problems/malformed-body",
    "/problems/idempotency-key-invalid",
)
#: What a document cannot say: which numbers can be dialled, which categories a city has, that one
#: field needs another, or that the payload is that of its job type.
KNOWN: dict[str, Any] = {
    "phone": "+12025550123",
    "category": "pothole",
    "categories": ["pothole"],
    "answers": {},
    "bbox": "-73,41,-72,42",
    "polygon": {
        "type": "Polygon",
        "coordinates": [[[-72.9, 41.3], [-72.8, 41.3], [-72.8, 41.4], [-72.9, 41.3]]],
    },
    "location": {"latitude": 41.3, "longitude": -72.9},
    "latitude": 41.3,
    "longitude": -72.9,
    "job_type": "accounts.leaderboard",
    "payload": {},
    "language": "es",
    "languages": ["es"],
    "starts_after": "2030-01-01",
    "starts_before": "2030-01-31",
    "ends_before": "2030-01-31",
}
TOGETHER: dict[str, tuple[str, ...]] = {
    "latitude": ("longitude",),
    "longitude": ("latitude",),
    "answers": ("category",),
    "radius_km": ("location",),
}


_TIMES = hypothesis.strategies.datetimes(datetime(1970, 1, 2), datetime(2999, 12, 30))  # noqa: DTZ001 - they are naive
schemathesis.openapi.format("date-time", _TIMES.map(lambda at: f"{at.isoformat()}Z"))
schemathesis.openapi.format("date", _TIMES.map(lambda at: at.date().isoformat()))


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
                self.make_valid(case)
            headers = {"Authorization": header} if header else {}
            response = case.call(headers=headers, timeout=timedelta(seconds=30).total_seconds())
            try:
                case.validate_response(response, headers=headers)
            except FailureGroup as group:
                for failure in group.exceptions:
                    if not _is_documented(failure, response):
                        self.note(operation, failure, f"{mode.name} {who}", response)

        try:
            check()
        except hypothesis.errors.Unsatisfiable:
            return  # an operation without input has no invalid one

    def note(self, operation: Any, failure: Any, how: str, response: Any) -> None:
        kind = f"{operation.label}: {type(failure).__name__}: {str(failure)[:120]}"
        request = response.request
        text = f"{how} {response.status_code} {response.text[:500]}\n    to {request.method} "
        self.deviations.setdefault(
            kind, f"{failure}\n    {text}{request.url} {request.body!r}"[:SHOWN_CHARACTERS]
        )

    def make_valid(self, case: Any) -> None:
        """Replace what only a running installation knows to be valid.

        Properties that the document does not name are left out: it says nothing of them.
        """
        (case.query or {}).pop("cursor", None)  # it comes from a page before
        if isinstance(case.body, dict):
            for name in case.body.keys() - self.described(case.operation):
                del case.body[name]
            case.body = _readable(case.body)
        _fill_in(case.query, together={})
        _fill_in(case.body, together=TOGETHER)

    def described(self, operation: Any) -> set[str]:
        """Return the names of the properties of an operation's body."""
        [content, *_] = operation.definition.raw["requestBody"]["content"].values()
        schema = content["schema"]
        while "$ref" in schema:
            schema = self.api.raw_schema["components"]["schemas"][schema["$ref"].split("/")[-1]]
        return set(schema.get("properties", {}))


def _is_documented(failure: Any, response: Any) -> bool:
    """Return whether the document's own words explain what its schemas do not say."""
    kind = type(failure).__name__
    if kind == "AcceptedNegativeData":
        # A length counts the text without the characters that are removed.
        return "maxLength" in str(failure)
    if kind != "RejectedPositiveData":
        return False
    problem = response.json()
    faults = {error["code"] for error in problem.get("errors", ())}
    return problem.get("type", "") not in {"", *INPUT_PROBLEMS} or faults == {"does_not_exist"}


def _fill_in(part: Any, *, together: dict[str, tuple[str, ...]]) -> None:
    """Give each field of KNOWN its value, at any depth, together with what it needs."""
    if not isinstance(part, dict):
        return
    needed = [other for name in part for other in together.get(name, ())]
    part |= {name: KNOWN[name] for name in (*part, *needed) if name in KNOWN}
    for inner in part.values():
        _fill_in(inner, together=together)


def _readable(value: Any) -> Any:
    """Return the value without U+0000, which is refused, and without texts that show nothing."""
    if isinstance(value, str):
        return value.replace("\0", "") if any(map(str.isalnum, value)) else "x"
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, dict):
        return {name: _readable(one) for name, one in value.items()}
    return value


def lines(run: Run) -> Iterator[str]:
    for kind, example in run.deviations.items():
        yield f"{kind}\n    {example}"


if __name__ == "__main__":
    run = Run(sys.argv[1], int(sys.argv[2]), json.load(sys.stdin))
    run.all()
    print(json.dumps({"calls": run.calls, "deviations": list(lines(run))}))
