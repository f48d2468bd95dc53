"""The trials of a search: each is replayed by one task at a time, and its outcome stored once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db.models.functions import Now

from jobs import RunningTask
from jobs.failpoints import failpoint
from jobs.ledger.database import fetch
from reports.models import PolicyStudy, PolicyTrial
from reports.policies import judging
from reports.policies.history import History, WorkTimes
from reports.policies.judging import Figures, Objective, Span
from reports.policies.optimizer import Tried
from reports.policies.rules import Rules

# A trial whose task was killed is free again once the ledger says that the task does not run.
_TAKE = """
UPDATE reports_policytrial AS trial SET taken_by = %(task)s, begun = begun + 1
FROM (
    SELECT id FROM reports_policytrial AS free
    WHERE study_id = %(study)s AND cost IS NULL
        AND (%(number)s::int IS NULL OR number = %(number)s)
        AND (taken_by IS NULL OR taken_by = %(task)s OR NOT EXISTS (
            SELECT FROM jobs_task WHERE id = free.taken_by AND state = 'running'))
    ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
) AS chosen
WHERE trial.id = chosen.id
RETURNING trial.number, trial.rules
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A trial that this task is to replay."""

    number: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trials of a search share: the history before the hold-out period, and the aim."""

    history: History
    times: WorkTimes
    span: Span
    objective: Objective
    fairness_limit: float
    seed: int
    draws: int

    def judge(self, rules: Rules) -> Figures:
        """Return what a policy would have achieved before the hold-out period."""
        course = judging.follow(self.history, self.times, rules, seed=self.seed, draws=self.draws)
        return judging.figures(self.history, course, self.span)

    def cost(self, achieved: Figures) -> float:
        return judging.cost(achieved, self.objective, self.fairness_limit)


#: Returns what each policy would have achieved.
Judge = Callable[[Setting, Sequence[Rules]], list[Figures]]


@lru_cache(maxsize=1)
def setting_of(study_id: UUID) -> Setting | None:
    """Return the setting of a search that is under way; None if the search has ended.

    A worker process keeps the last one, since the trials of a search come one after the other.
    """
    study = PolicyStudy.objects.select_related("result").filter(pk=study_id).first()
    if study is None or study.history is None:
        return None
    whole, inputs = History.unpacked(bytes(study.history)), study.result.inputs
    known = whole.before(study.split_at)
    return Setting(
        history=known,
        times=WorkTimes.learn(known, busy=inputs["busy"]),
        span=Span(0.0, study.split_at),
        objective=inputs["objective"],
        fairness_limit=study.fairness_limit,
        seed=inputs["seed"],
        draws=inputs["draws"],
    )


def add(study_id: UUID, policies: Sequence[Rules], *, first: int) -> list[PolicyTrial]:
    """Add trials of these policies, numbered from `first`; in the caller's transaction."""
    return PolicyTrial.objects.bulk_create(
        PolicyTrial(study_id=study_id, number=number, rules=rules.as_json())
        for number, rules in enumerate(policies, start=first)
    )


def take(study_id: UUID, task: RunningTask, number: int | None = None) -> Taken | None:
    """Take a trial that no running task has: the one of this number, or the first there is."""
    parameters = {"study": study_id, "task": task.id, "number": number}
    with task.effects():
        rows = fetch(_TAKE, parameters)
    return Taken(rows[0][0], Rules.from_json(rows[0][1])) if rows else None


def carry_out(study_id: UUID, taken: Taken, task: RunningTask) -> bool:
    """Replay a trial and store its outcome; return whether this run was the one that stored it."""
    setting = setting_of(study_id)
    if setting is None:
        return False
    achieved = setting.judge(taken.rules)
    failpoint("trial.replayed", task.id)
    return _store(study_id, taken, setting, achieved, task)


def carry_out_together(
    study_id: UUID, taken: Sequence[Taken], task: RunningTask, judge: Judge
) -> None:
    """Replay trials with `judge`, several at the same time, and store their outcomes."""
    setting = setting_of(study_id)
    if setting is None:
        return
    achieved = judge(setting, [trial.rules for trial in taken])
    failpoint("trial.replayed", task.id)
    for one, figures in zip(taken, achieved, strict=True):
        _store(study_id, one, setting, figures, task)


def _store(
    study_id: UUID, taken: Taken, setting: Setting, achieved: Figures, task: RunningTask
) -> bool:
    with task.effects():
        unended = PolicyTrial.objects.filter(study=study_id, number=taken.number, cost__isnull=True)
        stored = unended.update(
            cost=setting.cost(achieved), figures=achieved.as_json(), taken_by=None, ended_at=Now()
        )
    return bool(stored)


def tried(study_id: UUID) -> list[Tried]:
    """Return the trials that have ended, in the order of their numbers."""
    ended = PolicyTrial.objects.filter(study=study_id, cost__isnull=False).order_by("number")
    return [
        Tried(Rules.from_json(rules), cost)
        for rules, cost in ended.values_list("rules", "cost")
        if cost is not None
    ]


def best(study_id: UUID) -> PolicyTrial | None:
    """Return the trial that cost least; of equal ones the first."""
    ended = PolicyTrial.objects.filter(study=study_id, cost__isnull=False)
    return ended.order_by("cost", "number").first()
