"""Fail points: obeyed only by a build made for breaking, told before they act, and nothing anywhere
else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import LazySettings

from jobs import failpoints
from jobs.failpoints import Plan, ThreadKilled, check_no_failpoints, failpoint


def hits(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_a_fault_happens_the_nth_time_and_is_told_first(tmp_path: Path) -> None:
    plan = Plan("relay=raise@3", seed="1", log=tmp_path / "hits")
    for _ in range(2):
        plan.reach("relay", "some-task")
    assert not hits(tmp_path / "hits")
    with pytest.raises(ThreadKilled):
        plan.reach("relay", "some-task")
    plan.reach("relay", "some-task")
    [hit] = hits(tmp_path / "hits")
    assert (hit["point"], hit["task"], hit["action"], hit["pid"]) == (
        "relay",
        "some-task",
        "raise",
        os.getpid(),
    )


def test_chance_is_repeatable_from_its_seed(tmp_path: Path) -> None:
    def drawn(seed: str, name: str) -> int:
        plan = Plan("after_claim=sleep:0%0.3", seed=seed, log=tmp_path / name)
        for _ in range(200):
            plan.reach("after_claim", None)
        return len(hits(tmp_path / name))

    assert drawn("a", "first") == drawn("a", "again")
    assert 20 < drawn("b", "other") < 120


def test_nothing_happens_while_the_plan_is_called_off(tmp_path: Path) -> None:
    plan = Plan("relay=raise%1", seed="1", log=tmp_path / "hits")
    (tmp_path / "hits.off").touch()
    plan.reach("relay", None)
    assert not hits(tmp_path / "hits")


def test_a_process_kills_itself_only_after_it_said_so(tmp_path: Path) -> None:
    script = (
        "from django.conf import settings; settings.configure(JOBS_IS_FAULT_BUILD=True);"
        "from jobs.failpoints import failpoint; failpoint('after_claim', 'task'); print('alive')"
    )
    environment = os.environ | {
        "JOBS_FAILPOINTS": "after_claim=kill@1",
        "JOBS_FAILPOINTS_LOG": str(tmp_path / "hits"),
    }
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert [hit["action"] for hit in hits(tmp_path / "hits")] == ["kill"]


@pytest.mark.parametrize(
    "rules", ["relay", "relay=explode@1", "relay=kill", "relay=kill@", "=kill@1", "relay=kill@x"]
)
def test_a_plan_that_says_nothing_clear_is_refused(rules: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JOBS_FAILPOINTS"):
        Plan(rules, seed="", log=tmp_path / "hits")


def test_a_serving_build_ignores_the_plan_and_does_not_start_with_one(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    assert check_no_failpoints() == []
    monkeypatch.setenv("JOBS_FAILPOINTS", "after_claim=kill@1")
    assert failpoints._plan() is None
    failpoint("after_claim", "task")
    assert [error.id for error in check_no_failpoints()] == ["jobs.E010"]
    settings.JOBS_IS_FAULT_BUILD = True
    assert check_no_failpoints() == []
