"""The segment language: parse a rule, explain it, match one member, compile it to one parametrised condition.

A rule reads `idle_days >= 90 and unread_resumes >= 3 and tier in (优质, 高端) and attr.园区 = "开发区"`.
Logic is two-valued: a comparison with an empty value is false, and `!=` is `not (… = …)`, so that `not`
always selects the rest.
"""

from campaigns.segments.compile import Dialect, Filter, to_filter
from campaigns.segments.explain import Language, explain_segment
from campaigns.segments.fields import FIELDS, Field, Kind
from campaigns.segments.grammar import parse_segment
from campaigns.segments.match import matches
from campaigns.segments.tree import Segment

__all__ = [
    "FIELDS",
    "Dialect",
    "Field",
    "Filter",
    "Kind",
    "Language",
    "Segment",
    "explain_segment",
    "matches",
    "parse_segment",
    "to_filter",
]
