"""The faults that come from outside the processes; each waits until it would hit tasks in the state
it is made for.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pika
import psycopg
from pika.exceptions import AMQPError

from config.development.rabbitmq import RabbitmqError
from tests.faults.proxy import Mode, Proxy
from tests.faults.system import children

if TYPE_CHECKING:
    from tests.faults.campaign import Campaign

PENDING = "state IN ('queued', 'retrying', 'running')"
#: Longer than a lease, so that others take over what the stopped process held.
STOP_SECONDS = 6.0
PURGED_QUEUES = ("critical", "default", "notifications", "matching")
PURGE_SECONDS, PURGE_PAUSE_SECONDS = 0.5, 0.002


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One fault; `target` is what cannot suffer two at once, `seconds` how long it lasts."""

    name: str
    target: str = ""
    seconds: float = 0.0

    def begin(self, campaign: Campaign) -> bool:
        """Begin the fault; return False if no task is under way that it would hit."""
        raise NotImplementedError

    def heal(self, campaign: Campaign) -> None:
        """End the fault."""


@dataclass(frozen=True, kw_only=True)
class WorkerSignal(Injection):
    """SIGKILL or SIGSTOP to a worker process that runs a task."""

    signal: signal.Signals

    def begin(self, campaign: Campaign) -> bool:
        pid = campaign.busy_worker()
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            if self.signal == signal.SIGSTOP:
                campaign.crew.hold(pid, STOP_SECONDS)
            else:
                os.kill(pid, self.signal)
            return True
        return False


@dataclass(frozen=True, kw_only=True)
class WebSignal(Injection):
    """SIGKILL or SIGSTOP to a web process while a request is under way."""

    signal: signal.Signals

    def begin(self, campaign: Campaign) -> bool:
        victims = children(campaign.crew.pid("web") or 0)
        if not victims or campaign.clients is None or not campaign.clients.in_flight:
            return False
        pid = campaign.dice.choice(victims)
        with suppress(ProcessLookupError):
            if self.signal == signal.SIGSTOP:
                campaign.crew.hold(pid, STOP_SECONDS / 2)
            else:
                os.kill(pid, self.signal)
            return True
        return False


@dataclass(frozen=True, kw_only=True)
class SenderKill(Injection):
    """SIGKILL to a process that sends."""

    def begin(self, campaign: Campaign) -> bool:
        pid = campaign.crew.pid("sender")
        if pid is None or not campaign.truth.exists():
            return False
        os.kill(pid, signal.SIGKILL)
        return True


@dataclass(frozen=True, kw_only=True)
class RabbitmqKill(Injection):
    """The broker dies while tasks are in it; it may come back empty."""

    is_wiped: bool

    def begin(self, campaign: Campaign) -> bool:
        rabbitmq = campaign.servers.rabbitmq
        if not rabbitmq.answers() or not campaign.count(
            "state IN ('queued', 'retrying') AND publish_at IS NULL"
        ):
            return False
        campaign.servers.kill_rabbitmq(wipe=self.is_wiped)
        return True

    def heal(self, campaign: Campaign) -> None:
        campaign.servers.revive_rabbitmq()


@dataclass(frozen=True, kw_only=True)
class MemoryAlarm(Injection):
    """RabbitMQ takes no message until its memory alarm is over."""

    def begin(self, campaign: Campaign) -> bool:
        if not campaign.servers.rabbitmq.answers() or not campaign.count(PENDING):
            return False
        _set_watermark(campaign, "0.0001")
        return True

    def heal(self, campaign: Campaign) -> None:
        _set_watermark(campaign, "0.4")


def _set_watermark(campaign: Campaign, fraction: str) -> None:
    """Set the share of the machine's memory at which RabbitMQ's alarm goes off."""
    with suppress(RabbitmqError):  # it is away, and forgets the alarm by that
        campaign.servers.rabbitmq.rabbitmqctl("set_vm_memory_high_watermark", fraction)


@dataclass(frozen=True, kw_only=True)
class RabbitmqFrozen(Injection):
    """The broker stands still, its connections open."""

    def begin(self, campaign: Campaign) -> bool:
        if not campaign.servers.rabbitmq.answers() or not campaign.count(PENDING):
            return False
        campaign.servers.freeze_rabbitmq()
        return True

    def heal(self, campaign: Campaign) -> None:
        campaign.servers.thaw_rabbitmq()


@dataclass(frozen=True, kw_only=True)
class RabbitmqHalfAlive(Injection):
    """The broker lives on without its virtual host."""

    def begin(self, campaign: Campaign) -> bool:
        if not campaign.servers.rabbitmq.answers() or not campaign.count(PENDING):
            return False
        campaign.servers.fell_virtual_host()
        return True

    def heal(self, campaign: Campaign) -> None:
        campaign.servers.raise_virtual_host()


@dataclass(frozen=True, kw_only=True)
class RabbitmqPurge(Injection):
    """What waits in the broker is thrown away under load."""

    def begin(self, campaign: Campaign) -> bool:
        return purge(campaign.servers.rabbitmq.url, campaign.prefix, seconds=PURGE_SECONDS) > 0


def purge(url: str, prefix: str, *, seconds: float) -> int:
    """Throw away what waits in the queues of `prefix`, again and again; return how many
    messages.
    """
    purged, ends_at = 0, time.monotonic() + seconds
    with suppress(AMQPError, OSError), pika.BlockingConnection(pika.URLParameters(url)) as broker:
        channel = broker.channel()
        while time.monotonic() < ends_at:
            for queue in PURGED_QUEUES:
                purged += channel.queue_purge(f"{prefix}.{queue}.v1").method.message_count
            time.sleep(PURGE_PAUSE_SECONDS)
    return purged


@dataclass(frozen=True, kw_only=True)
class PostgresCrash(Injection):
    """PostgreSQL dies while tasks run."""

    is_killed: bool

    def begin(self, campaign: Campaign) -> bool:
        if not campaign.count("state = 'running'"):
            return False
        if self.is_killed:
            campaign.servers.kill_postgres()
        else:
            campaign.servers.postgres.stop("immediate")
        return True

    def heal(self, campaign: Campaign) -> None:
        campaign.servers.revive_postgres()


@dataclass(frozen=True, kw_only=True)
class DiskFull(Injection):
    """PostgreSQL's disk is full; it refuses to write, or dies of it."""

    def begin(self, campaign: Campaign) -> bool:
        if not campaign.count(PENDING):
            return False
        campaign.servers.disk.fill()
        return True

    def heal(self, campaign: Campaign) -> None:
        campaign.servers.disk.clear()
        campaign.servers.revive_postgres()


@dataclass(frozen=True, kw_only=True)
class NetworkFault(Injection):
    """The network between a worker and a server is bad."""

    mode: Mode

    def begin(self, campaign: Campaign) -> bool:
        if not self._proxy(campaign).connections or not campaign.count(PENDING):
            return False
        self._proxy(campaign).set_mode(self.mode)
        return True

    def heal(self, campaign: Campaign) -> None:
        self._proxy(campaign).set_mode("pass")

    def _proxy(self, campaign: Campaign) -> Proxy:
        return campaign.proxies[self.target]


def deck(dice: random.Random, *, weight: int, can_fill_disk: bool) -> list[Injection]:
    """Return the faults of one run, shuffled.

    `weight` 1 is the smallest deck that holds every kind.
    """
    modes: tuple[Mode, ...] = ("latency", "slow", "cut", "reset", "half_open")
    light = [
        WorkerSignal(name="SIGKILL worker", signal=signal.SIGKILL),
        WorkerSignal(name="SIGSTOP worker", signal=signal.SIGSTOP),
        WorkerSignal(name="SIGSTOP worker", signal=signal.SIGSTOP),
        WebSignal(name="SIGKILL web", signal=signal.SIGKILL),
        WebSignal(name="SIGSTOP web", signal=signal.SIGSTOP),
        SenderKill(name="SIGKILL sender"),
        *(
            NetworkFault(
                name=f"network to {server}: {mode}",
                target=server,
                mode=mode,
                seconds=2 + 4 * dice.random(),
            )
            for server in ("RabbitMQ", "PostgreSQL")
            for mode in modes
        ),
    ]
    heavy: list[Injection] = [
        RabbitmqKill(name="RabbitMQ killed", target="RabbitMQ server", seconds=1, is_wiped=False),
        RabbitmqKill(name="RabbitMQ wiped", target="RabbitMQ server", seconds=1, is_wiped=True),
        MemoryAlarm(name="RabbitMQ memory alarm", target="RabbitMQ server", seconds=4),
        RabbitmqFrozen(name="RabbitMQ frozen", target="RabbitMQ server", seconds=3),
        RabbitmqHalfAlive(name="RabbitMQ half alive", target="RabbitMQ server", seconds=3),
        RabbitmqPurge(name="RabbitMQ purged under load", target="RabbitMQ server"),
        PostgresCrash(
            name="PostgreSQL killed", target="PostgreSQL server", seconds=1, is_killed=True
        ),
        PostgresCrash(
            name="PostgreSQL stopped", target="PostgreSQL server", seconds=2, is_killed=False
        ),
    ]
    if can_fill_disk:
        heavy.append(DiskFull(name="PostgreSQL disk full", target="PostgreSQL server", seconds=3))
    cards = light * weight + heavy * max(1, weight // 2)
    dice.shuffle(cards)
    return cards


def begin_safely(injection: Injection, campaign: Campaign) -> bool:
    """Begin; while PostgreSQL cannot be asked what is under way, nothing is done."""
    try:
        return injection.begin(campaign)
    except psycopg.Error:
        return False
