"""Model fields for texts that people write; they store every text as `jobs.plain_text` cleans it.

In migrations they are Django's own fields, since the database sees no difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.db.models.expressions import Combinable

from jobs.plain_text import one_line, paragraphs

if TYPE_CHECKING:
    from django.db.models import Model


class PlainFormField(forms.CharField):
    """A form field that cleans a text before it checks whether the text is empty."""

    def __init__(self, *, clean_text: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self._clean_text = clean_text

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return self._clean_text(text) if text else text


class _PlainField(models.Field[str | Combinable, str]):
    """Common part of the two fields; `clean_text` is the rule."""

    clean_text: Callable[[str], str]
    django_path: str

    def to_python(self, value: Any) -> Any:
        """Return a text cleaned, as it is stored and compared."""
        text = super().to_python(value)
        return type(self).clean_text(text) if isinstance(text, str) else text

    def pre_save(self, model_instance: Model, add: bool) -> Any:
        """Return the cleaned text, and set it on the instance so that it equals its row."""
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = type(self).clean_text(value)
            setattr(model_instance, self.attname, value)
        return value

    def formfield(
        self, form_class: Any = None, choices_form_class: Any = None, **options: Any
    ) -> Any:
        if form_class is None:
            form_class, options = PlainFormField, {"clean_text": type(self).clean_text, **options}
        return super().formfield(
            form_class=form_class, choices_form_class=choices_form_class, **options
        )

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, self.django_path, args, kwargs


class LineField(_PlainField, models.CharField[str | Combinable, str]):
    """A text on one line: a title, a name, an address."""

    clean_text = staticmethod(one_line)
    django_path = "django.db.models.CharField"


class ParagraphsField(_PlainField, models.TextField[str | Combinable, str]):
    """A text of several lines: a description, a note, a comment."""

    clean_text = staticmethod(paragraphs)
    django_path = "django.db.models.TextField"
