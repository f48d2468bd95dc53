"""The round that escalates reports: rule by rule, in batches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from reports.escalation import informing, stages
from reports.models import EscalationRule


def escalate(in_transaction: Callable[[], AbstractContextManager[object]]) -> int:
    """Inform those responsible for every report that has reached a stage.

    Return how many stages were reached. Each batch is a transaction, which `in_transaction` begins
    and ends.
    """
    count = 0
    for rule in EscalationRule.objects.filter(is_active=True).select_related("department"):
        while True:
            with in_transaction():
                reached = stages.reach(rule)
                for escalation in reached:
                    informing.inform(escalation, rule)
            count += len(reached)
            if len(reached) < stages.BATCH_REPORTS:
                break
    return count
