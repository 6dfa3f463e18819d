"""Pages of members and touches for a program, as far as its token sees them."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.runtime import Runtime
from bot.web.api.answers import ContactFound, MemberFound, MemberPage, TouchFound, TouchPage
from bot.web.pages import masked
from campaigns import staff, touches
from campaigns.api_tokens import Token
from campaigns.cells import parse_key
from campaigns.members.paging import MemberLine, members_after
from campaigns.rights import Right
from campaigns.terms import TouchKind

_LARGEST = 2**63 - 1
_Limit = Annotated[int, Field(ge=1, le=500, description="How many at most.")]


class PageQuery(BaseModel):
    """What every page may be asked with."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=0, le=_LARGEST, description="`next` of the page before.")] = 0
    limit: _Limit = 100


class MemberQuery(PageQuery):
    no: Annotated[str, Field(max_length=64, description="One member alone, by its number.")] = ""


class TouchQuery(PageQuery):
    member_no: Annotated[str, Field(max_length=64, description="Of one member alone.")] = ""
    kind: Literal[tuple(TouchKind)] | None = None  # type: ignore[valid-type]


async def read_members(runtime: Runtime, token: Token, asked: Any) -> MemberPage:
    number = (parse_key(asked.no) or asked.no) if asked.no else ""
    after = min(asked.after, 2**31 - 1)
    lines = await members_after(after, asked.limit, owners=await _owners(token), number=number)
    whole = token.may(Right.ADDRESSES)
    found = [_member(line, whole) for line in lines]
    return MemberPage(members=found, next=lines[-1].id if len(lines) == asked.limit else None)


async def read_touches(runtime: Runtime, token: Token, asked: Any) -> TouchPage:
    number = (parse_key(asked.member_no) or asked.member_no) if asked.member_no else ""
    rows = await touches.touches_after(
        asked.after, asked.limit, owners=await _owners(token), number=number, kind=asked.kind or ""
    )
    found = [TouchFound.model_construct(**row) for row in rows]
    return TouchPage.model_construct(touches=found, next=rows[-1]["id"] if len(rows) == asked.limit else None)


async def _owners(token: Token) -> Collection[str] | None:
    return await staff.owners_of(token.department) if token.department else None


def _member(line: MemberLine, whole: bool) -> MemberFound:
    contacts = [ContactFound(**{**one, **_addresses(one, whole)}) for one in line.contacts]
    return MemberFound(**line.values, refused=line.refused, contacts=contacts)


def _addresses(contact: dict[str, Any], whole: bool) -> dict[str, str]:
    return {name: (contact[name] or "") if whole else masked(contact[name]) for name in ("mobile", "email")}
