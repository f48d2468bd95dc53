"""Run the tasks that are due in a queue beyond those that messages bring.

A message stands for one task and wakes one worker thread. While more tasks are due than messages
wait, worker threads take tasks straight from the ledger: short ones in bundles, others one by one.
So a backlog needs no publishing and no marking, and the order is decided at the moment of the
claim.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from queue import Queue
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from dramatiq import MessageProxy, get_broker

from jobs.execution import attempts, bundles
from jobs.execution.policy import DeclaredActor
from jobs.process import process_id
from jobs.states import State

#: How many threads of a process run bundles at once; more would wait for each other's locks and for
#: the interpreter.
BUNDLE_THREADS = 2
#: The pause after a look at a queue that found no task. It doubles with each such look, up to the
#: maximum, and is short while messages wait. A due task without a message waits no longer for that:
#: `jobs.transport.feeder.StandIn` takes it.
PAUSE_SECONDS, PAUSE_MAXIMUM_SECONDS = 0.005, 0.1
#: How many succeeded tasks are remembered, to recognise messages that come after their task.
FINISHED_TASKS = 20_000


class Backlog:
    """The due tasks of the queues that a worker process serves, shared by its threads."""

    def __init__(self, messages: Queue[Any] | None = None, *, threads: int = 0) -> None:
        self._messages = messages
        self._threads = threads
        self._busy_threads = 0
        self._lock = threading.Lock()
        self._is_ending = False
        self._bundling = threading.BoundedSemaphore(BUNDLE_THREADS)
        self._behind: set[str] = set()  # queues in which the last look found something
        self._last_look: dict[str, float] = {}  # in vain, and how long to pause after it
        self._pauses: dict[str, float] = {}
        self._finished = _Finished()

    def begin_message(self) -> None:
        """Count the calling thread as busy until it calls `end_message`."""
        with self._lock:
            self._busy_threads += 1

    def end_message(self) -> None:
        """Count the calling thread as free again."""
        with self._lock:
            self._busy_threads -= 1

    def free_threads(self) -> int:
        """Return how many threads have neither a task nor a waiting message."""
        waiting = self._messages.qsize() if self._messages is not None else 0
        return self._threads - self._busy_threads - waiting

    def end(self) -> None:
        """Stop taking tasks."""
        self._is_ending = True

    def has_finished(self, task_id: UUID) -> bool:
        """Return whether the task is known to have succeeded in this process.

        A message about it then needs no look into the ledger.
        """
        return task_id in self._finished

    def run_message(self, actor: DeclaredActor, message: MessageProxy) -> None:
        """Run the task of `message`, in a bundle with others while its queue has a backlog.

        If the task dies, the message goes to RabbitMQ's dead letters.
        """
        task_id, queue = UUID(message.message_id), actor.queue_name
        if self.has_finished(task_id):
            return
        short = bundles.short_actors(queue) if self._is_behind(queue) else []
        if actor.actor_name in short and task_id in self._run_bundle(queue, short, task_id):
            return
        state, _ = attempts.run(actor, task_id, process_id())
        if state == State.DEAD:
            message.fail()

    def work_off(self, queue: str) -> None:
        """Run due tasks of `queue` while it has a backlog and no message waits for this thread."""
        while not self._is_ending and self._is_time_to_look(queue):
            try:
                is_behind = (
                    queue in self._behind or bundles.is_any_unclaimed(queue)
                ) and self._run_next(queue)
            except (OperationalError, InterfaceError):
                connection.close()
                is_behind = False
            if not is_behind:
                self._behind.discard(queue)
                self._note_vain_look(queue)
                return
            self._behind.add(queue)
            self._pauses.pop(queue, None)
            if self._has_messages():
                return

    def _is_time_to_look(self, queue: str) -> bool:
        pause = PAUSE_SECONDS if self._has_messages() else self._pauses.get(queue, PAUSE_SECONDS)
        return time.monotonic() > self._last_look.get(queue, 0.0) + pause

    def _note_vain_look(self, queue: str) -> None:
        pause = self._pauses.get(queue, PAUSE_SECONDS / 2)
        self._pauses[queue] = min(2 * pause, PAUSE_MAXIMUM_SECONDS)
        self._last_look[queue] = time.monotonic()

    def _is_behind(self, queue: str) -> bool:
        return queue in self._behind or self._has_messages()

    def _has_messages(self) -> bool:
        return self._messages is not None and not self._messages.empty()

    def _run_next(self, queue: str) -> bool:
        """Run a bundle of short tasks, or else one other task; return whether there was any.

        While messages wait, other tasks are left to the messages.
        """
        short = bundles.short_actors(queue)
        if short and self._run_bundle(queue, short):
            return True
        return not self._has_messages() and self._run_single(queue, short)

    def _run_single(self, queue: str, short: list[str]) -> bool:
        known = [name for name, actor in get_broker().actors.items() if actor.queue_name == queue]
        claims = bundles.claim_one(queue, [name for name in known if name not in short])
        for claim in claims:
            state, _ = attempts.run_claimed(attempts.actor_named(claim.actor), claim)
            self._finished.add([claim.id] if state == State.SUCCEEDED else [])
        return bool(claims)

    def _run_bundle(self, queue: str, short: list[str], first: UUID | None = None) -> list[UUID]:
        """Run a bundle, with the task `first` in it where that is due; return its tasks' ids."""
        with self._bundling:
            claims = bundles.claim(queue, short, first=first)
            self._finished.add(bundles.run(claims))
        return [claim.id for claim in claims]


class _Finished:
    """The ids of the last FINISHED_TASKS tasks that succeeded."""

    def __init__(self) -> None:
        self._ids: set[UUID] = set()
        self._order: deque[UUID] = deque()
        self._lock = threading.Lock()

    def __contains__(self, task_id: UUID) -> bool:
        return task_id in self._ids

    def add(self, task_ids: Iterable[UUID]) -> None:
        with self._lock:
            for task_id in task_ids:
                self._ids.add(task_id)
                self._order.append(task_id)
            while len(self._order) > FINISHED_TASKS:
                self._ids.discard(self._order.popleft())


_backlog = Backlog()


def begin(messages: Queue[Any], *, threads: int) -> Backlog:
    """Make this process a worker with so many `threads`; `messages` holds those not yet taken."""
    global _backlog  # noqa: PLW0603 - one a process
    _backlog = Backlog(messages, threads=threads)
    return _backlog


def current() -> Backlog:
    """Return this process's backlog; in a process that is no worker it never has messages."""
    return _backlog
