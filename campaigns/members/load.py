"""Records of a site's export into the tables: added, changed, unchanged, and those whose parent is missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from tortoise import fields
from tortoise.models import Model
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.columns import TableKind
from campaigns.members.initials import fill_initials, initials_of
from campaigns.members.merging import Columns, Row, keep_one_primary, merge
from campaigns.members.peers import keep_site
from campaigns.members.seekers import fill_occupations
from campaigns.members.staging import keep_stages
from campaigns.members.tiering import assign_all_tiers
from campaigns.models import Application, Contact, Login, Member, Posting, Seeker
from campaigns.rows import Judged
from campaigns.tier_rules import TierRules


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row whose member or posting, of this number, we do not have; it was not stored."""

    line: int
    parent_no: str


@dataclass(slots=True)
class Loaded:
    """What became of some rows. `repeats`: left out, for a file before had them; of a dry run alone.

    `added_lines`, `changed_lines`: which these are, where rows were stored.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    repeats: int = 0
    orphans: list[Orphan] = field(default_factory=list)
    added_lines: Sequence[int] = ()
    changed_lines: Sequence[int] = ()


async def load_chunk(kind: TableKind, judged: Judged, present: frozenset[str]) -> Loaded:
    """Store rows of one kind in one transaction. A thousand take about 20 ms, so that others get their turn.

    `present` names the fields the file had a column for: what a file does not tell stays as it was.
    """
    if not judged.lines:
        return Loaded()
    async with in_transaction():
        match kind:
            case TableKind.MEMBERS:
                return await _store(Member, _member_columns(judged.columns), judged.lines, present)
            case TableKind.SEEKERS:
                return await _store(Seeker, judged.columns, judged.lines, present)
            case TableKind.LOGINS:
                return await _load_logins(judged)
            case TableKind.APPLICATIONS:
                return await _load_children(Application, Posting, "posting", judged, present)
            case TableKind.CONTACTS:
                return await _load_contacts(judged, present)
            case TableKind.POSTINGS:
                return await _load_children(Posting, Member, "member", judged, present)


async def weigh_chunk(kind: TableKind, judged: Judged, present: frozenset[str], coming: Collection[str]) -> Loaded:
    """What `load_chunk` would make of these rows; nothing is written.

    `coming`: the numbers of parents that files before this one would bring.
    """
    if not judged.lines:
        return Loaded()
    match kind:
        case TableKind.MEMBERS:
            return await _weigh(Member, _member_columns(judged.columns), present)
        case TableKind.SEEKERS:
            return await _weigh(Seeker, judged.columns, present)
        case TableKind.LOGINS:
            return await _weigh_logins(judged, coming)
        case TableKind.APPLICATIONS:
            return await _weigh_children(Application, Posting, "posting", judged, present, coming)
        case TableKind.CONTACTS:
            return await _weigh_children(Contact, Member, "member", _with_choice(judged), present, coming)
        case TableKind.POSTINGS:
            return await _weigh_children(Posting, Member, "member", judged, present, coming)


async def refresh_members(now: datetime, rules: TierRules) -> None:
    """Counters, tiers and stages brought up to date; to be called once after the files of an import are in."""
    await statements.recount_members()
    await fill_initials()
    await fill_occupations()
    await assign_all_tiers(now, rules)
    await keep_stages(now)
    await keep_site(now)


async def _load_contacts(judged: Judged, present: frozenset[str]) -> Loaded:
    loaded = await _load_children(Contact, Member, "member", _with_choice(judged), present)
    members = await statements.ids_of("members", list(set(judged.columns["member_no"])))
    await keep_one_primary(list(members.values()))
    return loaded


def _with_choice(judged: Judged) -> Judged:
    return replace(judged, columns={**judged.columns, "primary_ours": [None] * len(judged.lines)})


async def _load_children(
    model: type[Model], parent: type[Model], parent_name: str, judged: Judged, present: frozenset[str]
) -> Loaded:
    known, orphans = await _with_parents(parent, parent_name, judged)
    loaded = await _store(model, known.columns, known.lines, present | {f"{parent_name}_id"})
    loaded.orphans = orphans
    return loaded


async def _with_parents(parent: type[Model], parent_name: str, judged: Judged) -> tuple[Judged, list[Orphan]]:
    """The rows that have a parent, with its id instead of its number."""
    numbers = judged.columns[f"{parent_name}_no"]
    ids = await statements.ids_of(parent._meta.db_table, list(set(numbers)))
    orphans = [Orphan(line, no) for line, no in zip(judged.lines, numbers, strict=True) if no not in ids]
    if orphans:
        judged = judged.only([no in ids for no in numbers])
    columns = dict(judged.columns)
    columns[f"{parent_name}_id"] = [ids[no] for no in columns.pop(f"{parent_name}_no")]
    return replace(judged, columns=columns), orphans


async def _load_logins(judged: Judged) -> Loaded:
    known, orphans = await _with_parents(Member, "member", judged)
    pairs = zip(known.columns["member_id"], known.columns["at"], strict=True)
    logins = dict(reversed([*zip(pairs, known.lines, strict=True)]))  # a login told twice is the first line's
    new = sorted(logins.keys() - await stored_logins(logins))
    await statements.upsert("logins", ("member_id", "at"), ("member_id", "at"), new)
    lines = [logins[login] for login in new]
    return Loaded(added=len(new), unchanged=len(logins) - len(new), orphans=orphans, added_lines=lines)


async def _weigh(model: type[Model], columns: Columns, present: frozenset[str]) -> Loaded:
    known = await statements.ids_of(model._meta.db_table, columns["no"])
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    old = [row for row in rows if row["no"] in known]
    if not old:
        return Loaded(added=len(rows))
    stored = {row["no"]: row for row in await model.filter(id__in=known.values()).values("id", *columns)}
    changed = sum(merge(model, stored[row["no"]], row, present) != stored[row["no"]] for row in old)
    return Loaded(added=len(rows) - len(old), changed=changed, unchanged=len(old) - changed)


async def _weigh_children(
    model: type[Model],
    parent: type[Model],
    parent_name: str,
    judged: Judged,
    present: frozenset[str],
    coming: Collection[str],
) -> Loaded:
    new = await _under_new(parent, judged.columns[f"{parent_name}_no"], coming)
    known, orphans = await _with_parents(parent, parent_name, judged.only([not one for one in new]))
    columns = known.columns
    loaded = await _weigh(model, columns, present | {f"{parent_name}_id"}) if columns["no"] else Loaded()
    below = [no for no, one in zip(judged.columns["no"], new, strict=True) if one]
    moved = len(await statements.ids_of(model._meta.db_table, below))  # there already, under another parent
    loaded.added += len(below) - moved
    loaded.changed += moved
    loaded.orphans = orphans
    return loaded


async def _under_new(parent: type[Model], numbers: Sequence[str], coming: Collection[str]) -> list[bool]:
    """Which of these parents are not there yet and are coming."""
    stored = await statements.ids_of(parent._meta.db_table, list(set(numbers)))
    return [no in coming and no not in stored for no in numbers]


async def _weigh_logins(judged: Judged, coming: Collection[str]) -> Loaded:
    new = await _under_new(Member, judged.columns["member_no"], coming)
    known, orphans = await _with_parents(Member, "member", judged.only([not one for one in new]))
    logins = set(zip(known.columns["member_id"], known.columns["at"], strict=True))
    stored = await stored_logins(logins)
    return Loaded(added=len(logins - stored) + sum(new), unchanged=len(logins & stored), orphans=orphans)


async def stored_logins(logins: Collection[tuple[int, datetime]]) -> set[tuple[int, datetime]]:
    """Those there are among the logins of these members in this time."""
    if not logins:
        return set()
    times = [at for _, at in logins]
    span = {"at__gte": min(times), "at__lte": max(times)}
    found = Login.filter(member_id__in={member_id for member_id, _ in logins}, **span)
    return set(await found.values_list("member_id", "at"))


async def _store(model: type[Model], columns: Columns, lines: Sequence[int], present: frozenset[str]) -> Loaded:
    numbers = columns["no"]
    known = await statements.ids_of(model._meta.db_table, numbers)
    if not known:
        await _insert(model, columns)
        return Loaded(added=len(numbers), added_lines=lines)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    new = [row for row in rows if row["no"] not in known]
    if new:
        await _insert(model, statements.columns_of(new, columns))
    changed = await _update(model, [row for row in rows if row["no"] in known], known, present)
    return Loaded(
        added=len(new),
        changed=len(changed),
        unchanged=len(numbers) - len(new) - len(changed),
        added_lines=[line for line, no in zip(lines, numbers, strict=True) if no not in known],
        changed_lines=[line for line, no in zip(lines, numbers, strict=True) if no in changed],
    )


async def _insert(model: type[Model], columns: Columns) -> None:
    count = len(columns["no"])
    defaults = {name: [value] * count for name, value in _defaults(model).items() if name not in columns}
    await statements.insert_rows(model._meta.db_table, types_of(model), defaults | columns)


async def _update(
    model: type[Model], rows: Sequence[Row], known: Mapping[str, int], present: frozenset[str]
) -> set[str]:
    """The numbers of those that changed."""
    columns = ("id", *rows[0])
    stored = {row["no"]: row for row in await model.filter(id__in=known.values()).values(*columns)}
    merged = [merge(model, stored[row["no"]], row, present) for row in rows]
    changed = [row for row in merged if row != stored[row["no"]]]
    types = types_of(model)
    await statements.update_rows(model._meta.db_table, {name: types[name] for name in columns}, changed)
    return {row["no"] for row in changed}


@cache
def types_of(model: type[Model]) -> Mapping[str, str]:
    """Column → PostgreSQL's type for a list of its values, the id apart from the others."""
    fields = {name: model._meta.fields_map[name] for name in model._meta.fields_db_projection}
    return {
        name: next(sql for kind, sql in _SQL_TYPES.items() if isinstance(one, kind)) for name, one in fields.items()
    }


def _defaults(model: type[Model]) -> Row:
    """What a row has where the site tells nothing."""
    given = {name: model._meta.fields_map[name].default for name in types_of(model) if name != "id"}
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


def _member_columns(columns: Columns) -> Columns:
    times = zip(columns["last_login_at"], columns["registered_at"], strict=True)
    return {
        **columns,
        "initials": [initials_of(name) for name in columns["name"]],
        "idle_since": [seen or registered for seen, registered in times],
        "site_owner": [owner or None for owner in columns["owner"]],
        "owner_due": [None] * len(columns["owner"]),
    }
