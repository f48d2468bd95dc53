"""The tone of a post by VADER, a lexicon with rules that its package ships; of English alone.

Source: C. J. Hutto, E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text", ICWSM 2014. docs/collection.md says how often it is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reports.models import Sentiment

LANGUAGES = ("en",)
#: Between these the tone is neutral; the authors' own bounds.
NEUTRAL_WITHIN = 0.05
#: Words of the trade whose tone in a post about a city is another than in general: valence -4 to 4.
_OWN_WORDS = {
    "pothole": -1.5, "potholes": -1.5, "litter": -1.8, "littering": -1.8, "garbage": -1.0,
    "dumped": -1.5, "dumping": -1.5, "overflowing": -1.9, "flooded": -1.9, "flooding": -1.9,
    "clogged": -1.6, "broken": -1.9, "unsafe": -2.0, "filthy": -2.4, "rats": -2.0, "stench": -2.3,
    "stinks": -2.2, "noisy": -1.5, "closed": -0.6, "outage": -1.6, "leak": -1.4, "leaking": -1.5,
    "vandalized": -2.0, "graffiti": -1.1, "ignored": -1.7, "unresponsive": -1.8, "blocked": -1.2,
    "fixed": 1.7, "repaired": 1.7, "repaved": 1.5, "reopened": 1.3, "responsive": 1.7,
    "cleaned": 1.3, "fire": 0, "park": 0, "parks": 0, "united": 0, "please": 0.3, "like": 0.4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tone:
    """The tone of a text: its label, and a score from -1 (bad) to 1 (good) where it is known."""

    label: str
    score: float | None


def tone_of(text: str, *, language: str) -> Tone:
    """Return the tone of a text; unknown in a language that the lexicon does not have."""
    if language not in LANGUAGES:
        return Tone(Sentiment.UNKNOWN, None)
    score = round(float(_analyzer().polarity_scores(text)["compound"]), 4)
    if score >= NEUTRAL_WITHIN:
        return Tone(Sentiment.POSITIVE, score)
    return Tone(Sentiment.NEGATIVE if score <= -NEUTRAL_WITHIN else Sentiment.NEUTRAL, score)


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415 - workers

    analyzer = SentimentIntensityAnalyzer()
    analyzer.lexicon.update(_OWN_WORDS)
    return analyzer
