"""A campaign's members taken away as a table, one row a message, and that it was done in the audit log."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console import sheets
from bot.language import say
from bot.web.desk import log, visitor_of
from bot.web.pages import masked
from campaigns import outcomes, statements
from campaigns.audit import Action
from campaigns.definitions import CampaignRow
from campaigns.outcomes import Outcome
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_HEAD = ("期次", "编号", "企业", "分级", "负责人", "结果", "原因", "通道", "地址", "发出", "回答的意思", "回答", "回来")


async def export_campaign(request: Request, row: CampaignRow, kind: str) -> Response:
    """All runs or ?run=17; only members the reader may see, addresses in full only with the right to them."""
    visitor = visitor_of(request)
    runs = await statements.query("SELECT id FROM occurrences WHERE campaign_id = $1", row.id)
    asked = request.query_params.get("run", "")
    ids = [one["id"] for one in runs if asked in ("", str(one["id"]))]
    owners = visitor.staff.owners
    rows = await outcomes.count_outcomes(ids, owners)
    full = visitor.may(Right.ADDRESSES)
    await log(request, Action.EXPORTED, f"campaign/{row.key}", rows=rows, kind=kind, addresses=full)
    name = f"{row.definition.title}-{request.app.state.runtime.clock().astimezone(SHANGHAI):%Y-%m-%d}"
    return await sheets.as_file(kind, name, [say(one) for one in _HEAD], _pieces(ids, owners, full))


async def _pieces(
    ids: Sequence[int], owners: frozenset[str] | None, full: bool
) -> AsyncIterator[Sequence[Sequence[str]]]:
    async for piece in outcomes.read_outcomes(ids, owners):
        yield [_cells(one, full) for one in piece]


def _cells(one: Outcome, full: bool) -> list[str]:
    return [
        one.run,
        one.no,
        one.name,
        one.tier,
        one.owner,
        wording.fate_words(one.state),
        wording.fate_words(one.reason) if one.reason else "",
        wording.channel_words(one.channel) if one.channel else "",
        one.address if full else masked(one.address),
        _moment(one.sent_at),
        wording.intent_words(one.intent) if one.intent else "",
        _moment(one.heard_at),
        _moment(one.returned_at),
    ]


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else ""
