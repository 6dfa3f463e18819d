"""负责人: whose member it is. The site's export says so at the next import again."""

from campaigns.models import Member


async def give_member(member_id: int, owner: str, *, was: str) -> bool:
    """False where somebody else changed the owner meanwhile. An empty owner is nobody."""
    return bool(await Member.filter(id=member_id, owner=was).update(owner=owner))
