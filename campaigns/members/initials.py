"""The first letters of a name in pinyin, by which a search finds it; of several readings the commonest."""

from pypinyin import Style, lazy_pinyin

from campaigns import statements

_LONGEST = 64
_AT_ONCE = 2_000


def initials_of(name: str) -> str:
    """大同机械 → dtjx. Letters and digits stay in lower case, everything else goes."""
    letters = "".join(lazy_pinyin(name, style=Style.FIRST_LETTER))
    return "".join(one for one in letters if one.isascii() and one.isalnum()).lower()[:_LONGEST]


async def fill_initials() -> int:
    """Write those of members that have none yet, as after an upgrade. Returns how many."""
    after, filled = 0, 0
    while True:
        rows = await statements.query(
            f"SELECT id, name FROM members WHERE initials = '' AND id > $1 ORDER BY id LIMIT {_AT_ONCE}", after
        )
        if not rows:
            return filled
        after = rows[-1]["id"]
        found = [{"id": row["id"], "initials": initials_of(row["name"])} for row in rows]
        found = [row for row in found if row["initials"]]
        await statements.update_rows("members", {"id": "int", "initials": "text"}, found)
        filled += len(found)
