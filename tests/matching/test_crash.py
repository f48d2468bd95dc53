"""A match run that breaks off: nothing of it stays, or all of it; and the next attempt saves each
match once.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from jobs.models import Task
from jobs.testing import run_tasks
from matching.models import Match, MatchRun
from matching.ranking import carrying_out, saving
from matching.runs.starting import RunRequest, start
from tests.jobs.conftest import QUICK, Workers, wait_until, wait_until_drained
from tests.matching.factories import REPAIRS, make_opportunity, make_profile

FAULTS = QUICK | {
    "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
    "DEBUG": "on",
    "JOBS_TRANSPORT": "embedded",
    "RABBITMQ_URL": "",
    "JOBS_FAILPOINTS": "after_effects=kill@1",
}


@pytest.mark.django_db
def test_an_attempt_that_broke_off_leaves_nothing_and_the_next_saves_each_match_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_opportunity(**REPAIRS)
    make_opportunity()
    run_tasks()
    profile = make_profile()
    start(profile.user, RunRequest(is_saved=True))
    plain_save, saved = saving.save_matches, []

    def break_off_once(user_id: UUID, found: saving.MatchList) -> None:
        plain_save(user_id, found)
        saved.append(len(found))
        if len(saved) == 1:
            raise ConnectionError

    monkeypatch.setattr(carrying_out, "save_matches", break_off_once)
    Task.objects.exclude(actor="run_matches").delete()
    run_tasks(raise_errors=False)
    assert MatchRun.objects.get().matches is None
    assert not Match.objects.exists()
    run_tasks(until_delay=False)
    assert saved == [2, 2]
    assert Match.objects.filter(user=profile.user).count() == 2
    assert len(MatchRun.objects.get().matches or []) == 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_after_it_saved_doubles_no_match(
    process_environment: dict[str, str], tmp_path: Path
) -> None:
    make_opportunity(**REPAIRS)
    make_opportunity()
    run_tasks()
    profile = make_profile()
    run_tasks()
    Match.objects.all().delete()
    log = tmp_path / "hits"
    paths = {"JOBS_FAILPOINTS_LOG": str(log), "DATA_DIR": str(tmp_path)}
    workers = Workers(process_environment | FAULTS | paths, tmp_path)
    try:
        start(profile.user, RunRequest(is_saved=True))
        workers.start(queues=("matching",))
        wait_until(log.exists, "the worker to be killed")
        first = dict(Match.objects.values_list("opportunity_id", "created_at"))
        assert len(first) == 2
        workers.environment["JOBS_FAILPOINTS"] = ""
        workers.start(queues=("matching",))
        wait_until_drained()
    finally:
        workers.stop_all()
    task = Task.objects.get(actor="run_matches")
    assert (task.state, task.attempt) == ("succeeded", 2)
    assert dict(Match.objects.values_list("opportunity_id", "created_at")) == first
    assert len(MatchRun.objects.get().matches or []) == 2
