"""Let optuna propose the policies to try, and keep its study in PostgreSQL.

Optuna is an extra (requirements-policies.txt), loaded where it is needed alone.

The table of trials is the truth. Each round of proposals comes from a sampler with a seed of its
own, which knows exactly the trials before the round: so the same seed proposes the same, in
whatever order parallel trials have ended, and a round that was lost is proposed again. The study in
PostgreSQL, schema `optuna`, is filled from the table, for optuna's own tools.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import psycopg
from django.conf import settings
from django.db import connection

from reports.errors import DiscoveryUnavailable
from reports.policies.rules import SEVERITIES, Rules

if TYPE_CHECKING:
    import optuna

SCHEMA = "optuna"
#: The first proposals are spread at random; later ones follow the better ones.
RANDOM_TRIALS = 12
NEVER = 0.0
_MISSING = (
    "Strategy discovery needs optuna, which is not installed: pip install -r "
    "requirements-policies.txt, or build the image with --build-arg POLICIES=on."
)


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy that was tried, and what it cost."""

    rules: Rules
    cost: float


def require() -> None:
    """Check that optuna and what it needs for PostgreSQL are installed.

    Raises:
        DiscoveryUnavailable: they are not.
    """
    if find_spec("optuna") is None or find_spec("sqlalchemy") is None:
        raise DiscoveryUnavailable(_MISSING)
    import optuna.storages  # noqa: F401, PLC0415 - now, and not while a transaction is open


def propose(tried: Sequence[Tried], count: int, *, seed: int, moves_crews: bool) -> list[Rules]:
    """Return the next policies to try, given those that were tried, in the order of their numbers.

    Raises:
        DiscoveryUnavailable: optuna is not installed.
    """
    require()
    import optuna  # noqa: PLC0415 - an extra

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=(seed * 1_000_003 + len(tried)) % 2**32,
            n_startup_trials=RANDOM_TRIALS,
            constant_liar=True,  # proposals of one round keep apart from each other
        )
    study = optuna.create_study(sampler=sampler)
    study.add_trials([_frozen(trial, moves_crews=moves_crews) for trial in tried])
    space = _space(moves_crews=moves_crews)
    return [_rules(study.ask(space).params) for _ in range(count)]


def publish(name: str, tried: Sequence[Tried], *, moves_crews: bool, seconds: float) -> bool:
    """Add to the study in PostgreSQL trials that it does not have yet, for about `seconds`.

    Return whether it has them all then. The caller sees to it that nobody else does so for this
    study at the same time.
    """
    require()
    deadline = time.monotonic() + seconds
    import optuna  # noqa: PLC0415 - an extra
    from optuna.storages import RDBStorage  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = RDBStorage(
        "postgresql+psycopg://",
        engine_kwargs={"creator": _connect, "poolclass": StaticPool},
        skip_table_creation=True,  # the tables are the owner's, made by a migration
    )
    try:
        study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
        known = len(study.get_trials(deepcopy=False))
        for number, trial in enumerate(tried[known:], start=known + 1):
            study.add_trial(_frozen(trial, moves_crews=moves_crews))
            if time.monotonic() >= deadline:
                return number == len(tried)
    finally:
        storage.engine.dispose()
    return True


def _connect() -> psycopg.Connection[Any]:
    """Return a session of its own for optuna, past any pooler, in which its schema comes first."""
    own = connection.copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    own.settings_dict |= settings.DATABASE_DIRECT
    parameters: dict[str, Any] = own.get_connection_params()
    for name in ("context", "cursor_factory"):
        parameters.pop(name, None)
    session = psycopg.connect(**parameters)
    session.execute(f"SET search_path = {SCHEMA}")
    session.commit()
    return session


def _space(*, moves_crews: bool) -> dict[str, Any]:
    """Return the parameters that are searched, and the range of each."""
    from optuna.distributions import (  # noqa: PLC0415 - an extra
        CategoricalDistribution,
        FloatDistribution,
    )

    space: dict[str, Any] = {
        "deadline_share": FloatDistribution(0.0, 1.0, step=0.05),
        "severity_hours": FloatDistribution(0.0, 240.0, step=4.0),
        "neighbour_hours": FloatDistribution(0.0, 96.0, step=4.0),
        "urgent_from": CategoricalDistribution(["", *SEVERITIES[2:]]),
        "escalate_after_hours": FloatDistribution(0.0, 240.0, step=12.0),
        "escalation_hours": FloatDistribution(0.0, 240.0, step=12.0),
    }
    if moves_crews:
        space["crew_shift"] = FloatDistribution(0.0, 1.0, step=0.1)
        space["help_above"] = CategoricalDistribution([NEVER, 1.0, 3.0, 10.0])
    return space


def _rules(parameters: dict[str, Any]) -> Rules:
    chosen: dict[str, Any] = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in parameters.items()
    }
    if not chosen["escalation_hours"]:
        chosen["escalate_after_hours"] = None
    if chosen.get("help_above") == NEVER:
        chosen["help_above"] = None
    return Rules(**chosen)


def _frozen(tried: Tried, *, moves_crews: bool) -> optuna.trial.FrozenTrial:
    """Return a finished trial of optuna's; a policy from outside the search's ranges is clipped."""
    import optuna  # noqa: PLC0415 - an extra

    space = _space(moves_crews=moves_crews)
    stored = tried.rules.as_json()
    parameters = {name: _within(space[name], stored[name]) for name in space}
    return optuna.trial.create_trial(params=parameters, distributions=space, value=tried.cost)


def _within(distribution: Any, value: Any) -> Any:
    """Return the value of a distribution that is nearest to this one."""
    if hasattr(distribution, "choices"):
        choice = NEVER if value is None else value
        return choice if choice in distribution.choices else distribution.choices[0]
    low, step = distribution.low, distribution.step
    inside = min(max(float(value or 0.0), low), distribution.high)
    return round(low + round((inside - low) / step) * step, 6)
