"""Keep the result of a job for longer than the ledger keeps its task."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models.functions import Now

from jobs.errors import NotInTransaction
from jobs.execution import job_types
from jobs.execution.current import current_task
from jobs.ledger.storable import as_jsonb

if TYPE_CHECKING:
    from jobs.models import JobResult


def keep_result(
    result: dict[str, Any],
    *,
    inputs: dict[str, Any],
    seed: int | None = None,
    is_partial: bool = False,
) -> JobResult:
    """Keep what the current task computed, in place of what it kept before.

    Call it inside `current_task().effects()`, where rows of your own commit together with it.

    Args:
        result: JSON, as the result serializer of the job type has it.
        inputs: JSON: what was computed, with all defaults filled in.
        seed: where the random numbers began; with the same inputs it gives the same result.
        is_partial: whether this is the best so far. A cancelled run leaves it so.

    Raises:
        NotInTransaction: no transaction is open.
        NotStorable: the result or the inputs are not JSON.
        LookupError: the actor of the current task is no job type.
    """
    from jobs.models import JobResult, Task  # noqa: PLC0415 - `import jobs` comes before models

    if not connection.in_atomic_block:
        raise NotInTransaction("keep_result() needs `with jobs.current_task().effects():`.")
    claim = current_task().claim
    job_type = _job_type_of(claim.actor)
    as_jsonb(result, "The result")
    as_jsonb(inputs, "The inputs")
    values = {
        "job_type": job_type.name,
        "inputs": inputs,
        "code_version": job_type.code_version,
        "seed": seed,
        "result": result,
        "is_partial": is_partial,
        "digest": _digest(job_type.name, job_type.code_version, inputs, seed, result),
        "updated_at": Now(),
    }
    origin = Task.objects.values("created_by", "created_at").get(pk=claim.id)
    kept, _ = JobResult.objects.update_or_create(
        task_id=claim.id, defaults=values, create_defaults=values | origin
    )
    return kept


def _job_type_of(actor: str) -> job_types.JobType:
    """Return the job type of an actor. Raises LookupError if it has none."""
    job_type = job_types.of_actor(actor)
    if job_type is None:
        raise LookupError(f"{actor} is no job type.")
    return job_type


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
