"""Load a catalogue file into the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Max

from accounts import audit
from jobs.ledger.database import lock
from reports.catalogue import questions
from reports.catalogue.format import checked, names_in, refuse
from reports.models import Category, CategoryGroup, Department, Question, SeverityRule

Row = TypeVar("Row", bound=models.Model)
Entry = Mapping[str, Any]
EXCERPT_CHARACTERS = 60
#: Fields of departments that need another department to be there.
LATER = ("parent", "is_emailed")
_PLURALS: dict[type[models.Model], str] = {Department: "departments", CategoryGroup: "groups"}


def load(document: Entry, *, is_dry_run: bool = False, only_new: bool = False) -> list[str]:
    """Add and change rows so that they match the document; return a line for each change.

    What the document does not mention stays as it is; loading it again changes nothing. A dry run
    returns the changes without making them. With `only_new`, existing rows stay as they are.

    Raises:
        CatalogueInvalid: the document has faults, each a line, and nothing has changed.
    """
    contents, faults = checked(document)
    with transaction.atomic():
        lock("catalogue")
        loading = _Loading(document, only_new=only_new)
        changes = loading.run(contents)
        refuse([*faults, *loading.faults])
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
    """Loads the entries of one document, and collects a line for each change and each fault."""

    def __init__(self, document: Entry, *, only_new: bool) -> None:
        self._document = document
        self._only_new = only_new
        self._changes: list[str] = []
        self.faults: list[str] = []

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
        """Load the departments, and then their fields in LATER.

        These refer to other departments: the file may name a parent below its children, and emails
        may go to the parent's address.
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
                self._place_department({"slug": entry["slug"], **fields})

    def _place_department(self, fields: dict[str, Any]) -> None:
        if not Department.objects.filter(slug=fields["slug"]).exists():
            return  # it has a fault
        missing = self._find(fields, f"department {fields['slug']}", {"parent": Department})
        doubtful = {"parent", "is_emailed"} if missing else set()
        self._put(Department, "department", fields, always=True, doubtful=doubtful)

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
        doubtful = self._find(fields, label, {"group": CategoryGroup, "department": Department})
        if "deadline" in entry:
            fields["sla_hours"] = entry["deadline"]["hours"]
            fields["sla_in_working_hours"] = entry["deadline"]["in_working_hours"]
            if "answer_hours" in entry["deadline"]:
                fields["response_hours"] = entry["deadline"]["answer_hours"]
        is_new = not Category.objects.filter(slug=entry["slug"]).exists()
        if is_new and "department" not in entry:
            self.faults.append(f"{label}: a new category needs a department.")
            doubtful.add("department")
        category = self._put(Category, "category", fields, doubtful=doubtful)
        if "questions" in entry and category._state.adding:  # noqa: SLF001 - documented
            self._check_questions(category, entry["questions"])
        elif "questions" in entry and (is_new or not self._only_new):
            self._questions(category, entry["questions"])

    def _find(
        self, fields: dict[str, Any], label: str, models_of: Mapping[str, type[models.Model]]
    ) -> set[str]:
        """Replace the slugs in `fields` by the rows that they name.

        Drop and return the names of fields whose row does not exist. That is a fault of this entry,
        unless the file has an entry for the row, which is then faulty itself.
        """
        missing = set()
        for name in models_of.keys() & fields.keys():
            model, slug = models_of[name], fields[name]
            if slug is None:
                continue
            fields[name] = models.QuerySet(model).filter(slug=slug).first()
            if fields[name] is None:
                del fields[name]
                missing.add(name)
                if slug not in names_in(self._document, _PLURALS[model]):
                    self.faults.append(
                        f"{label}: there is no {name} {slug!r}, neither here nor in the file."
                    )
        return missing

    def _put(
        self,
        model: type[Row],
        kind: str,
        entry: Entry,
        *,
        key: str = "slug",
        always: bool = False,
        doubtful: Collection[str] = (),
    ) -> Row:
        """Add or change the row of an entry and return it; one with a fault is not stored.

        With `only_new`, an existing row changes only if `always`. The fields in `doubtful` have a
        fault already, or hang on one that has.
        """
        label = f"{kind} {entry[key]}"
        row: Row | None = models.QuerySet(model).filter(**{key: entry[key]}).first()
        if row is None:
            return self._add(model, label, entry, key, doubtful)
        changed = {name: value for name, value in entry.items() if getattr(row, name) != value}
        if changed and (always or not self._only_new):
            self._changes += [
                f"~ {label}: {_difference(name, getattr(row, name), changed[name])}"
                for name in changed
            ]
            self._save(row, label, changed, doubtful)
        return row

    def _add(
        self, model: type[Row], label: str, entry: Entry, key: str, doubtful: Collection[str]
    ) -> Row:
        if key == "slug" and not entry.get("name"):
            self.faults.append(f"{label}: a new one needs a name.")
            doubtful = {*doubtful, "name"}
        row = model()
        fields = dict(entry)
        if hasattr(row, "position") and "position" not in fields:
            highest = models.QuerySet(model).aggregate(highest=Max("position"))["highest"]
            fields["position"] = 0 if highest is None else highest + 1
        self._changes.append(f"+ {label}")
        self._save(row, label, fields, doubtful)
        return row

    def _save(
        self, row: models.Model, label: str, fields: Entry, doubtful: Collection[str]
    ) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        try:
            row.full_clean(exclude=doubtful)
        except ValidationError as error:
            self.faults += [f"{label}: {line}" for line in _lines(error, without=doubtful)]
        else:
            if not doubtful:
                row.save()

    def _check_questions(self, category: Category, entries: list[Entry]) -> None:
        """Collect the faults of the questions of a category that cannot be stored."""
        for entry in entries:
            question = Question(**entry)
            try:
                question.full_clean(exclude={"category"})
            except ValidationError as error:
                label = f"question {category.slug}.{question.code}"
                self.faults += [f"{label}: {line}" for line in _lines(error)]

    def _questions(self, category: Category, entries: list[Entry]) -> None:
        """Make the category's questions those of the file, in its order; retire the others."""
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
                self.faults += [f"{label}: {line}" for line in _lines(error)]
            else:
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


def _lines(error: ValidationError, *, without: Collection[str] = ()) -> list[str]:
    """Return the messages of an error, those of a field with its name, except fields `without`."""
    if hasattr(error, "error_dict"):
        kept = {name: lines for name, lines in error.message_dict.items() if name not in without}
        return [f"{name}: {line}" for name, lines in kept.items() for line in lines]
    return list(error.messages)


def _difference(name: str, before: Any, after: Any) -> str:
    """Return a change in words, such as `sla_hours 72 → 48` or `examples: 2 added, 1 removed`."""
    if isinstance(before, list) and isinstance(after, list):
        added, removed = (
            [value for value in after if value not in before],
            [value for value in before if value not in after],
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
