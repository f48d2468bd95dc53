"""Health of the ledger and of RabbitMQ, for the health checks."""

from __future__ import annotations

from typing import Literal

import pika
from django.conf import settings
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from jobs.operations import overview

BrokerState = Literal["up", "down", "embedded"]


def ledger_lag() -> float:
    """Return for how many seconds the oldest due task has been waiting; 0.0 when none waits.

    Bulk work does not count, since it may wait.
    """
    return max((queue.oldest_seconds for queue in overview.queues()), default=0.0)


def broker_state() -> BrokerState:
    """Return whether a connection to RabbitMQ can be opened; without an answer after about 2 s."""
    if settings.JOBS_TRANSPORT == "embedded":
        return "embedded"
    parameters = pika.URLParameters(settings.RABBITMQ_URL)
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 1
    parameters.connection_attempts = 1
    try:
        pika.BlockingConnection(parameters).close()
    except (AMQPError, AMQPConnectorException, OSError):
        return "down"
    return "up"
