"""Tables and constraints, by what they are about. Only the owning ledger (docs/architecture.md) writes a table.

The first line of a docstring becomes the table's comment in a migration: no quotes, no semicolons in it.
"""

from campaigns.models.activity import ActivityRun
from campaigns.models.care import Target, Transfer
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
from campaigns.models.hearing import Event, LinkUse, Mark, Notice, Touch, Visit, WecomDesk
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
from campaigns.models.staff import AuditEntry, StaffAccount, StaffSession

__all__ = [
    "ActivityRun",
    "ApiToken",
    "Application",
    "Approval",
    "AuditEntry",
    "Binding",
    "Campaign",
    "CannedAnswer",
    "ChannelState",
    "Claim",
    "Contact",
    "ContentVersion",
    "Conversation",
    "Correction",
    "CustomField",
    "Event",
    "FileEdit",
    "ImportRun",
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
    "Posting",
    "SavedSegment",
    "SavedView",
    "Seeker",
    "StaffAccount",
    "StaffSession",
    "Suppression",
    "Tally",
    "Target",
    "Touch",
    "Transfer",
    "Visit",
    "WechatFollower",
    "WecomCustomer",
    "WecomDesk",
]
