"""Where Dramatiq's worker tells the ledger what it is about to do. It only observes."""

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
    """Hands each message to its actor's wrapper and keeps the process's upkeep running."""

    def __init__(self) -> None:
        self._upkeep: Upkeep | None = None
        self._bulk: BulkThreads | None = None

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """The worker thread's next call of an actor is for `message`."""
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
        """No message is under way in this thread any more."""
        current.deliver(None)

    def before_ack(self, broker: Broker, message: MessageProxy) -> None:
        """The outcome is in the ledger; RabbitMQ does not know yet that the message is done."""
        failpoint("before_ack", message.message_id)

    def after_ack(self, broker: Broker, message: MessageProxy) -> None:
        """A worker thread between two messages helps with what waits behind them."""
        try:
            backlog.current().work_off(message.queue_name)
        finally:
            backlog.current().end_message()

    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        """A worker thread is through with a message whose task is dead."""
        backlog.current().end_message()

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Before its threads begin, the process is known to the ledger, and its connections are set
        up.

        What a process runs that the ledger does not know, others take for lost.
        """
        database = connections.settings["default"]
        # The ledger's own statements are repeated when a connection is gone; asking first would
        # cost one each.
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
        """The loops of the process run, and its threads for bulk work."""
        self._upkeep = Upkeep(queues=_queues(worker), threads=worker.worker_threads)
        self._upkeep.start()
        self._bulk = BulkThreads(_queues(worker), worker.worker_threads, worker.work_queue)
        self._bulk.start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Nothing new is begun."""
        backlog.current().end()
        if self._bulk is not None:
            self._bulk.end()
        if isinstance(broker, LedgerBroker):
            broker.feeder.stop()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """What this process still holds may be rescued at once."""
        if self._bulk is not None:
            self._bulk.join()
        if self._upkeep is not None:
            self._upkeep.stop()
        if settings.JOBS_TRANSPORT == "rabbitmq":
            publisher().stop()


def _queues(worker: Worker) -> list[str]:
    return sorted(worker.consumer_whitelist or settings.JOBS_QUEUES)
