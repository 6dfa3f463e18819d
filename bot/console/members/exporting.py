"""The list as a table to take away, with the columns it shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.console.members.address import CONDITIONS, asked_of
from bot.console.members.columns import PHONES, Column, cell_of, chosen_of, columns_for
from bot.console.sheets import Pieces, as_file
from bot.language import say
from bot.web.desk import StaffRoute, log
from campaigns.audit import Action
from campaigns.members.browse import channels_of, export_members, ids_of_list, mobiles_of
from campaigns.rights import Right

_MOST_EXPORTED = 200_000
_PIECE = 1_000  # rows written at once
_REACHED = {"wechat": "公众号", "sms": "短信", "email": "邮件"}


async def export(request: Request) -> Response:
    """The whole list in its order; phone numbers only where somebody who may see them chose that column."""
    kind = request.url.path.rpartition(".")[2]
    columns = chosen_of(request, await columns_for(request))
    ids = await ids_of_list(await asked_of(request), _MOST_EXPORTED)
    phones = {"phones": True} if any(one.key == PHONES for one in columns) else {}
    detail = {"rows": len(ids), "format": kind, "asked": sorted(set(request.query_params) & CONDITIONS), **phones}
    await log(request, Action.MEMBERS_EXPORTED, "members", **detail)
    head = [say("会员编号"), say("企业名称"), *(say("手机号") if one.key == PHONES else one.label for one in columns)]
    return await as_file(kind, "members", head, _pieces(ids, columns))


async def _pieces(ids: Sequence[int], columns: Sequence[Column]) -> Pieces:
    for first in range(0, len(ids), _PIECE):
        some = await _filled(await export_members(ids[first : first + _PIECE]), columns)
        yield [[row["no"], row["name"], *(cell_of(row, one) for one in columns)] for row in some]


async def _filled(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """With what stands in other tables, as far as it was chosen."""
    keys, ids = {one.key for one in columns}, [row["id"] for row in rows]
    reached = await channels_of(ids) if "reach" in keys else {}
    mobiles = await mobiles_of(ids) if PHONES in keys else {}
    return [
        {
            **row,
            "reach": say("、").join(
                say(words) for name, words in _REACHED.items() if name in reached.get(row["id"], ())
            ),
            PHONES: say("、").join(mobiles.get(row["id"], ())),
        }
        for row in rows
    ]


routes = [
    StaffRoute("/members.csv", export, right=Right.EXPORT),
    StaffRoute("/members.xlsx", export, right=Right.EXPORT),
]
