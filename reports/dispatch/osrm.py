"""Travel on streets, from a server with the table service of OSRM (its HTTP API, version 1)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings

from jobs.errors import OutboundError
from jobs.http.outbound import AnswerBroken, Bounds, Client, GuardedSession
from reports.dispatch.problem import Matrix
from reports.dispatch.travel import Place, Streets, great_circle

log = structlog.get_logger(__name__)

#: A table of a hundred places takes a server a fraction of a second.
BOUNDS = Bounds(silence_seconds=10, total_seconds=30, body_bytes=20_000_000)
GREAT_CIRCLE, OSRM = "great_circle", "osrm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """Seconds and metres between places, and where they come from.

    `estimated` pairs have no road at the server, and `fault` says why the server was not used:
    these are computed by the great circle.
    """

    seconds: Matrix
    metres: Matrix
    source: str
    fault: str = ""
    estimated: int = 0


def travel_between(places: Sequence[Place]) -> Travel:
    """Return the travel from each place to each: of the server if it answers, else estimated.

    No transaction may be open, since it waits for another machine.
    """
    streets = Streets(factor=settings.DISPATCH_STREET_FACTOR, kmh=settings.DISPATCH_SPEED_KMH)
    seconds, metres = great_circle(places, streets)
    if not settings.DISPATCH_OSRM_URL or len(places) < 2:
        return Travel(seconds=seconds, metres=metres, source=GREAT_CIRCLE)
    try:
        estimated = _put_in_streets(places, seconds, metres)
    except OutboundError as error:
        log.warning("dispatch_osrm_unavailable", error=type(error).__name__)
        seconds, metres = great_circle(places, streets)
        return Travel(seconds=seconds, metres=metres, source=GREAT_CIRCLE, fault=str(error))
    return Travel(seconds=seconds, metres=metres, source=OSRM, estimated=estimated)


def _put_in_streets(places: Sequence[Place], seconds: Matrix, metres: Matrix) -> int:
    """Replace the estimates by the server's figures; return how many pairs it has no road for.

    Raises:
        OutboundError: the server does not answer, or with no table.
    """
    session = GuardedSession(user_agent=settings.COLLECTION_USER_AGENT, bounds=BOUNDS)
    missing = 0
    with Client(session) as client:
        for starts, ends in _blocks(len(places), settings.DISPATCH_OSRM_PLACES // 2):
            durations, distances = _table(client, places, starts, ends)
            for row, start in enumerate(starts):
                for column, end in enumerate(ends):
                    duration, distance = durations[row][column], distances[row][column]
                    if duration is None or distance is None:
                        missing += 1
                    else:
                        seconds[start][end], metres[start][end] = duration, distance
    return missing


def _blocks(count: int, size: int) -> Iterator[tuple[range, range]]:
    """Yield the blocks of a table, each of so few places that the server takes it."""
    parts = [range(begin, min(begin + size, count)) for begin in range(0, count, size)]
    for starts in parts:
        for ends in parts:
            yield starts, ends


def _table(
    client: Client, places: Sequence[Place], starts: range, ends: range
) -> tuple[list[list[int | None]], list[list[int | None]]]:
    """Ask for one block; return its seconds and metres, None where there is no road.

    Raises:
        OutboundError: there is no such answer.
    """
    listed = [places[number] for number in (*starts, *ends)]
    names = ";".join(f"{longitude:.6f},{latitude:.6f}" for latitude, longitude in listed)
    first, second = range(len(starts)), range(len(starts), len(listed))
    answer = client.get(
        f"{settings.DISPATCH_OSRM_URL}/table/v1/driving/{names}",
        parameters={
            "annotations": "duration,distance",
            "sources": ";".join(map(str, first)),
            "destinations": ";".join(map(str, second)),
        },
    )
    try:
        table = json.loads(answer.content)
        durations = _rows(table["durations"], len(starts), len(ends))
        distances = _rows(table["distances"], len(starts), len(ends))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise AnswerBroken("The server of travel times answered with no table.") from error
    return durations, distances


def _rows(table: Any, height: int, width: int) -> list[list[int | None]]:
    rows = [[_whole(value) for value in row] for row in table]
    if len(rows) != height or any(len(row) != width for row in rows):
        raise ValueError("It is of another size.")
    return rows


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number) or not 0 <= number < 10**8:
        raise ValueError("It is no travel.")
    return round(number)
