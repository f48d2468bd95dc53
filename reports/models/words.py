"""The words of a report, and how people search for them.

A report is in any language, so words are compared as they are written, without stems. Each word of
a search also matches the longer words that it begins: `light` finds `lights`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector

CONFIGURATION = "simple"
#: An index holds this expression, so a search must use it as it is.
WORDS = SearchVector("title", "description", "address", "external_id", config=CONFIGURATION)


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
