"""The tables of reports: the catalogue of what can be reported, and the reports."""

from reports.geography.boxes import BoundingBox
from reports.models.catalogue import (
    Category,
    CategoryGroup,
    Department,
    DepartmentMembership,
    Question,
    Severity,
    SeverityRule,
)
from reports.models.duplicates import DuplicatePair, Merge, ReportVector, merged_into
from reports.models.geography import Area
from reports.models.photos import (
    Photo,
    PhotoFile,
    PhotoKind,
    PhotoQuerySet,
    PhotoState,
    Refusal,
)
from reports.models.report import (
    DESCRIPTION_MAX_CHARACTERS,
    NOTE_MAX_CHARACTERS,
    OPEN_STATUSES,
    TITLE_MAX_CHARACTERS,
    CategorySource,
    ExampleVector,
    Report,
    ReportQuerySet,
    SeveritySource,
    Status,
    StatusChange,
    hash_tracking_token,
    new_tracking_token,
)

__all__ = [
    "DESCRIPTION_MAX_CHARACTERS",
    "NOTE_MAX_CHARACTERS",
    "OPEN_STATUSES",
    "TITLE_MAX_CHARACTERS",
    "Area",
    "BoundingBox",
    "Category",
    "CategoryGroup",
    "CategorySource",
    "Department",
    "DepartmentMembership",
    "DuplicatePair",
    "ExampleVector",
    "Merge",
    "Photo",
    "PhotoFile",
    "PhotoKind",
    "PhotoQuerySet",
    "PhotoState",
    "Question",
    "Refusal",
    "Report",
    "ReportQuerySet",
    "ReportVector",
    "Severity",
    "SeverityRule",
    "SeveritySource",
    "Status",
    "StatusChange",
    "hash_tracking_token",
    "merged_into",
    "new_tracking_token",
]
