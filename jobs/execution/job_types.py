"""Job types: computations that people may start through the API. Each is an actor with a contract.

@jobs.job_type("reports.hotspots", payload=HotspotsPayloadSerializer, result=HotspotsSerializer)
@jobs.actor(kind="long", queue_name="analytics")
def find_hotspots(*, bbox: str, days: int) -> dict[str, object]: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from jobs.execution.declaration import LedgerActor

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import Q
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer
    from rest_framework.views import APIView

    from jobs.http.payloads import PayloadSerializer
    from jobs.models import JobResult

A = TypeVar("A", bound=LedgerActor[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The number of jobs of one type that a person may have under way, and start within an hour."""

    active_per_user: int = 3
    per_hour: int = 30


@dataclass(frozen=True, slots=True)
class JobType:
    """An actor with the contract under which people may start it."""

    name: str
    actor: LedgerActor[..., Any]
    payload: type[PayloadSerializer]
    result: type[BaseSerializer[Any]]
    permission: type[BasePermission] | None = None
    limits: Limits = field(default_factory=Limits)
    code_version: str = "1"
    rows: Callable[[JobResult], Iterable[dict[str, Any]]] | None = None
    shared_with: Callable[[AbstractBaseUser | AnonymousUser], Q] | None = None

    @property
    def description(self) -> str:
        """Return the actor's docstring, which the API shows to people."""
        return inspect.getdoc(self.actor.fn) or ""

    def may_be_started(self, request: Request, view: APIView) -> bool:
        """Return whether the person who asks may start jobs of this type."""
        return self.permission is None or self.permission().has_permission(request, view)


_types: dict[str, JobType] = {}


def job_type(
    name: str,
    *,
    payload: type[PayloadSerializer],
    result: type[BaseSerializer[Any]],
    permission: type[BasePermission] | None = None,
    limits: Limits | None = None,
    code_version: str = "1",
    rows: Callable[[JobResult], Iterable[dict[str, Any]]] | None = None,
    shared_with: Callable[[AbstractBaseUser | AnonymousUser], Q] | None = None,
) -> Callable[[A], A]:
    """Declare an actor as a job type, which people may start through the API.

    Clients rely on the name; they see the actor's docstring as the description.

    Args:
        payload: the serializer that validates what the client sends and refuses unknown fields; the
            actor gets its JSON as keyword arguments.
        result: the serializer of what the actor returns; only the fields it names are shown.
        permission: the permission needed to start it, beside being signed in.
        limits: how many jobs of the type a person may have under way, and start within an hour.
        code_version: raised whenever the same inputs may give another result; kept results have it.
        rows: the flat rows of a kept result, which are exported. A row with `geometry` (GeoJSON),
            or with `latitude` and `longitude`, lies on the map. Without it the result is one row.
        shared_with: the condition on kept results (`jobs.models.JobResult`) under which a person
            may read them beside their own, such as those of the schedule. Without it none.

    Raises:
        ValueError: a type of that name exists.
    """

    def register(actor: A) -> A:
        bounds = limits or Limits()
        _register(
            JobType(
                name, actor, payload, result, permission, bounds, code_version, rows, shared_with
            )
        )
        return actor

    return register


def _register(new: JobType) -> None:
    if new.name in _types:
        raise ValueError(f"A job type {new.name!r} exists: {_types[new.name].actor.actor_name}.")
    _types[new.name] = new


def find(name: str) -> JobType | None:
    """Return the job type of that name, or None."""
    return _types.get(name)


def of_actor(actor_name: str) -> JobType | None:
    """Return the job type that the actor computes, or None."""
    for known in _types.values():
        if known.actor.actor_name == actor_name:
            return known
    return None


def every() -> list[JobType]:
    """Return all job types, sorted by name."""
    return sorted(_types.values(), key=lambda known: known.name)
