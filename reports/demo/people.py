"""The people of the demo city, with phone numbers from the fictional range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.utils import timezone

from accounts import reputation
from accounts.models import User
from reports.demo import texts
from reports.models import Department, DepartmentMembership

ADMIN_LOGIN = texts.read("city")["administrator"]["email"]
ADMIN_PASSWORD = "elm-harbor-demo"  # noqa: S105  # printed by `make run`; `load_demo` refuses outside development
FIRST_OF_STAFF, FIRST_CITIZEN, OPERATOR = 1, 21, 99
OPERATOR_LOGIN = "operator@example.org"
#: Who signs in with the password above, one for each kind of work.
LOGINS = {
    "Administrator": ADMIN_LOGIN,
    "Clerk of Sanitation": "sanitation@example.org",
    "Operator": OPERATOR_LOGIN,
}
#: What the group of operators may do: watch and mend what runs in the background.
OPERATED_APPS = ("jobs", "notifications", "imports")
OPERATED = Q(codename__startswith="view_") | Q(codename__in=("change_task", "change_queue"))


@dataclass(frozen=True)
class People:
    """The administrator, the desk of each department by its slug, and the citizens by name."""

    administrator: User
    staff: dict[str, User]
    citizens: dict[str, User]


def load(departments: Mapping[str, Department]) -> People:
    """Create who is not there yet, and let the desks manage their departments."""
    password = make_password(ADMIN_PASSWORD)  # hashed once: hashing is slow on purpose
    administrator, *others = _stored(
        [
            _administrator(password),
            *_desks(departments, password),
            *_citizens(),
            _operator(password),
        ]
    )
    staff = dict(zip(departments, others, strict=False))
    names = [facts["name"] for facts in texts.read("city")["citizens"]]
    citizens = dict(zip(names, others[len(departments) : -1], strict=True))
    _let_operate(others[-1])
    memberships = [
        DepartmentMembership(user=user, department=departments[slug], is_manager=True)
        for slug, user in staff.items()
    ]
    DepartmentMembership.objects.bulk_create(memberships, ignore_conflicts=True)
    _credit_earlier_points(citizens)
    return People(administrator, staff, citizens)


def _stored(people: list[User]) -> list[User]:
    """Return these people as they are stored, found by their phone numbers."""
    User.objects.bulk_create(people, ignore_conflicts=True)
    rows = User.objects.filter(phone__in=[person.phone for person in people])
    by_phone = {user.phone: user for user in rows}
    return [by_phone[person.phone] for person in people]


def _administrator(password: str) -> User:
    facts = texts.read("city")["administrator"]
    return User(
        **facts,
        email_verified_at=timezone.now(),
        password=password,
        is_staff=True,
        is_superuser=True,
    )


def _operator(password: str) -> User:
    return User(
        phone=_phone(OPERATOR),
        email=OPERATOR_LOGIN,
        email_verified_at=timezone.now(),
        name="Operator",
        password=password,
        is_staff=True,
    )


def _let_operate(user: User) -> None:
    """Put the user into the group of operators, which is created once."""
    group, is_new = Group.objects.get_or_create(name="Operators")
    if is_new:
        operated = Permission.objects.filter(content_type__app_label__in=OPERATED_APPS)
        group.permissions.set(operated.filter(OPERATED))
        user.groups.add(group)


def _desks(departments: Mapping[str, Department], password: str) -> Iterator[User]:
    for number, (slug, department) in enumerate(departments.items(), start=FIRST_OF_STAFF):
        yield User(
            phone=_phone(number),
            email=f"{slug}@example.org",
            email_verified_at=timezone.now(),
            name=f"{department.name} desk",
            password=password,
            is_staff=True,
        )


def _citizens() -> Iterator[User]:
    """Yield the citizens; every second one gets messages by email, the others by SMS."""
    password = make_password(None)
    for number, facts in enumerate(texts.read("city")["citizens"], start=FIRST_CITIZEN):
        name, with_email = facts["name"], number % 2 == 0
        yield User(
            phone=_phone(number),
            name=name,
            password=password,
            email=f"{name.split()[0].lower()}@example.org" if with_email else "",
            email_verified_at=timezone.now() if with_email else None,
            wants_sms=not with_email,
        )


def _phone(number: int) -> str:
    return f"+120355501{number:02}"


def _credit_earlier_points(citizens: Mapping[str, User]) -> None:
    for facts in texts.read("city")["citizens"]:
        user, points = citizens[facts["name"]], facts.get("points", 0)
        key, reason = f"demo:{user.pk}", "before the demo begins"
        if points and reputation.credit(user.pk, points, event_key=key, reason=reason):
            user.refresh_from_db(fields=["reputation"])
