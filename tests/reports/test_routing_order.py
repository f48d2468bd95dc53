"""The order of the rules of routing, as staff change it at the desk."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client

from accounts.models import AuditEvent, User
from jobs import failpoints
from jobs.failpoints import Plan, ThreadKilled
from reports.errors import RulesChanged
from reports.models import RoutingRule
from reports.routing import ordering, rules
from tests.reports.desk import signed_in
from tests.reports.factories import make_department, make_rule, make_staff, make_user
from tests.reports.racing import in_a_thread, wait_until_blocked

pytestmark = pytest.mark.django_db
ORDER = "/admin/reports/routingrule/order/"


@pytest.fixture
def boss() -> User:
    return make_staff(is_superuser=True)


@pytest.fixture
def three() -> list[int]:
    """The ids of three rules, in their order; positions have gaps, as after deletions."""
    parks = make_department("parks")
    return [
        make_rule(name, position=position, department=parks).pk
        for name, position in (("First", 3), ("Second", 7), ("Third", 7))
    ]


@pytest.fixture
def desk(boss: User) -> Client:
    return signed_in(boss)


def names() -> list[str]:
    return [rule.row.name for rule in rules.read().rules]


def seen_on(page: Any) -> str:
    match = re.search(r'name="seen" value="([0-9a-f]{64})"', page.content.decode())
    assert match is not None
    return match.group(1)


def test_a_new_order_is_what_rules_are_tried_in(desk: Client, boss: User, three: list[int]) -> None:
    page = desk.get(ORDER)
    assert [
        int(one) for one in re.findall(r'name="rule" value="(\d+)"', page.content.decode())
    ] == three
    assert "Every report → to Parks" in page.content.decode()
    before = rules.current(rules.revision()).rules
    sent = {"seen": seen_on(page), "rule": [three[2], three[0], three[1]]}
    answer = desk.post(ORDER, sent, follow=True)
    assert "The rules are tried in this order now." in answer.content.decode()
    assert names() == ["Third", "First", "Second"]
    assert list(RoutingRule.objects.values_list("position", flat=True)) == [1, 2, 3]
    assert rules.current(rules.revision()).rules != before  # every worker notices
    event = AuditEvent.objects.get(event="routingrule.reordered")
    assert event.actor_id == boss.pk
    assert event.data == {
        "before": ["First", "Second", "Third"],
        "after": ["Third", "First", "Second"],
    }


@pytest.mark.parametrize(
    ("move", "order"),
    [
        ("down:0", ["Second", "First", "Third"]),
        ("up:2", ["First", "Third", "Second"]),
        ("up:0", ["First", "Second", "Third"]),
        ("down:2", ["First", "Second", "Third"]),
    ],
)
def test_a_button_moves_a_rule_without_scripts(
    desk: Client, three: list[int], move: str, order: list[str]
) -> None:
    way, _, index = move.partition(":")
    page = desk.get(ORDER)
    assert f'value="{way}:{three[int(index)]}"' in page.content.decode()
    sent = {"seen": seen_on(page), "rule": three, "move": f"{way}:{three[int(index)]}"}
    assert desk.post(ORDER, sent).status_code == 302
    assert names() == order
    is_same = order == ["First", "Second", "Third"]
    assert AuditEvent.objects.filter(event="routingrule.reordered").count() == (not is_same)


def test_an_order_of_rules_that_have_changed_is_refused(desk: Client, three: list[int]) -> None:
    for change in (
        lambda: RoutingRule.objects.filter(pk=three[0]).update(name="Renamed"),
        lambda: make_rule("Fourth", department=make_department()),
        lambda: RoutingRule.objects.get(name="Fourth").delete(),
        lambda: RoutingRule.objects.filter(pk=three[2]).update(position=1),
    ):
        seen = seen_on(desk.get(ORDER))
        change()
        before = names()
        answer = desk.post(ORDER, {"seen": seen, "rule": three[::-1]}, follow=True)
        assert "Somebody has changed the rules meanwhile" in answer.content.decode()
        assert names() == before


@pytest.mark.parametrize(
    "broken",
    [
        {"rule": []},
        {"rule": ["x"]},
        {"rule": ["-1"]},
        {"rule": ["9" * 30]},
        {"seen": "x" * 65},
        {"move": "sideways:1"},
        {"move": "up:99999"},
    ],
)
def test_nonsense_changes_nothing(desk: Client, three: list[int], broken: Any) -> None:
    sent = {"seen": seen_on(desk.get(ORDER)), "rule": three[::-1]} | broken
    page = desk.post(ORDER, sent, follow=True).content.decode()
    assert "Send the rules in their new order." in page or "meanwhile" in page
    assert names() == ["First", "Second", "Third"]


def test_a_part_of_the_rules_or_one_twice_is_no_order(desk: Client, three: list[int]) -> None:
    for ids in (three[:2], [three[0], three[0], three[1]], [*three, three[0]]):
        sent = {"seen": seen_on(desk.get(ORDER)), "rule": ids}
        assert "meanwhile" in desk.post(ORDER, sent, follow=True).content.decode()
    assert names() == ["First", "Second", "Third"]


def test_only_those_who_may_change_rules_order_them(three: list[int]) -> None:
    clerk = make_staff(make_department())
    clerk.user_permissions.add(Permission.objects.get(codename="view_routingrule"))
    sent = {"seen": ordering.fingerprint(), "rule": three[::-1]}
    assert signed_in(clerk).post(ORDER, sent).status_code == 403
    assert signed_in(make_user()).post(ORDER, sent).status_code == 302  # to the sign-in
    assert names() == ["First", "Second", "Third"]
    clerk.user_permissions.add(Permission.objects.get(codename="change_routingrule"))
    signed_in(User.objects.get(pk=clerk.pk)).post(ORDER, sent)
    assert names() == ["Third", "Second", "First"]


@pytest.mark.django_db(transaction=True)
def test_of_two_orders_at_once_the_second_is_refused(boss: User, three: list[int]) -> None:
    seen = ordering.fingerprint()
    reverse = partial(ordering.reorder, three[::-1], seen=seen, by=boss)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            ordering.reorder([three[1], three[0], three[2]], seen=seen, by=boss)
            second = threads.submit(in_a_thread, reverse)
            wait_until_blocked("LOCK TABLE reports_routingrule")
        with pytest.raises(RulesChanged):
            second.result()
    assert names() == ["Second", "First", "Third"]


@pytest.mark.django_db(transaction=True)
def test_a_rule_that_is_added_meanwhile_is_noticed(boss: User, three: list[int]) -> None:
    seen = ordering.fingerprint()
    reverse = partial(ordering.reorder, three[::-1], seen=seen, by=boss)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            make_rule("Fourth", department=make_department())
            other = threads.submit(in_a_thread, reverse)
            wait_until_blocked("LOCK TABLE reports_routingrule")
        with pytest.raises(RulesChanged):
            other.result()
    assert names() == ["First", "Second", "Third", "Fourth"]


@pytest.mark.django_db(transaction=True)
def test_an_order_and_an_edit_at_once_never_block_each_other(boss: User, three: list[int]) -> None:
    seen = ordering.fingerprint()
    reverse = partial(ordering.reorder, three[::-1], seen=seen, by=boss)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            RoutingRule.objects.filter(pk=three[2]).update(name="Renamed")
            other = threads.submit(in_a_thread, reverse)
            wait_until_blocked("LOCK TABLE reports_routingrule")
            RoutingRule.objects.filter(pk=three[0]).update(name="Renamed too")
        with pytest.raises(RulesChanged):
            other.result()
    assert names() == ["Renamed too", "Second", "Renamed"]


def test_an_order_that_was_killed_between_is_none(
    boss: User, three: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = Plan("rules_reordered=raise@1", seed="", log=tmp_path / "hits")
    monkeypatch.setattr(failpoints, "_active", plan)
    with pytest.raises(ThreadKilled), transaction.atomic():
        ordering.reorder(three[::-1], seen=ordering.fingerprint(), by=boss)
    assert names() == ["First", "Second", "Third"]
    assert not AuditEvent.objects.filter(event="routingrule.reordered").exists()
