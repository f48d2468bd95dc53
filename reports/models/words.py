"""The words of the reports, by which people search for them.

A report is in any language, so words are compared as they are written, without stems. Each word of
a search also matches the longer words that it begins: `light` finds `lights`.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import F, Func
from django.utils.translation import gettext_lazy as _

from jobs.ledger.database import fetch
from jobs.remembered import Remembered

CONFIGURATION = "simple"
#: A word is common that is in this share of the reports, or begins words that are.
COMMON_SHARE = 0.01
COMMON_SECONDS = 300
_LATIN_WORDS = re.compile(r"[0-9A-Za-zÀ-ÖØ-öø-ɏ\s]+")


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


class Unindexed(Func):
    """The words of reports, so that PostgreSQL does not look for them in the index of words."""

    template = "(%(expressions)s || ''::tsvector)"
    output_field = SearchVectorField()


def rare_words(text: str) -> str:
    """Return the words of a text that are rare, "" unless it has common and rare ones.

    The index of words lists all reports that have a common word before it looks for the others, so
    it is asked for the rare ones alone.
    """
    if not _LATIN_WORDS.fullmatch(text):  # PostgreSQL may not split it at spaces alone.
        return ""
    words, common = text.split(), common_words.get()
    rare = [
        word
        for word in words
        if not any(word_of_many.startswith(word.lower()) for word_of_many in common)
    ]
    return " ".join(rare) if len(rare) < len(words) else ""


def _read_common_words() -> frozenset[str]:
    """Return the common words as PostgreSQL last counted them in a sample."""
    return frozenset(word for (word,) in fetch(_COMMON, (COMMON_SHARE,)))


_COMMON = """
    SELECT word FROM pg_stats,
        unnest(most_common_elems::text::text[], most_common_elem_freqs) AS counted(word, share)
    WHERE schemaname = current_schema() AND tablename = 'reports_reportwords'
        AND attname = 'words' AND word IS NOT NULL AND share >= %s
"""
common_words = Remembered(_read_common_words, seconds=COMMON_SECONDS)
