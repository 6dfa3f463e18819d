"""What the site tells of somebody it told of before, laid over what stands here: what is ours stays."""

from collections.abc import Mapping, Sequence
from typing import Any

from tortoise.models import Model

from campaigns import statements
from campaigns.members.initials import initials_of
from campaigns.models import Contact

Row = dict[str, Any]
Columns = dict[str, list[Any]]

_OURS_TOO: Mapping[type[Model], frozenset[str]] = {
    Contact: frozenset(("title", "parent_no", "role", "influence", "interests"))
}
"""What colleagues write down themselves: a cell that the site leaves empty takes none of it away."""


def merge(model: type[Model], stored: Row, row: Row, present: frozenset[str]) -> Row:
    """`present`: the fields the site tells; what it does not tell stays as it was."""
    ours = _OURS_TOO.get(model, frozenset())
    told = {name: value for name, value in row.items() if name in present and (value or name not in ours)}
    if "owner" in told:
        told |= _owner(stored, told.pop("owner"))
    if stored.get("primary_ours"):
        told.pop("is_primary", None)
    merged = {**stored, **told}
    if merged.get("name") != stored.get("name"):  # old rows without initials are no change of the site's
        merged["initials"] = initials_of(merged["name"])
    elif "initials" in stored:
        merged["initials"] = stored["initials"]
    if "attrs" in row:
        merged["attrs"] = {**stored["attrs"], **row["attrs"]}
        merged["idle_since"] = merged["last_login_at"] or merged["registered_at"]
    return merged


def _owner(stored: Row, word: str) -> Row:
    """The site's word on whose member it is.

    One who was given a member here keeps it; where the site alone has said so far whose it is, and says another, the
    member is due to be handed over with all that is under way (campaigns.transfers.follow_site).
    """
    before, owner = stored["site_owner"], stored["owner"]
    if not word or word == before:
        return {}
    if owner in ("", word):
        return {"owner": word, "site_owner": word, "owner_due": None}
    if stored["owner_due"] or (before and owner == before):
        return {"site_owner": word, "owner_due": word}
    return {"site_owner": word}


async def keep_one_primary(member_ids: Sequence[int]) -> None:
    """Of each of these members at most one contact is the primary one: a colleague's choice, else the first."""
    db = statements.connection()
    await statements.run(
        f"""
        UPDATE contacts SET is_primary = FALSE, primary_ours = (
          SELECT c.primary_ours FROM contacts c WHERE c.member_id = contacts.member_id AND c.primary_ours LIMIT 1)
        WHERE is_primary AND member_id {statements.ids_in(db, "$1", "int")} AND EXISTS (
          SELECT 1 FROM contacts d WHERE d.member_id = contacts.member_id AND d.is_primary AND d.id <> contacts.id
          AND (coalesce(d.primary_ours, FALSE) AND NOT coalesce(contacts.primary_ours, FALSE)
               OR coalesce(d.primary_ours, FALSE) = coalesce(contacts.primary_ours, FALSE) AND d.id < contacts.id))
        """,
        statements.id_list(db, member_ids),
    )
