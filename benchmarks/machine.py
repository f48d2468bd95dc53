"""On what the figures were measured."""

from __future__ import annotations

import os
import platform
from typing import Any

import psycopg

from config.development.rabbitmq import RabbitmqNode


def describe(database: psycopg.Connection[Any], broker: RabbitmqNode) -> dict[str, Any]:
    """Cores, memory, versions, and how busy the machine is before anything is measured."""
    [version] = database.execute("SHOW server_version").fetchone() or ("",)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "postgres": version,
        "rabbitmq": broker.rabbitmqctl("version").strip(),
        "load_average_at_start": [round(load, 2) for load in os.getloadavg()],
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
