"""What every transport promises, with real workers: each task runs, once, whatever is killed."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from django.db import transaction

from jobs.models import Attempt, Task
from jobs.states import State
from tests.jobs.conftest import Workers, wait_until, wait_until_drained
from tests.jobs.probe.actors import (
    probe_external,
    probe_failing,
    probe_hopeless,
    probe_long,
    probe_once,
    probe_parent,
    probe_poison,
    probe_transactional,
)
from tests.jobs.probe.models import Call, Effect


def effects() -> Counter[str]:
    return Counter(Effect.objects.values_list("key", flat=True))


def test_every_task_runs_exactly_once(workers: Workers) -> None:
    with transaction.atomic():
        probe_transactional.send_many([(f"many {number}",) for number in range(300)])
        probe_parent.send("parent", 5)
        probe_external.send("external")
        probe_long.send("long", 3)
    workers.start(processes=2)
    wait_until_drained()
    expected = [f"many {number}" for number in range(300)] + ["parent", *(f"parent/{n}" for n in range(5))]
    expected += ["external:answer", "long/0", "long/1", "long/2"]
    assert effects() == Counter(expected)
    assert set(Task.objects.values_list("state", flat=True)) == {State.SUCCEEDED}
    assert Task.objects.get(actor="probe_long").result == {"steps": 3}
