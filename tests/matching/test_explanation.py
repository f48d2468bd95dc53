"""`manage.py explain_match`: how one citizen's matches are found."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from jobs.testing import run_tasks
from matching.vectors import indexing
from matching.vectors.spaces import active_space
from tests.accounts.factories import make_user
from tests.matching.factories import REPAIRS, make_opportunity, make_profile


@pytest.mark.django_db(transaction=True)
def test_each_wanted_kind_tells_its_plan_and_its_recall(settings: Settings) -> None:
    settings.VECTOR_EXACT_ROWS = 0
    profile = make_profile(make_user(phone="+12025550123"), wants=["volunteering", "job"])
    repairs = make_opportunity(**REPAIRS)
    make_opportunity()
    run_tasks()
    space = active_space()
    assert space is not None
    indexing.build(space)
    for named in (str(profile.user_id), "+12025550123"):
        out = StringIO()
        call_command("explain_match", named, "--json", stdout=out)
        told = json.loads(out.getvalue())
        assert [(plan["kind"], plan["recall"]) for plan in told["plans"]] == [
            ("volunteering", 1.0),
            ("job", 1.0),
        ]
        assert {plan["plan"] for plan in told["plans"]} == {
            "index, then exact"
        }  # fewer rows than were asked for
        assert told["index"] is True
        assert told["best"][0]["id"] == str(repairs.pk)
    out = StringIO()
    call_command("explain_match", "+12025550123", stdout=out)
    lines = out.getvalue().splitlines()
    assert {"index: True", "plans:", "best:"} <= set(lines)
    assert sum(line.startswith("  ") and str(repairs.pk) in line for line in lines) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("nobody", "neither a phone number"),
        ("+12025550100", "no profile"),
        ("own", "Nothing has been"),
    ],
)
def test_who_cannot_be_explained_is_told_why(named: str, told: str) -> None:
    own = str(make_profile().user_id)
    with pytest.raises(CommandError, match=told):
        call_command("explain_match", own if named == "own" else named)
