"""What a policy of triage says: the order in which waiting reports are taken up.

A report's place in the queue is a time: the earlier, the sooner it is taken up. By a policy without
weights it is the time of its arrival. Weights are in hours: with `severity_hours` of 24, a report
of high severity stands where one of medium severity stands that came a day before it. So waiting
always counts, the place does not change while time passes, and it can be stored and indexed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

#: Severities from the lowest to the highest; a report holds the position of its own.
SEVERITIES = ("low", "medium", "high", "critical")
MEDIUM = SEVERITIES.index("medium")
#: What an hour of waiting counts by severity, where hours are summed up.
SEVERITY_WEIGHTS = (1.0, 2.0, 4.0, 8.0)
#: By how many hours what is urgent comes first: more than any history has.
URGENT_HOURS = 1_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The parameters of a policy. The defaults take reports in the order of their arrival.

    Attributes:
        deadline_share: 0: the arrival counts; 1: the deadline; between: both by this share.
        severity_hours: how many hours a step of severity counts.
        neighbour_hours: how many hours it counts when twice as many people have the problem.
        urgent_from: reports of this severity or above come before all others; "": none do.
        escalate_after_hours: how long after its deadline a report is escalated; None: never.
        escalation_hours: how many hours that counts.
        crew_shift: 0: crews stay where they are; 1: they are split as the work is.
        help_above: from how many waiting reports per crew idle crews of other departments help;
            None: they never do.
    """

    deadline_share: float = 0.0
    severity_hours: float = 0.0
    neighbour_hours: float = 0.0
    urgent_from: str = ""
    escalate_after_hours: float | None = None
    escalation_hours: float = 0.0
    crew_shift: float = 0.0
    help_above: float | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Rules:
        """Return the rules that `as_json` has written; parameters of other versions are ignored."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in names})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def urgent_rank(self) -> int:
        """Return the position of the lowest severity that is urgent; above all if none is."""
        return SEVERITIES.index(self.urgent_from) if self.urgent_from else len(SEVERITIES)

    def place(self, at: float, severity: int, due: float, neighbours: int) -> float:
        """Return the place in the queue of a report that is not escalated.

        Args:
            at: when it came, in hours.
            severity: its position in SEVERITIES.
            due: its deadline, in hours.
            neighbours: how many people said that they have the problem too.
        """
        place = at + self.deadline_share * (due - at) - self.severity_hours * (severity - MEDIUM)
        if neighbours and self.neighbour_hours:
            place -= self.neighbour_hours * math.log2(1 + neighbours)
        return place - URGENT_HOURS if severity >= self.urgent_rank else place

    def escalates_at(self, due: float) -> float:
        """Return when a report with this deadline is escalated; infinity if never."""
        if self.escalate_after_hours is None or not self.escalation_hours:
            return math.inf
        return due + self.escalate_after_hours


#: The two policies with which every other is compared.
BY_ARRIVAL, BY_DEADLINE = Rules(), Rules(deadline_share=1.0)
