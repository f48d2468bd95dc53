"""A match run that breaks off after it saved: nothing of it stays, and the next attempt saves each match once."""

from __future__ import annotations

from uuid import UUID

import pytest

from jobs.models import Task
from jobs.testing import run_tasks
from matching import finding
from matching.models import Match, MatchRun
from matching.runs import RunRequest, start
from tests.matching.factories import REPAIRS, make_opportunity, make_profile


@pytest.mark.django_db
def test_an_attempt_that_broke_off_leaves_nothing_and_the_next_saves_each_match_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_opportunity(**REPAIRS)
    make_opportunity()
    run_tasks()
    profile = make_profile()
    start(profile.user, RunRequest(is_saved=True))
    plain_save, saved = finding.save_matches, []

    def break_off_once(user_id: UUID, found: finding.Found) -> None:
        plain_save(user_id, found)
        saved.append(len(found))
        if len(saved) == 1:
            raise ConnectionError

    monkeypatch.setattr(finding, "save_matches", break_off_once)
    Task.objects.exclude(actor="run_matches").delete()
    run_tasks(raise_errors=False)
    assert MatchRun.objects.get().matches is None
    assert not Match.objects.exists()
    run_tasks(until_delay=False)
    assert saved == [2, 2]
    assert Match.objects.filter(user=profile.user).count() == 2
    assert len(MatchRun.objects.get().matches or []) == 2
