"""How the ledger and its broker are doing."""

from __future__ import annotations

from typing import Literal

import pika
from django.conf import settings
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from jobs.operations import overview

BrokerState = Literal["up", "down", "embedded"]


def ledger_lag() -> float:
    """Return the seconds for which the oldest due task has been waiting for a worker; 0.0 when none
    waits.
    """
    return max((queue.oldest_seconds for queue in overview.queues()), default=0.0)


def broker_state() -> BrokerState:
    """Open and close a connection to RabbitMQ; takes some 2 seconds at most when it does not
    answer.
    """
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
