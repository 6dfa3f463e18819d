"""Records of a site's export into the tables: added, changed, unchanged, and those whose parent is missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from tortoise import fields
from tortoise.models import Model
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.members.tiering import assign_all_tiers
from campaigns.models import Application, Contact, Login, Member, Posting, Seeker
from campaigns.records import (
    ApplicationRecord,
    ContactRecord,
    LoginRecord,
    MemberRecord,
    Parsed,
    PostingRecord,
    Record,
    SeekerRecord,
)


@dataclass(slots=True)
class Loaded:
    """What became of some records. `orphans` name a member or posting that we do not have; they were not stored."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    orphans: list[Parsed] = field(default_factory=list)


Row = dict[str, Any]


async def load_chunk(parsed: Sequence[Parsed], present: frozenset[str]) -> Loaded:
    """Store records of one kind in one transaction. A thousand take about 50 ms, so that others get their turn.

    `present` names the fields the file had a column for: what a file does not tell stays as it was.
    """
    if not parsed:
        return Loaded()
    async with in_transaction():
        match parsed[0].record:
            case MemberRecord():
                return await _store(Member, [_member_row(one.record) for one in parsed], present)
            case SeekerRecord():
                return await _store(Seeker, [_fields(one.record) for one in parsed], present)
            case LoginRecord():
                return await _load_logins(parsed)
            case ApplicationRecord():
                return await _load_children(Application, Posting, "posting", parsed, present)
            case ContactRecord():
                return await _load_children(Contact, Member, "member", parsed, present)
            case PostingRecord():
                return await _load_children(Posting, Member, "member", parsed, present)


async def refresh_members(now: datetime) -> None:
    """Counters and tiers brought up to date; to be called once after the files of an import are in."""
    await statements.recount_members()
    await assign_all_tiers(now)


async def _load_children(
    model: type[Model], parent: type[Model], parent_name: str, parsed: Sequence[Parsed], present: frozenset[str]
) -> Loaded:
    rows = [(one, _fields(one.record)) for one in parsed]
    parents = await _ids(parent, {row[f"{parent_name}_no"] for _, row in rows})
    known: list[Row] = []
    orphans: list[Parsed] = []
    for one, row in rows:
        parent_id = parents.get(row.pop(f"{parent_name}_no"))
        if parent_id is None:
            orphans.append(one)
        else:
            known.append({**row, f"{parent_name}_id": parent_id})
    loaded = await _store(model, known, present | {f"{parent_name}_id"})
    loaded.orphans = orphans
    return loaded


async def _load_logins(parsed: Sequence[Parsed]) -> Loaded:
    logins = [(one, one.record) for one in parsed if isinstance(one.record, LoginRecord)]
    members = await _ids(Member, {login.member_no for _, login in logins})
    known = {(members[login.member_no], login.at) for _, login in logins if login.member_no in members}
    ids, times = {member_id for member_id, _ in known}, [at for _, at in known]
    stored: set[tuple[int, datetime]] = set()
    if known:
        span = {"at__gte": min(times), "at__lte": max(times)}
        stored = set(await Login.filter(member_id__in=ids, **span).values_list("member_id", "at"))
    new = sorted(known - stored)
    await statements.upsert("logins", ("member_id", "at"), ("member_id", "at"), new)
    orphans = [one for one, login in logins if login.member_no not in members]
    return Loaded(added=len(new), unchanged=len(known) - len(new), orphans=orphans)


async def _store(model: type[Model], rows: list[Row], present: frozenset[str]) -> Loaded:
    if not rows:
        return Loaded()
    columns = list(rows[0])
    known = await _ids(model, [row["no"] for row in rows])
    stored = (
        {row["no"]: row for row in await model.filter(id__in=known.values()).values("id", *columns)} if known else {}
    )
    new = [row for row in rows if row["no"] not in stored]
    merged = [_merge(stored[row["no"]], row, present) for row in rows if row["no"] in stored]
    changed = [row for row in merged if row != stored[row["no"]]]
    table, types = model._meta.db_table, _types(model)
    defaults = {name: value for name, value in _defaults(model).items() if name not in columns}
    await statements.insert_rows(table, types, [defaults | row for row in new])
    await statements.update_rows(table, {name: types[name] for name in ("id", *columns)}, changed)
    return Loaded(added=len(new), changed=len(changed), unchanged=len(merged) - len(changed))


@cache
def _types(model: type[Model]) -> Mapping[str, str]:
    """Column → PostgreSQL's type for a list of its values, the id apart from the others."""
    fields = {name: model._meta.fields_map[name] for name in model._meta.fields_db_projection}
    return {
        name: next(sql for kind, sql in _SQL_TYPES.items() if isinstance(one, kind)) for name, one in fields.items()
    }


def _defaults(model: type[Model]) -> Row:
    """What a row has where the site tells nothing."""
    given = {name: model._meta.fields_map[name].default for name in _types(model) if name != "id"}
    return {name: value() if callable(value) else value for name, value in given.items()}


# a field is of the first kind that fits: a DatetimeField is a DateField, too
_SQL_TYPES: Mapping[type[fields.Field[Any]], str] = {
    fields.DatetimeField: "timestamptz",
    fields.DateField: "date",
    fields.JSONField: "jsonb",
    fields.BooleanField: "boolean",
    fields.FloatField: "double precision",
    fields.IntField: "int",
    fields.CharField: "text",
}


def _merge(stored: Row, row: Row, present: frozenset[str]) -> Row:
    merged = {**stored, **{name: value for name, value in row.items() if name in present}}
    if "attrs" in row:
        merged["attrs"] = {**stored["attrs"], **row["attrs"]}
        merged["idle_since"] = merged["last_login_at"] or merged["registered_at"]
    return merged


def _member_row(record: Record) -> Row:
    row = _fields(record)
    row["attrs"] = dict(row["attrs"])
    row["idle_since"] = row["last_login_at"] or row["registered_at"]
    return row


def _fields(record: Record) -> Row:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


async def _ids(model: type[Model], numbers: Collection[str]) -> dict[str, int]:
    return await statements.ids_of(model._meta.db_table, list(numbers))
