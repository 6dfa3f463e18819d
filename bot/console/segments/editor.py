"""The builder's part of the page: its rows with what may be chosen, who is in the segment now, ten of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from bot import wording
from bot.console.segments.draft import Reading, parts_of
from bot.language import language, say
from bot.runtime import Runtime
from bot.web.desk import visitor_of
from campaigns.custom_fields import Shown as Place
from campaigns.custom_fields import labels_of
from campaigns.members.find import count_audience, list_audience
from campaigns.members.values import custom_names, values_of
from campaigns.segments import FIELDS, Field, Segment
from campaigns.segments.fields import ANY_ATTR, ATTR_PREFIX, Kind
from campaigns.segments.rows import WITHOUT_VALUE, Join, Row, Verb, field_of, verbs_of

SAMPLED = 10
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("企业", ("tier", "finding", "name", "no", "trade", "nature", "size", "city", "owner", "stage")),
    (
        "套餐和登录",
        (
            "plan",
            "renewal_days",
            "registered_days",
            "registered_at",
            "idle_days",
            "last_login_at",
            "logins",
            "activity",
            "p_active",
        ),
    ),
    ("招聘", ("postings", "live_postings", "applications", "unread_resumes", "oldest_unread_hours")),
    ("能不能联系", ("consent", "reachable.wechat", "reachable.sms", "reachable.email")),
)
_WORDS = {
    Verb.IS: "是",
    Verb.IS_NOT: "不是",
    Verb.LESS: "少于",
    Verb.AT_MOST: "不超过",
    Verb.MORE: "多于",
    Verb.AT_LEAST: "不少于",
    Verb.IN: "是其中一个",
    Verb.NOT_IN: "一个也不是",
    Verb.CONTAINS: "含有",
    Verb.NOT_CONTAINS: "不含",
    Verb.EMPTY: "为空",
    Verb.NOT_EMPTY: "不为空",
    Verb.YES: "是",
    Verb.NO: "否",
}
_MOMENTS = {Verb.LESS: "早于", Verb.AT_MOST: "不晚于", Verb.MORE: "晚于", Verb.AT_LEAST: "不早于", Verb.IS: "在那天"}
_LISTED = ("tier", "activity", "trade", "nature", "size", "city", "plan", "owner")  # fields whose values are few


@dataclass(frozen=True, slots=True)
class Shown:
    """One row as it is drawn. `at` its place, `list_of` the list of values to pick from."""

    at: int
    row: Row
    verbs: Sequence[tuple[str, str]]
    explanation: str
    measure: str
    has_value: bool
    list_of: str
    fault: str
    pending: bool


async def editor_context(
    request: Request, reading: Reading, *, strict: bool = False, typing: bool = False
) -> dict[str, Any]:
    """What the editor's templates need. `strict`: a row that is not filled in is a mistake.

    `typing`: what stands in the values now is newer than what was sent.
    """
    draft = reading.draft
    rows = [_shown(reading, at, row, strict) for at, row in enumerate(draft.rows)]
    names = await labels_of(await custom_names(), Place.SEGMENT) if draft.shown else {}
    asked = [row.field.removeprefix(ATTR_PREFIX) for row in draft.rows if row.field.startswith(ATTR_PREFIX)]
    names = {name: name for name in asked} | names  # a rule keeps a column that is offered no longer
    return {
        "draft": draft,
        "reading": reading,
        "typing": typing,
        "pieces": [(group, [rows[at] for at in places]) for group, places in parts_of(draft)],
        "joins": {group: draft.join(group) for group in {0, *draft.groups}},
        "choices": _choices(names),
        "lists": await _lists(request, rows),
        "Join": Join,
        "looked": await look_at(request, reading.segment),
        "bad_end": draft.line[: reading.at - 1] if reading.at else "",
    }


async def look_at(request: Request, segment: Segment | None) -> dict[str, Any]:
    """Who is in it now, as far as the one who looks sees them."""
    if segment is None:
        return {"words": "", "count": None, "sample": []}
    runtime: Runtime = request.app.state.runtime
    owners, now = visitor_of(request).staff.owners, runtime.clock()
    return {
        "words": wording.segment_words(segment),
        "count": await count_audience(segment, now, owners),
        "sample": await list_audience(segment, now, SAMPLED, owners),
    }


def _shown(reading: Reading, at: int, row: Row, strict: bool) -> Shown:
    known = field_of(row.field)
    pending = at in reading.pending
    fault = reading.faults.get(at, "")
    if pending and strict:
        fault = say("选一个字段") if not row.field else say("写一个值")
    return Shown(
        at=at,
        row=row,
        verbs=[(verb.value, say(_verb(verb, known))) for verb in verbs_of(known)] if known else [],
        explanation=say(known.explanation) if known else "",
        measure=say(known.measure) if known and known.measure else "",
        has_value=bool(known) and row.verb not in WITHOUT_VALUE,
        list_of=row.field if known and (known.attr or row.field in _LISTED) else "",
        fault=fault,
        pending=pending and not strict,
    )


def _verb(verb: Verb, known: Field) -> str:
    return _MOMENTS.get(verb, _WORDS[verb]) if known.kind is Kind.MOMENT else _WORDS[verb]


def _choices(names: Mapping[str, str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The fields to choose from, in groups; the columns of the site's own last."""
    fixed = [(say(title), [(name, _label(FIELDS[name])) for name in group]) for title, group in _GROUPS]
    own = [(ATTR_PREFIX + name, label) for name, label in names.items()]
    return [*fixed, (say("自定义字段"), own)] if own else fixed


def _label(known: Field) -> str:
    return known.label if language() == "zh" else known.english.removeprefix("the ")


async def _lists(request: Request, rows: Sequence[Shown]) -> Mapping[str, list[tuple[str, int]]]:
    owners = visitor_of(request).staff.owners
    wanted = {row.list_of: field_of(row.list_of) for row in rows if row.list_of}
    return {name: await values_of(known, owners) for name, known in wanted.items() if known}


assert {name for _, group in _GROUPS for name in group} == set(FIELDS) - {ANY_ATTR}
