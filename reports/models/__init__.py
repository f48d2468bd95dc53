"""The tables of reports: the catalogue of what can be reported, and the reports."""

from reports.geography.boxes import BoundingBox
from reports.models.catalogue import (
    Category,
    CategoryGroup,
    Question,
    Severity,
    SeverityRule,
)
from reports.models.choices import (
    OPEN_STATUSES,
    UNTOUCHED_STATUSES,
    CategorySource,
    RoutedBy,
    SeveritySource,
    Status,
    WaitingFor,
)
from reports.models.collection import (
    CollectionCycle,
    DraftReport,
    DraftState,
    Health,
    NamedPlace,
    Post,
    PostLink,
    PostQuerySet,
    PostRaw,
    PostVector,
    Precision,
    Sentiment,
    Source,
    SourceKind,
    WebhookReceipt,
)
from reports.models.confirmation import Confirmation, ConfirmedBy
from reports.models.conversation import (
    COMMENT_MAX_CHARACTERS,
    Comment,
    ReplyTemplate,
    StaffNote,
)
from reports.models.corrections import Correction
from reports.models.dates import Basis, DateForecast, DateModel
from reports.models.departments import Department, DepartmentMembership, works_on_reports
from reports.models.dispatch import (
    DispatchLeftOut,
    DispatchPlan,
    DispatchPlanQuerySet,
    DispatchRoute,
    DispatchStop,
    LeftOutReason,
    StopState,
)
from reports.models.duplicates import DuplicatePair, Merge, ReportVector, merged_into
from reports.models.escalation import Deadline, Escalation, EscalationRule, Side
from reports.models.examples import ExampleVector
from reports.models.figures import CellArea, CityFigures, DayFigures, PostDayFigures
from reports.models.following import AreaNews, AreaSubscription, Follow, MeToo
from reports.models.forecasting import ArrivalForecast
from reports.models.geography import Area, Authority
from reports.models.helping import HelpRequest, HelpState
from reports.models.intake import Answer, ReportContact
from reports.models.leaderboard import LeaderboardPeriod, LeaderboardStanding
from reports.models.moderation import (
    MODERATION_NOTE_MAX_CHARACTERS,
    BlockedWord,
    Flag,
    FlagReason,
    ModerationCase,
    ModerationState,
    SubjectKind,
    WithholdingReason,
)
from reports.models.notices import Notice, NoticeQuerySet
from reports.models.patterns import PatternFinding, PatternKind
from reports.models.photos import (
    Photo,
    PhotoFile,
    PhotoKind,
    PhotoQuerySet,
    PhotoState,
    Refusal,
)
from reports.models.policies import Policy, PolicyStudy, PolicyTrial, QueuePlace
from reports.models.report import (
    ADDRESS_MAX_CHARACTERS,
    DESCRIPTION_MAX_CHARACTERS,
    NOTE_MAX_CHARACTERS,
    ROUTING_REASON_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    Report,
    ReportQuerySet,
)
from reports.models.routing import OnHolidays, RoutingRevision, RoutingRule
from reports.models.topics import TopicList
from reports.models.tracking import hash_tracking_token, new_tracking_token
from reports.models.words import ReportWords
from reports.models.workflow import (
    ENDED_STATUSES,
    Crew,
    RejectionReason,
    Role,
    StatusChange,
)

__all__ = [
    "ADDRESS_MAX_CHARACTERS",
    "COMMENT_MAX_CHARACTERS",
    "DESCRIPTION_MAX_CHARACTERS",
    "ENDED_STATUSES",
    "MODERATION_NOTE_MAX_CHARACTERS",
    "NOTE_MAX_CHARACTERS",
    "OPEN_STATUSES",
    "ROUTING_REASON_MAX_CHARACTERS",
    "TITLE_MAX_CHARACTERS",
    "UNTOUCHED_STATUSES",
    "Answer",
    "Area",
    "AreaNews",
    "AreaSubscription",
    "ArrivalForecast",
    "Authority",
    "Basis",
    "BlockedWord",
    "BoundingBox",
    "Category",
    "CategoryGroup",
    "CategorySource",
    "CellArea",
    "CityFigures",
    "CollectionCycle",
    "Comment",
    "Confirmation",
    "ConfirmedBy",
    "Correction",
    "Crew",
    "DateForecast",
    "DateModel",
    "DayFigures",
    "Deadline",
    "Department",
    "DepartmentMembership",
    "DispatchLeftOut",
    "DispatchPlan",
    "DispatchPlanQuerySet",
    "DispatchRoute",
    "DispatchStop",
    "DraftReport",
    "DraftState",
    "DuplicatePair",
    "Escalation",
    "EscalationRule",
    "ExampleVector",
    "Flag",
    "FlagReason",
    "Follow",
    "Health",
    "HelpRequest",
    "HelpState",
    "LeaderboardPeriod",
    "LeaderboardStanding",
    "LeftOutReason",
    "MeToo",
    "Merge",
    "ModerationCase",
    "ModerationState",
    "NamedPlace",
    "Notice",
    "NoticeQuerySet",
    "OnHolidays",
    "PatternFinding",
    "PatternKind",
    "Photo",
    "PhotoFile",
    "PhotoKind",
    "PhotoQuerySet",
    "PhotoState",
    "Policy",
    "PolicyStudy",
    "PolicyTrial",
    "Post",
    "PostDayFigures",
    "PostLink",
    "PostQuerySet",
    "PostRaw",
    "PostVector",
    "Precision",
    "Question",
    "QueuePlace",
    "Refusal",
    "RejectionReason",
    "ReplyTemplate",
    "Report",
    "ReportContact",
    "ReportQuerySet",
    "ReportVector",
    "ReportWords",
    "Role",
    "RoutedBy",
    "RoutingRevision",
    "RoutingRule",
    "Sentiment",
    "Severity",
    "SeverityRule",
    "SeveritySource",
    "Side",
    "Source",
    "SourceKind",
    "StaffNote",
    "Status",
    "StatusChange",
    "StopState",
    "SubjectKind",
    "TopicList",
    "WaitingFor",
    "WebhookReceipt",
    "WithholdingReason",
    "hash_tracking_token",
    "merged_into",
    "new_tracking_token",
    "works_on_reports",
]
