"""Load a catalogue file into the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Max

from accounts import audit
from jobs.ledger.database import lock
from reports.catalogue import questions
from reports.catalogue.format import checked
from reports.errors import CatalogueInvalid
from reports.models import Category, CategoryGroup, Department, Question, SeverityRule

Row = TypeVar("Row", bound=models.Model)
Entry = Mapping[str, Any]
EXCERPT_CHARACTERS = 60
#: Fields of departments that need another department to be there.
LATER = ("parent", "is_emailed")


def load(document: Entry, *, is_dry_run: bool = False, only_new: bool = False) -> list[str]:
    """Add and change rows so that they match the document; return a line for each change.

    What the document does not mention stays as it is; loading it again changes nothing. A dry run
    returns the changes without making them. With `only_new`, existing rows stay as they are.

    Raises:
        CatalogueInvalid: the document is faulty, and nothing has changed.
    """
    contents = checked(document)
    with transaction.atomic():
        lock("catalogue")
        changes = _Loading(only_new=only_new).run(contents)
        if changes and not is_dry_run:
            audit.record(
                "catalogue.loaded",
                actor_id=None,
                subject="catalogue",
                data={"changes": len(changes)},
            )
        transaction.set_rollback(is_dry_run)
    return changes


class _Loading:
    """Loads one document and collects a line for each change."""

    def __init__(self, *, only_new: bool) -> None:
        self._only_new = only_new
        self._changes: list[str] = []

    def run(self, contents: Entry) -> list[str]:
        self._departments(contents["departments"])
        for entry in contents["groups"]:
            self._put(CategoryGroup, "group", entry)
        for entry in contents["categories"]:
            self._category(entry)
        for entry in contents["severity_rules"]:
            self._put(SeverityRule, "severity rule", entry, key="name")
        return self._changes

    def _departments(self, entries: Iterable[Entry]) -> None:
        """Load the departments, then their parents, which the file may name later, and whether
        they want emails, which may go to the parent's address.
        """
        known = set(Department.objects.values_list("slug", flat=True))
        for entry in entries:
            if entry.get("is_triage") and not (self._only_new and entry["slug"] in known):
                self._take_triage_from_others(entry["slug"])
            fields = {name: value for name, value in entry.items() if name not in LATER}
            self._put(Department, "department", fields)
        for entry in entries:
            fields = {name: value for name, value in entry.items() if name in LATER}
            if fields and not (self._only_new and entry["slug"] in known):
                if "parent" in fields:
                    label = f"department {entry['slug']}"
                    fields["parent"] = self._named(Department, fields["parent"], label, "parent")
                self._put(Department, "department", {"slug": entry["slug"], **fields}, always=True)

    def _take_triage_from_others(self, slug: str) -> None:
        for other in Department.objects.filter(is_triage=True).exclude(slug=slug):
            self._put(
                Department, "department", {"slug": other.slug, "is_triage": False}, always=True
            )

    def _category(self, entry: Entry) -> None:
        label = f"category {entry['slug']}"
        fields = {
            name: value for name, value in entry.items() if name not in {"deadline", "questions"}
        }
        for name, model in (("group", CategoryGroup), ("department", Department)):
            if name in fields:
                fields[name] = self._named(model, fields[name], label, name)
        if "deadline" in entry:
            fields["sla_hours"] = entry["deadline"]["hours"]
            fields["sla_in_working_hours"] = entry["deadline"]["in_working_hours"]
            if "answer_hours" in entry["deadline"]:
                fields["response_hours"] = entry["deadline"]["answer_hours"]
        is_new = not Category.objects.filter(slug=entry["slug"]).exists()
        if is_new and "department" not in fields:
            raise CatalogueInvalid(f"{label}: a new category needs a department.")
        category = self._put(Category, "category", fields)
        if "questions" in entry and (is_new or not self._only_new):
            self._questions(category, entry["questions"])

    def _named(self, model: type[Row], slug: str | None, label: str, field: str) -> Row | None:
        if slug is None:
            return None
        row: Row | None = models.QuerySet(model).filter(slug=slug).first()
        if row is None:
            raise CatalogueInvalid(
                f"{label}: there is no {field} {slug!r}, neither here nor in the file."
            )
        return row

    def _put(
        self, model: type[Row], kind: str, entry: Entry, *, key: str = "slug", always: bool = False
    ) -> Row:
        """Add or change the row of an entry and return it.

        With `only_new`, an existing row changes only if `always`.
        """
        label = f"{kind} {entry[key]}"
        row: Row | None = models.QuerySet(model).filter(**{key: entry[key]}).first()
        if row is None:
            return self._add(model, label, entry, key)
        changed = {name: value for name, value in entry.items() if getattr(row, name) != value}
        if changed and (always or not self._only_new):
            self._changes += [
                f"~ {label}: {_difference(name, getattr(row, name), changed[name])}"
                for name in changed
            ]
            self._save(row, label, changed)
        return row

    def _add(self, model: type[Row], label: str, entry: Entry, key: str) -> Row:
        if key == "slug" and not entry.get("name"):
            raise CatalogueInvalid(f"{label}: a new one needs a name.")
        row = model()
        fields = dict(entry)
        if hasattr(row, "position") and "position" not in fields:
            highest = models.QuerySet(model).aggregate(highest=Max("position"))["highest"]
            fields["position"] = 0 if highest is None else highest + 1
        self._changes.append(f"+ {label}")
        self._save(row, label, fields)
        return row

    def _save(self, row: models.Model, label: str, fields: Entry) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        try:
            row.full_clean()
        except ValidationError as error:
            raise CatalogueInvalid(
                "\n".join(f"{label}: {line}" for line in _lines(error))
            ) from error
        row.save()

    def _questions(self, category: Category, entries: list[Entry]) -> None:
        """Ask exactly the questions of the file, in its order; retire the others."""
        current = {
            question.code: question for question in category.questions.filter(retired_at=None)
        }
        for position, entry in enumerate(entries):
            code = entry["code"]
            fields = {name: entry[name] for name in questions.WORDING} | {"position": position}
            label = f"question {category.slug}.{code}"
            try:
                question = questions.ask(category, code, fields)
            except ValidationError as error:
                raise CatalogueInvalid(
                    "\n".join(f"{label}: {line}" for line in _lines(error))
                ) from error
            self._note_question(label, current.pop(code, None), question)
        for code, question in current.items():
            questions.retire(question)
            self._changes.append(f"- question {category.slug}.{code}: asked no more")

    def _note_question(self, label: str, before: Question | None, after: Question) -> None:
        if before is None:
            self._changes.append(f"+ {label}")
        elif before.pk != after.pk:
            self._changes.append(f"~ {label}: version {after.version}")
        elif before.position != after.position:
            self._changes.append(
                f"~ {label}: {_difference('position', before.position, after.position)}"
            )


def _lines(error: ValidationError) -> list[str]:
    if hasattr(error, "error_dict"):
        return [f"{name}: {line}" for name, lines in error.message_dict.items() for line in lines]
    return list(error.messages)


def _difference(name: str, before: Any, after: Any) -> str:
    """Return a change in words, such as `sla_hours 72 → 48` or `examples: 2 added, 1 removed`."""
    if isinstance(before, list) and isinstance(after, list):
        added, removed = (
            [one for one in after if one not in before],
            [one for one in before if one not in after],
        )
        return (
            f"{name}: {len(added)} added, {len(removed)} removed"
            if added or removed
            else f"{name}: another order"
        )
    if isinstance(before, dict):
        return f"{name} changed"
    return f"{name} {_excerpt(before)} → {_excerpt(after)}"


def _excerpt(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS]}…"
