"""Connect Dramatiq's worker with the ledger: what happens before and after each message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from dramatiq import Broker, MessageProxy, Middleware, Worker

from jobs.execution import backlog, current
from jobs.failpoints import failpoint
from jobs.ledger.database import limit_transactions_by_default, persistently
from jobs.process import process_id
from jobs.transport.brokers import LedgerBroker, RabbitmqLedgerBroker
from jobs.transport.publisher import publisher
from jobs.worker import warming
from jobs.worker.bulk import BulkThreads
from jobs.worker.heartbeat import beat
from jobs.worker.upkeep import Upkeep


class LedgerMiddleware(Middleware):
    """Passes each message to the actor's wrapper and runs the other duties of a worker process."""

    def __init__(self) -> None:
        self._upkeep: Upkeep | None = None
        self._bulk: BulkThreads | None = None

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Remember `message` for the call of its actor that follows in this thread."""
        backlog.current().begin_message()
        current.deliver(message)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Forget the message of this thread."""
        current.deliver(None)

    def before_ack(self, broker: Broker, message: MessageProxy) -> None:
        """Pass the fail point between the outcome in the ledger and RabbitMQ's acknowledgement."""
        failpoint("before_ack", message.message_id)

    def after_ack(self, broker: Broker, message: MessageProxy) -> None:
        """Run further due tasks of the queue before the thread takes its next message."""
        try:
            backlog.current().work_off(message.queue_name)
        finally:
            backlog.current().end_message()

    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        """Count the thread as free again, after a message whose task is dead."""
        backlog.current().end_message()

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Register the process and set up its connections before its threads begin.

        Other processes would take a worker that is not registered for lost.
        """
        database = connections.settings["default"]
        # A statement that fails for a lost connection is repeated; testing the connection before
        # each statement would cost one more.
        database["CONN_HEALTH_CHECKS"] = False
        limit_transactions_by_default(
            database, timedelta(seconds=settings.JOBS_TRANSACTION_TIMEOUT_SECONDS)
        )
        workers_backlog = backlog.begin(worker.work_queue, threads=worker.worker_threads)
        warming.prepare(_queues(worker))
        persistently(
            lambda: beat(process_id(), queues=_queues(worker), threads=worker.worker_threads)
        )
        if isinstance(broker, RabbitmqLedgerBroker):
            broker.feeder.begin(workers_backlog.free_threads)

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Start the loops of the process and its threads for bulk work."""
        self._upkeep = Upkeep(queues=_queues(worker), threads=worker.worker_threads)
        self._upkeep.start()
        self._bulk = BulkThreads(_queues(worker), worker.worker_threads, worker.work_queue)
        self._bulk.start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Begin no new tasks."""
        backlog.current().end()
        if self._bulk is not None:
            self._bulk.end()
        if isinstance(broker, LedgerBroker):
            broker.feeder.stop()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Stop the loops and record that the process has ended."""
        if self._bulk is not None:
            self._bulk.join()
        if self._upkeep is not None:
            self._upkeep.stop()
        if settings.JOBS_TRANSPORT == "rabbitmq":
            publisher().stop()


def _queues(worker: Worker) -> list[str]:
    return sorted(worker.consumer_whitelist or settings.JOBS_QUEUES)
