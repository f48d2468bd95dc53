"""The tables of the desk, one module for each wing."""

from desk.models.triage import TriageAction, TriageLook
from desk.models.views import (
    NAME_MAX_CHARACTERS,
    QUERY_MAX_CHARACTERS,
    ReportColumns,
    SavedView,
    SavedViewQuerySet,
    ViewPage,
)

__all__ = [
    "NAME_MAX_CHARACTERS",
    "QUERY_MAX_CHARACTERS",
    "ReportColumns",
    "SavedView",
    "SavedViewQuerySet",
    "TriageAction",
    "TriageLook",
    "ViewPage",
]
