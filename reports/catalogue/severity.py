"""Raise the severity of a report for words in its text."""

from __future__ import annotations

import re
import unicodedata

from jobs.ledger import rows
from reports.models import Severity, SeverityRule

_WORD = re.compile(r"\w+")


def rule_for(text: str, severity: str) -> SeverityRule | None:
    """Return the rule that raises this text the most above `severity`, or None.

    Of rules with the same severity the first by name applies.
    """
    words = _spaced_words(text)
    raising = [
        rule
        for rule in rows.select(SeverityRule, "is_active ORDER BY name", ())
        if Severity.rank(rule.severity) > Severity.rank(severity) and _applies(rule, words)
    ]
    return max(raising, key=lambda rule: Severity.rank(rule.severity), default=None)


def applies(rule: SeverityRule, text: str) -> bool:
    """Return whether the text has one of the rule's phrases."""
    return _applies(rule, _spaced_words(text))


def _applies(rule: SeverityRule, words: str) -> bool:
    phrases = (_spaced_words(phrase) for phrase in rule.phrases)
    return any(phrase.strip() and phrase in words for phrase in phrases)


def _spaced_words(text: str) -> str:
    """Return the words in lower case, each between spaces, so that only whole words match."""
    return f" {' '.join(_WORD.findall(unicodedata.normalize('NFKC', text).casefold()))} "
