"""The tables of matching."""

from matching.models.matches import CachedRanking, Match, MatchRun
from matching.models.opportunities import (
    ENDS_BEFORE_START,
    Interaction,
    Kind,
    Opportunity,
    OpportunityQuerySet,
    Partner,
    PartnerKey,
)
from matching.models.profiles import Profile
from matching.models.vectors import (
    OpportunityVector,
    ProfileVector,
    StoredVector,
    TermStatistics,
    VectorSpace,
)

__all__ = [
    "ENDS_BEFORE_START",
    "CachedRanking",
    "Interaction",
    "Kind",
    "Match",
    "MatchRun",
    "Opportunity",
    "OpportunityQuerySet",
    "OpportunityVector",
    "Partner",
    "PartnerKey",
    "Profile",
    "ProfileVector",
    "StoredVector",
    "TermStatistics",
    "VectorSpace",
]
