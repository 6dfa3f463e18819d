"""What colleagues write down about a contact: the role, how much that person's word counts, what they care about."""

from campaigns.errors import InputError
from campaigns.models import Contact
from campaigns.terms import ContactRole

INFLUENCES = (1, 2, 3)
LONGEST = 255
_BETWEEN = "、"


async def describe_contact(
    contact_id: int, member_id: int, *, role: ContactRole | None, influence: int | None, interests: str
) -> bool:
    """None and the empty text say that it is not known. False where the member has no such contact.

    Raises InputError for an influence that is none, or interests that do not fit.
    """
    if influence is not None and influence not in INFLUENCES:
        raise InputError("影响力是1到3 (influence is 1 to 3)")
    words = _BETWEEN.join(split_interests(interests))
    if len(words) > LONGEST:
        raise InputError(f"关注点写了{len(words)}字，最多{LONGEST}字 (too long)")
    told = {"role": role, "influence": influence, "interests": words or None}
    return bool(await Contact.filter(id=contact_id, member_id=member_id).update(**told))


def split_interests(text: str | None) -> tuple[str, ...]:
    """As people write them: with commas of any kind, or blanks where there are none."""
    for mark in ",，;；/\n":
        text = (text or "").replace(mark, _BETWEEN)
    return tuple(dict.fromkeys(filter(None, (" ".join(one.split()) for one in (text or "").split(_BETWEEN)))))
