"""Raise the severity of a report for words in its text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from reports.models import Severity, SeverityRule

_WORD = re.compile(r"\w+")
#: SQL of the active rules in the order of their names, as `rules_of` reads them.
ACTIVE_RULES = """
    SELECT jsonb_agg(jsonb_build_array(name, severity, phrases) ORDER BY name)
    FROM reports_severityrule WHERE is_active
"""


class Rule(NamedTuple):
    """What is read of an active `SeverityRule`."""

    name: str
    severity: str
    phrases: Sequence[str]


def rules_of(value: Any) -> list[Rule]:
    """Return the rules that ACTIVE_RULES has read; None stands for none."""
    return [Rule(*columns) for columns in value or ()]


def rule_for(text: str, severity: str, rules: Iterable[Rule]) -> Rule | None:
    """Return the rule that raises this text the most above `severity`, or None.

    Of rules with the same severity the first one applies.
    """
    words = _spaced_words(text)
    raising = [
        rule
        for rule in rules
        if Severity.rank(rule.severity) > Severity.rank(severity) and _applies(rule, words)
    ]
    return max(raising, key=lambda rule: Severity.rank(rule.severity), default=None)


def applies(rule: SeverityRule, text: str) -> bool:
    """Return whether the text has one of the rule's phrases."""
    return _applies(rule, _spaced_words(text))


def _applies(rule: SeverityRule | Rule, words: str) -> bool:
    phrases = map(_spaced_phrase, rule.phrases)
    return any(phrase.strip() and phrase in words for phrase in phrases)


def _spaced_words(text: str) -> str:
    """Return the words in lower case, each between spaces, so that only whole words match."""
    return f" {' '.join(_WORD.findall(unicodedata.normalize('NFKC', text).casefold()))} "


@lru_cache(maxsize=2000)
def _spaced_phrase(phrase: str) -> str:
    return _spaced_words(phrase)
