"""Policies in words, for people."""

from __future__ import annotations

from collections.abc import Iterator

from reports.policies.rules import Rules


def sentences(rules: Rules) -> list[str]:
    """Return what a policy says, a sentence for each rule."""
    return [*_order(rules), *_weights(rules), *_advice(rules)]


def _order(rules: Rules) -> Iterator[str]:
    match rules.deadline_share:
        case 0:
            yield "Reports are taken up in the order of their arrival."
        case 1:
            yield "Reports are taken up in the order of their deadlines."
        case share:
            yield f"The deadline counts {share:.0%}, the time of arrival {1 - share:.0%}."


def _weights(rules: Rules) -> Iterator[str]:
    if rules.urgent_from:
        yield f"Reports of {rules.urgent_from} severity or above come before all others."
    if rules.severity_hours:
        yield f"A step of severity counts as {rules.severity_hours:g} hours of waiting."
    if rules.neighbour_hours:
        yield f"Twice as many neighbours count as {rules.neighbour_hours:g} hours of waiting."
    if rules.escalate_after_hours is not None and rules.escalation_hours:
        yield (
            f"A report that is {rules.escalate_after_hours:g} hours late counts as"
            f" {rules.escalation_hours:g} hours older."
        )


def _advice(rules: Rules) -> Iterator[str]:
    if rules.crew_shift:
        yield f"Advice: move crews {rules.crew_shift:.0%} of the way to a split by the work."
    if rules.help_above is not None:
        yield (
            f"Advice: idle crews help a department in which more than {rules.help_above:g} reports"
            " wait for each crew."
        )
