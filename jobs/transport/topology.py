"""The queues that CivicLens declares in RabbitMQ, and how it connects.

Physical names carry a version, because a queue cannot be declared again with other arguments (406
PRECONDITION_FAILED); everywhere else a queue goes by its logical name.
"""

from __future__ import annotations

from typing import Any

import pika
from django.conf import settings

VERSION = 1
#: RabbitMQ's dead letters are only a copy for its own tools, bounded in number and age: the ledger
#: keeps the dead tasks.
DEAD_LETTERS_MAXIMUM = 10_000
DEAD_LETTERS_LIFETIME_MS = 7 * 24 * 3600 * 1000


def physical_name(queue: str) -> str:
    """Return the name in RabbitMQ of the logical `queue`."""
    return f"{settings.JOBS_QUEUE_PREFIX}.{queue}.v{VERSION}"


def dead_letter_name(queue: str) -> str:
    """Return the name in RabbitMQ of the dead-letter queue of the logical `queue`."""
    return physical_name(queue) + ".XQ"


def queue_arguments(queue: str) -> dict[str, Any]:
    """Return the arguments with which to declare the logical `queue`."""
    return {
        "x-queue-type": settings.JOBS_QUEUE_TYPE,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_letter_name(queue),
    }


def dead_letter_arguments() -> dict[str, Any]:
    """Return the arguments with which to declare a dead-letter queue."""
    return {
        "x-queue-type": settings.JOBS_QUEUE_TYPE,
        "x-max-length": DEAD_LETTERS_MAXIMUM,
        "x-message-ttl": DEAD_LETTERS_LIFETIME_MS,
    }


def connection_parameters(url: str) -> pika.URLParameters:
    """Return the parameters for a connection to `url`, with short timeouts.

    They let the process notice within seconds that RabbitMQ is gone, even if the network reports
    nothing. Query parameters in the URL win.
    """
    parameters = pika.URLParameters(url)
    if "heartbeat=" not in url:
        parameters.heartbeat = 10
    if "blocked_connection_timeout=" not in url:
        parameters.blocked_connection_timeout = 60
    if "socket_timeout=" not in url:
        parameters.socket_timeout = 5
    if "stack_timeout=" not in url:
        parameters.stack_timeout = 10
    parameters.client_properties = {"connection_name": "civiclens"}
    return parameters
