"""The words of the reports, by which people search for them.

A report is in any language, so words are compared as they are written, without stems. Each word of
a search also matches the longer words that it begins: `light` finds `lights`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

CONFIGURATION = "simple"


class ReportWords(models.Model):
    """The words of one report: its title, description, address and external id.

    Triggers of PostgreSQL write these rows, and the foreign key deletes them. They are kept apart
    from the reports because splitting a text again costs a search more than all the rest, and so
    that a change of a report's status does not touch the index of words.
    """

    report = models.OneToOneField(
        "reports.Report",
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,  # The migration adds it, with ON DELETE CASCADE.
        related_name="words",
    )
    created_at = models.DateTimeField(help_text=_("When the report was made."))
    words = SearchVectorField(help_text=_("Its words, as PostgreSQL splits a text."))

    class Meta:
        indexes: ClassVar = [
            # Searches for words, in the public list and at the desk.
            GinIndex("words", name="reportwords_words", fastupdate=False),
            # The newest reports, among which common words are searched for.
            models.Index(F("created_at").desc(), F("report_id").desc(), name="reportwords_newest"),
        ]

    def __str__(self) -> str:
        return str(self.words)


class WordsQuery(SearchQuery):
    """A search for all words of a text, or for words that begin with them.

    PostgreSQL splits the text as it splits reports. A text without a word matches nothing.
    """

    prefixes = (
        "(CASE WHEN numnode({plain}) = 0 THEN ''"
        " ELSE replace(({plain})::text, ''' & ', ''':* & ') || ':*' END)::tsquery"
    )

    def __init__(self, text: str) -> None:
        super().__init__(text.replace("\0", " "), config=CONFIGURATION, search_type="plain")

    def as_sql(self, *arguments: Any, **options: Any) -> Any:
        plain, parameters = super().as_sql(*arguments, **options)
        return self.prefixes.format(plain=plain), [*parameters, *parameters]
