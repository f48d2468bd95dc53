"""The order of the rules of routing: the first rule that holds decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from accounts import audit
from accounts.models import User
from jobs.failpoints import failpoint
from jobs.ledger.database import execute
from reports.errors import RulesChanged
from reports.models import RoutingRule

ORDER = ("position", "id")


def fingerprint() -> str:
    """Return a digest of all rules with their order; any change of them makes it another one."""
    rows = list(RoutingRule.objects.order_by(*ORDER).values_list())
    return hashlib.sha256(json.dumps(rows, cls=DjangoJSONEncoder).encode()).hexdigest()


@transaction.atomic
def reorder(rule_ids: Sequence[int], *, seen: str, by: User) -> bool:
    """Give all rules the positions 1, 2, 3 … in this order; return whether it differed.

    `seen` is the fingerprint of the rules as the person read them.

    Raises:
        RulesChanged: somebody has added, changed or deleted a rule since, or the ids are not those
            of all rules.
    """
    # Whoever adds, changes or deletes a rule has finished by then, or waits.
    execute("LOCK TABLE reports_routingrule IN SHARE ROW EXCLUSIVE MODE", ())
    rules = list(RoutingRule.objects.order_by(*ORDER))
    by_id = {rule.pk: rule for rule in rules}
    if seen != fingerprint() or sorted(rule_ids) != sorted(by_id):
        raise RulesChanged
    if list(rule_ids) == [rule.pk for rule in rules]:
        return False
    for position, rule_id in enumerate(rule_ids, start=1):
        by_id[rule_id].position = position
    RoutingRule.objects.bulk_update(rules, ["position"])
    failpoint("rules_reordered")
    audit.record(
        "routingrule.reordered",
        actor_id=by.pk,
        subject="routingrules",
        data={
            "before": [rule.name for rule in rules],
            "after": [by_id[rule_id].name for rule_id in rule_ids],
        },
    )
    return True


def moved(rule_ids: Sequence[int], rule_id: int, *, by: int) -> list[int]:
    """Return the ids with one of them moved by so many places, as far as there are places."""
    others = [other_id for other_id in rule_ids if other_id != rule_id]
    place = min(max(list(rule_ids).index(rule_id) + by, 0), len(others))
    return [*others[:place], rule_id, *others[place:]]
