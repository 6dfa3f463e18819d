"""Every operation of the interface, declared once: what routes, validates and stands in OpenAPI."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydantic import BaseModel, ConfigDict, Field, create_model

from bot.runtime import Runtime
from bot.web.api.answers import BatchAnswer, MemberPage, TouchPage
from bot.web.api.batches import MOST_ROWS, store_batch
from bot.web.api.events import Event
from bot.web.api.reading import MemberQuery, TouchQuery, read_members, read_touches
from bot.web.api.rows import ROWS
from bot.web.api.telling import tell_batch
from campaigns.api_tokens import Token
from campaigns.columns import TableKind
from campaigns.rights import Right

Store = Callable[[Sequence[object], datetime], Awaitable[BatchAnswer]]
Read = Callable[[Runtime, Token, "BaseModel"], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class Operation:
    """`body` and `store` of one that writes, `query` and `read` of one that reads."""

    name: str
    method: str
    path: str
    right: Right
    summary: str
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    store: Store | None = None
    query: type[BaseModel] | None = None
    read: Read | None = None


class Batch(BaseModel):
    """1 to 1,000 rows; each is validated by itself, so that a wrong one does not keep the others out."""

    model_config = ConfigDict(extra="forbid")

    rows: list[object] = Field(min_length=1, max_length=MOST_ROWS)


def _batch_of(name: str, row: object) -> type[BaseModel]:
    declared = (list[row], Field(min_length=1, max_length=MOST_ROWS))  # type: ignore[valid-type]
    return create_model(name, __base__=Batch, __doc__=Batch.__doc__, rows=declared)


_SUMMARIES = {
    TableKind.MEMBERS: "Add members, or change what is said of them",
    TableKind.CONTACTS: "Add contacts, or change what is said of them",
    TableKind.POSTINGS: "Add postings, or change what is said of them",
    TableKind.APPLICATIONS: "Add applications, or change what is said of them",
    TableKind.LOGINS: "Add logins of the past",
}

OPERATIONS: tuple[Operation, ...] = (
    *(
        Operation(
            name=f"send_{kind}",
            method="POST",
            path=f"/{kind}",
            right=Right.IMPORT,
            summary=_SUMMARIES[kind],
            answer=BatchAnswer,
            body=_batch_of(f"{row.__name__.removesuffix('Row')}Batch", row),
            store=partial(store_batch, kind),
        )
        for kind, row in ROWS.items()
    ),
    Operation(
        name="send_events",
        method="POST",
        path="/events",
        right=Right.EVENTS,
        summary="Tell what happened on the site",
        answer=BatchAnswer,
        body=_batch_of("EventBatch", Event),
        store=tell_batch,
    ),
    Operation(
        name="read_members",
        method="GET",
        path="/members",
        right=Right.SEE,
        summary="Members with their contacts, by pages",
        answer=MemberPage,
        query=MemberQuery,
        read=read_members,
    ),
    Operation(
        name="read_touches",
        method="GET",
        path="/touches",
        right=Right.SEE,
        summary="Contacts that happened, by pages",
        answer=TouchPage,
        query=TouchQuery,
        read=read_touches,
    ),
)
