"""Tables and constraints, by what they are about. Only the owning ledger (docs/architecture.md) writes a table.

The first line of a docstring becomes the table's comment in a migration: no quotes, no semicolons in it.
"""

from campaigns.models.activity import ActivityRun
from campaigns.models.calendar import Absence, Capacity, CarePeriod, PlannedVisit, VisitConflict
from campaigns.models.care import Renewal, Target, Transfer
from campaigns.models.desk import (
    ApiToken,
    Approval,
    CannedAnswer,
    Conversation,
    Correction,
    CustomField,
    FileEdit,
    ImportRun,
    Note,
    SavedSegment,
    SavedView,
)
from campaigns.models.gifts import GiftItem, GiftLine, GiftPlan, GiftTaste
from campaigns.models.hearing import Event, LinkUse, Mark, Notice, Touch, Visit, WecomDesk
from campaigns.models.interface import ApiAnswer, Webhook, WebhookDelivery
from campaigns.models.matching import Fair, FairInvitation, Introduction, SeekerOccupation
from campaigns.models.people import (
    Application,
    Binding,
    Contact,
    Login,
    Member,
    Posting,
    Seeker,
    Suppression,
    WechatFollower,
    WecomCustomer,
)
from campaigns.models.results import HiringPlan, Problem, Promise, VisitOutcome
from campaigns.models.sending import (
    Campaign,
    ChannelState,
    Claim,
    ContentVersion,
    KeptCount,
    MassRecipient,
    MassTask,
    Message,
    Occurrence,
    Tally,
)
from campaigns.models.sites import SiteItem, SiteRead
from campaigns.models.staff import AuditEntry, StaffAccount, StaffSession
from campaigns.models.tiering import TierOverride, TierRun

__all__ = [
    "Absence",
    "ActivityRun",
    "ApiAnswer",
    "ApiToken",
    "Application",
    "Approval",
    "AuditEntry",
    "Binding",
    "Campaign",
    "CannedAnswer",
    "Capacity",
    "CarePeriod",
    "ChannelState",
    "Claim",
    "Contact",
    "ContentVersion",
    "Conversation",
    "Correction",
    "CustomField",
    "Event",
    "Fair",
    "FairInvitation",
    "FileEdit",
    "GiftItem",
    "GiftLine",
    "GiftPlan",
    "GiftTaste",
    "HiringPlan",
    "ImportRun",
    "Introduction",
    "KeptCount",
    "LinkUse",
    "Login",
    "Mark",
    "MassRecipient",
    "MassTask",
    "Member",
    "Message",
    "Note",
    "Notice",
    "Occurrence",
    "PlannedVisit",
    "Posting",
    "Problem",
    "Promise",
    "Renewal",
    "SavedSegment",
    "SavedView",
    "Seeker",
    "SeekerOccupation",
    "SiteItem",
    "SiteRead",
    "StaffAccount",
    "StaffSession",
    "Suppression",
    "Tally",
    "Target",
    "TierOverride",
    "TierRun",
    "Touch",
    "Transfer",
    "Visit",
    "VisitConflict",
    "VisitOutcome",
    "Webhook",
    "WebhookDelivery",
    "WechatFollower",
    "WecomCustomer",
    "WecomDesk",
]
