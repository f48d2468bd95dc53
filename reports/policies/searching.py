"""Search for a better policy: the course of a job of the type `discovery`.

The job proposes trials in rounds, sends a task for each, and replays trials itself until the round
is done. So they run in parallel where workers are free, and one after the other where none is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

import jobs
from jobs import RunningTask, TaskCancelled
from jobs.execution.declaration import LedgerActor
from jobs.ledger import database
from reports.models import Department, PolicyStudy, PolicyTrial
from reports.policies import calibrating, in_force, judging, optimizer, reading, trials
from reports.policies.history import History, WorkTimes
from reports.policies.judging import Span
from reports.policies.rules import BY_ARRIVAL, BY_DEADLINE, Rules

#: So many trials are proposed at once, from the same knowledge; it does not depend on the number of
#: workers, so that the search does not either.
ROUND_TRIALS = 4
#: The policies tried first beside that in force: by arrival, by deadline, by severity.
KNOWN = (BY_ARRIVAL, BY_DEADLINE, Rules(severity_hours=48.0))
#: Unless a limit is given, areas may differ so many times as much as under the policy in force.
FAIRNESS_MARGIN = 1.1
#: Between two looks at trials that other tasks replay.
PAUSE_SECONDS = 0.2
#: Between two additions to optuna's study while the search goes on.
PUBLISHING_SECONDS = 15.0
#: How long one transaction publishes; it may last JOBS_TRANSACTION_TIMEOUT_SECONDS.
PORTION_SECONDS = 2.0
SEARCHED = 0.9  # the share of the work that is done when all trials have ended
PERIOD = timedelta(days=365)

Inputs = dict[str, Any]
Judge = trials.Judge
TrialActor = LedgerActor[[str, int], Any]


def search(task: RunningTask, payload: Inputs, actor: TrialActor) -> dict[str, Any]:
    """Return the best policy of the search, judged on the hold-out period.

    A run that was interrupted goes on where it was. `actor` replays one trial.

    Raises:
        DiscoveryUnavailable: optuna is not installed.
        HistoryTooShort: there are too few reports.
        TaskCancelled: the job was asked to stop; the best so far is kept.
    """
    optimizer.require()
    study = _study(task) or _begin(task, payload)
    if study.history is None:
        ended: dict[str, Any] = study.result.result
        return ended
    with _keeping_the_best(task, study), _judge_together() as judge:
        _run_rounds(task, study, actor, judge)
        return _finish(task, study)


@contextmanager
def _judge_together() -> Iterator[Judge | None]:
    """Yield the function that replays several trials at once; None without USE_SPARK."""
    if not settings.USE_SPARK:
        yield None
        return
    from reports.policies import spark  # noqa: PLC0415 - an extra

    with spark.judging() as judge:
        yield judge


def _study(task: RunningTask) -> PolicyStudy | None:
    return PolicyStudy.objects.select_related("result").filter(pk=task.id).first()


def _begin(task: RunningTask, payload: Inputs) -> PolicyStudy:
    """Read the history and store it for all trials."""
    department = Department.objects.filter(slug=payload.get("department") or "").first()
    until = _moment(payload.get("until")) or database.now()
    since = _moment(payload.get("since")) or until - PERIOD
    task.progress(0.0, "reading")
    history = reading.read(
        since=since, until=until, department=department, crews=payload.get("crews") or {}
    )
    split_at = history.time_of_share(1 - payload["hold_out_share"])
    current = in_force.rules_for(department)
    known = history.before(split_at)
    task.progress(0.0, "calibrating")
    busy = payload.get("busy") or calibrating.busy_share(known, current, seed=payload["seed"])
    inputs = payload | {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "department": department.slug if department else None,
        "busy": busy,
        "in_force": current.as_json(),
        "history": history.digest(),
    }
    limit = payload.get("fairness_limit") or _usual_fairness(known, split_at, inputs)
    with task.effects():
        kept = jobs.keep_result(
            _summary(inputs, history, split_at), inputs=inputs, seed=inputs["seed"], is_partial=True
        )
        return PolicyStudy.objects.create(
            result=kept,
            history=history.packed(),
            history_digest=inputs["history"],
            split_at=split_at,
            fairness_limit=limit,
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _usual_fairness(known: History, split_at: float, inputs: Inputs) -> float:
    """Return the limit that follows from how areas fare under the policy in force."""
    times = WorkTimes.learn(known, busy=inputs["busy"])
    rules = Rules.from_json(inputs["in_force"])
    course = judging.follow(known, times, rules, seed=inputs["seed"], draws=inputs["draws"])
    return FAIRNESS_MARGIN * judging.figures(known, course, Span(0.0, split_at)).fairness


def _run_rounds(
    task: RunningTask, study: PolicyStudy, actor: TrialActor, judge: Judge | None
) -> None:
    inputs, published_at = study.result.inputs, time.monotonic()
    while True:
        _finish_round(task, study, judge)
        known = trials.tried(study.pk)
        missing = inputs["trials"] - len(known)
        if missing <= 0:
            return
        policies = _proposals(known, min(missing, ROUND_TRIALS), inputs)
        if time.monotonic() - published_at > PUBLISHING_SECONDS:
            _publish(task, study)
            published_at = time.monotonic()
        with task.effects():
            added = trials.add(study.pk, policies, first=len(known))
            if judge is None:  # who else would replay them in parallel
                actor.send_many([(str(study.pk), trial.number) for trial in added])


def _publish(task: RunningTask, study: PolicyStudy) -> None:
    """Add the trials that have ended to optuna's study, while nobody else does.

    They go in portions, since optuna writes in a session of its own and PostgreSQL would end the
    transaction beside it.
    """
    name, moves_crews = f"policies {study.pk}", study.result.inputs["moves_crews"]
    tried = trials.tried(study.pk)
    is_complete = False
    while not is_complete:
        with task.effects():
            is_complete = optimizer.publish(
                name, tried, moves_crews=moves_crews, seconds=PORTION_SECONDS
            )


def _proposals(known: list[optimizer.Tried], count: int, inputs: Inputs) -> list[Rules]:
    """Return the policies to try in the next round.

    The first round tries the policy in force and the usual ones (KNOWN), to compare others with.
    """
    if not known:
        first = dict.fromkeys([Rules.from_json(inputs["in_force"]), *KNOWN])
        return list(first)[: inputs["trials"]]
    return optimizer.propose(known, count, seed=inputs["seed"], moves_crews=inputs["moves_crews"])


def _finish_round(task: RunningTask, study: PolicyStudy, judge: Judge | None) -> None:
    """Replay trials, and wait for those that other tasks replay, until none is left."""
    while PolicyTrial.objects.filter(study=study, cost__isnull=True).exists():
        if not _carry_out(task, study, judge):
            time.sleep(PAUSE_SECONDS)
        _show(task, study)
    _keep_best(task, study)


def _carry_out(task: RunningTask, study: PolicyStudy, judge: Judge | None) -> bool:
    """Replay the next trial, or with `judge` all that are free; return whether there was any."""
    if judge is None:
        next_one = trials.take(study.pk, task)
        if next_one is not None:
            trials.carry_out(study.pk, next_one, task)
        return next_one is not None
    waiting = PolicyTrial.objects.filter(study=study, cost__isnull=True).order_by("number")
    offered = [trials.take(study.pk, task, trial.number) for trial in waiting.only("number")]
    taken = [trial for trial in offered if trial is not None]
    trials.carry_out_together(study.pk, taken, task, judge)
    return bool(taken)


def _show(task: RunningTask, study: PolicyStudy) -> None:
    """Show how many trials have ended, and which is the best so far."""
    ended = PolicyTrial.objects.filter(study=study, cost__isnull=False).count()
    best = trials.best(study.pk)
    counts = {"trials": ended} | ({"best_trial": best.number} if best else {})
    fraction = SEARCHED * ended / study.result.inputs["trials"]
    task.progress(fraction, "searching", **counts)


def _keep_best(task: RunningTask, study: PolicyStudy) -> None:
    """Keep the best policy so far as the partial result."""
    best = trials.best(study.pk)
    inputs = study.result.inputs
    summary = study.result.result | {
        "trials": PolicyTrial.objects.filter(study=study, cost__isnull=False).count(),
        "best": _described(best) if best else None,
    }
    with task.effects():
        jobs.keep_result(summary, inputs=inputs, seed=inputs["seed"], is_partial=True)


@contextmanager
def _keeping_the_best(task: RunningTask, study: PolicyStudy) -> Iterator[None]:
    """Keep the best so far if the search is cancelled, and let go of the history."""
    try:
        yield
    except TaskCancelled:
        _keep_best(task, study)
        _publish(task, study)
        with task.effects():
            PolicyStudy.objects.filter(pk=study.pk).update(history=None)
        raise


def _finish(task: RunningTask, study: PolicyStudy) -> dict[str, Any]:
    """Judge the best policy on the hold-out period, beside others; store and return the result."""
    best = trials.best(study.pk)
    assert best is not None  # noqa: S101 - a search has a trial at least
    inputs = study.result.inputs
    task.progress(SEARCHED, "judging", best_trial=best.number)
    compared, figures = _judge(task, study, best)
    result: dict[str, Any] = study.result.result | {
        "trials": inputs["trials"],
        "best": _described(best) | {"hold_out": figures},
        "compared": compared,
        "is_better": compared[0]["difference"]["high"] < 0,
    }
    _publish(task, study)
    with task.effects():
        jobs.keep_result(result, inputs=inputs, seed=inputs["seed"])
        PolicyStudy.objects.filter(pk=study.pk).update(history=None)
    trials.setting_of.cache_clear()
    return result


def _judge(
    task: RunningTask, study: PolicyStudy, best: PolicyTrial
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return how a policy differs from others in the hold-out period, and its figures there."""
    assert study.history is not None  # noqa: S101 - the search has not ended
    history, inputs = History.unpacked(bytes(study.history)), study.result.inputs
    times = WorkTimes.learn(history.before(study.split_at), busy=inputs["busy"])
    span, seed, draws = Span(study.split_at, history.until), inputs["seed"], inputs["draws"]
    rules = Rules.from_json(best.rules)
    course = judging.follow(history, times, rules, seed=seed, draws=draws)
    others = {
        "in_force": Rules.from_json(inputs["in_force"]),
        "by_arrival": BY_ARRIVAL,
        "by_deadline": BY_DEADLINE,
    }
    compared = []
    for number, (name, other) in enumerate(others.items()):
        task.progress(SEARCHED + 0.03 * number, "judging", best_trial=best.number)
        theirs = judging.follow(history, times, other, seed=seed, draws=draws)
        gap = judging.difference(history, theirs, course, span, inputs["objective"], seed=seed)
        achieved = judging.figures(history, theirs, span).as_json()
        compared.append({"policy": name, "figures": achieved, "difference": gap})
    return compared, judging.figures(history, course, span).as_json()


def _summary(inputs: Inputs, history: History, split_at: float) -> dict[str, Any]:
    """Return the part of the result that is known before the search."""
    held_out = int((history.arrived >= split_at).sum())
    begin = datetime.fromisoformat(inputs["since"])
    return {
        "reports": len(history) - held_out,
        "reports_held_out": held_out,
        "held_out_from": (begin + timedelta(hours=split_at)).isoformat(),
        "trials": 0,
        "best": None,
        "compared": [],
        "is_better": False,
    }


def _described(trial: PolicyTrial) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "rules": trial.rules,
        "cost": trial.cost,
        "search": trial.figures,
        "hold_out": None,
    }


def trial_rows(study_id: UUID) -> Iterator[dict[str, Any]]:
    """Yield the trials of a search as flat rows, in the order of their numbers."""
    for trial in PolicyTrial.objects.filter(study=study_id).order_by("number"):
        figures = {name: value for name, value in (trial.figures or {}).items() if name != "areas"}
        yield {"trial": trial.number, "cost": trial.cost, **trial.rules, **figures}
