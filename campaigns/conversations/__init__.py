"""会话: one for each member who ever answered, the meanings people put right, the answers they keep ready."""

from campaigns.conversations.browsing import PAGE, Line, Sieve, Tab, browse, count_closing, count_waiting, pressing
from campaigns.conversations.canned import Canned, delete_canned, list_canned, save_canned
from campaigns.conversations.corrections import (
    Corrected,
    corrections_of,
    count_corrections,
    list_corrections,
    put_right,
    read_as_examples,
)
from campaigns.conversations.ledger import (
    Conversation,
    assign,
    close,
    find,
    follow_up,
    hand_over,
    hear,
    held_by,
    is_taken,
    record_written,
    reopen,
    take,
)
from campaigns.conversations.states import State
from campaigns.conversations.undelivered import BY_HAND, reopen_uncertain, reopen_undelivered

__all__ = [
    "BY_HAND",
    "PAGE",
    "Canned",
    "Conversation",
    "Corrected",
    "Line",
    "Sieve",
    "State",
    "Tab",
    "assign",
    "browse",
    "close",
    "corrections_of",
    "count_closing",
    "count_corrections",
    "count_waiting",
    "delete_canned",
    "find",
    "follow_up",
    "hand_over",
    "hear",
    "held_by",
    "is_taken",
    "list_canned",
    "list_corrections",
    "pressing",
    "put_right",
    "read_as_examples",
    "record_written",
    "reopen",
    "reopen_uncertain",
    "reopen_undelivered",
    "save_canned",
    "take",
]
