"""What CivicLens declares in RabbitMQ.

Physical names carry a version, because a queue cannot be declared again with other arguments (406
PRECONDITION_FAILED); everywhere else a queue goes by its logical name.
"""

from __future__ import annotations

from typing import Any

import pika
from django.conf import settings

VERSION = 1
#: Dead letters are mirrored for broker tools only; the ledger keeps them. Bounded in number and
#: age.
DEAD_LETTERS_MAXIMUM = 10_000
DEAD_LETTERS_LIFETIME_MS = 7 * 24 * 3600 * 1000


def physical_name(queue: str) -> str:
    """The name in RabbitMQ of the logical `queue`."""
    return f"{settings.JOBS_QUEUE_PREFIX}.{queue}.v{VERSION}"


def dead_letter_name(queue: str) -> str:
    """The name in RabbitMQ of the dead letters of the logical `queue`."""
    return physical_name(queue) + ".XQ"


def queue_arguments(queue: str) -> dict[str, Any]:
    """The arguments with which the logical `queue` is declared."""
    return {
        "x-queue-type": settings.JOBS_QUEUE_TYPE,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_letter_name(queue),
    }


def dead_letter_arguments() -> dict[str, Any]:
    """The arguments with which dead-letter queues are declared."""
    return {
        "x-queue-type": settings.JOBS_QUEUE_TYPE,
        "x-max-length": DEAD_LETTERS_MAXIMUM,
        "x-message-ttl": DEAD_LETTERS_LIFETIME_MS,
    }


def connection_parameters(url: str) -> pika.URLParameters:
    """How to connect to `url`: a peer that is gone is noticed within seconds, whatever the network
    says.

    Query parameters in the URL win.
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
