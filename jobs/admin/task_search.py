"""Bounded searches for tasks: each reads an index, or the newest tasks and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, cast
from uuid import UUID

from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from dramatiq import get_broker

from jobs.models import FirstArgument, Task
from jobs.states import PENDING_STATES, TERMINAL_STATES, State

#: A condition without an index is looked for among so many of the newest tasks that could meet it.
LOOKED_THROUGH = 10_000
#: A search shows so many of the newest tasks of each kind that it finds.
FOUND_MAXIMUM = 10_000
#: Tasks of these kinds of states have indexes of their own.
KINDS: tuple[tuple[State, ...], ...] = (TERMINAL_STATES, PENDING_STATES, (State.RUNNING,))
#: Filters along whose values the ended tasks are indexed.
INDEXED = frozenset({"actor", "argument"})
#: Filters of a span of ids, which all tasks are listed by.
ALONG_IDS = frozenset({"since", "until"})

#: States in which there are seldom more than LOOKED_THROUGH tasks.
SHORT_LISTS = frozenset({State.DEAD, State.RUNNING, *PENDING_STATES})


class TaskChangeList(ChangeList):
    """The list of tasks, found by a bounded search once anything is filtered."""

    #: Whether older tasks may meet the conditions, but were not looked at.
    is_partial = False
    looked_through = LOOKED_THROUGH

    @property
    def uses_further_filters(self) -> bool:
        """Return whether a filter is chosen that the page shows only on demand."""
        return bool(set(self.filter_params) - {"state__exact", "actor", "argument"})

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Task]:
        tasks: QuerySet[Task] = super().get_queryset(request, exclude_parameters)
        chosen = {name for name, values in self.filter_params.items() if any(values)}
        if chosen <= ALONG_IDS and not self.query:
            return tasks
        is_indexed = bool(chosen & INDEXED) and not self.query
        states = _states(self.filter_params)
        self.is_partial = not is_indexed and not states <= SHORT_LISTS
        return newest(tasks, states, is_indexed=is_indexed, within=self._span(request))

    def _span(self, request: HttpRequest) -> QuerySet[Task]:
        """Return the tasks of the chosen span of time."""
        tasks: QuerySet[Task] = Task.objects.all()
        for spec in self.filter_specs:
            if getattr(spec, "parameter_name", "") in ALONG_IDS:
                tasks = cast("QuerySet[Task]", spec.queryset(request, tasks))
        return tasks


def _states(parameters: Mapping[str, list[str]]) -> frozenset[str]:
    """Return the states that the filters let through."""
    values = [*parameters.get("state__exact", ()), *parameters.get("state", ())]
    return frozenset(values) & frozenset(State.values) or frozenset(State.values)


def newest(
    tasks: QuerySet[Task],
    states: Iterable[str],
    *,
    is_indexed: bool,
    within: QuerySet[Task] | None = None,
) -> QuerySet[Task]:
    """Return those of `tasks` that are in `states`, the newest first, by bounded statements.

    The indexes are partial, so that ended, waiting and running tasks are looked up apart. Ended
    tasks are read along an index if the condition `is_indexed`; else, as waiting tasks always, no
    more than LOOKED_THROUGH of those `within` are.
    """
    span = Task.objects.all() if within is None else within
    parts = [
        _part(tasks, chosen, None if is_indexed and kind == TERMINAL_STATES else span)
        for kind in KINDS
        if (chosen := [state for state in kind if state in states])
    ]
    ids = reduce(lambda one, other: one.union(other, all=True), parts)
    return Task.objects.for_list().filter(pk__in=ids).order_by("-pk")


def _part(tasks: QuerySet[Task], states: list[State], span: QuerySet[Task] | None) -> QuerySet[Any]:
    """Return the ids of tasks in these states, looking no further than the newest of `span`."""
    if span is not None:
        known = span.filter(state__in=states)
        known = known.order_by("-pk") if set(states) <= set(TERMINAL_STATES) else known
        tasks = tasks.filter(pk__in=known.values("pk")[:LOOKED_THROUGH])
    ids = tasks.filter(state__in=states).order_by("-pk").values("pk")
    return ids[:FOUND_MAXIMUM]


def matching(tasks: QuerySet[Task], term: str) -> QuerySet[Task]:
    """Return the tasks that a search for `term` means.

    It is a task's id, its first argument, a part of an actor's name, a request id or a unique key.
    """
    is_named = Q(request_id=term) | Q(unique_key=term)
    try:
        key = UUID(term)
    except ValueError:
        names = [name for name in get_broker().get_declared_actors() if term.lower() in name]
        return tasks.filter(is_named | Q(actor__in=names))
    about = Task.objects.alias(first=FirstArgument("args")).filter(first=str(key))
    ids = newest(about, State.values, is_indexed=True).values_list("pk", flat=True)
    return tasks.filter(is_named | Q(pk=key) | Q(pk__in=list(ids[:1_000])))
