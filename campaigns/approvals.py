"""送审: who asked to send which words to how many, and who answered what.

A request is bound to a content version; what is written afterwards is not what is approved.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import definitions
from campaigns.definitions import CampaignRow
from campaigns.errors import InputError, StateError
from campaigns.folders import CampaignFolder, folder_of, lint_folder
from campaigns.models import Approval, ContentVersion

APPROVED, REFUSED, WITHDRAWN = "approved", "refused", "withdrawn"
LONGEST_REASON = 255
GROWN = 2


class Weight(StrEnum):
    """What becomes of a run by its size. GRANTED: it waited, and somebody said yes."""

    LIGHT = "light"
    GRANTED = "granted"
    WAITS = "waits"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `verdict` empty while it waits. `audience`: members the rule selected when it was asked."""

    id: int
    campaign: str
    version_id: int
    audience: int
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    verdict: str
    reason: str


class OwnTooLarge(StateError):
    """A person may approve a campaign of their own only up to a size."""

    def __init__(self, audience: int, own_up_to: int) -> None:
        super().__init__(f"自己送审的要发{audience}家，超过{own_up_to}家要别人批准 (another person must approve)")
        self.audience, self.own_up_to = audience, own_up_to


async def submit(folder: CampaignFolder, audience: int, *, by: str, now: datetime) -> Request:
    """Ask for this campaign as it stands; a request that still waits is withdrawn for it.

    Raises InputError where the lint finds fault.
    """
    if problems := lint_folder(folder):
        raise InputError(f"{folder.key} 有 {len(problems)} 处要改，第一处：{problems[0]} (run campaign lint)")
    async with in_transaction():
        version, _ = await ContentVersion.get_or_create(
            campaign=folder.key, digest=folder.digest, defaults={"files": dict(folder.files), "created_at": now}
        )
        await _close(folder.key, WITHDRAWN, by=by, now=now)
        row = await Approval.create(
            campaign=folder.key, version_id=version.id, audience=audience, asked_by=by[:64], asked_at=now
        )
    return _request(row)


async def approve(request_id: int, *, by: str, now: datetime, own_up_to: int) -> CampaignRow:
    """Bind the campaign to the words that were submitted. Whoever asks for this must have the right to.

    Raises OwnTooLarge, StateError for one that was answered meanwhile, InputError where the lint finds fault today.
    """
    async with in_transaction():
        request = await read_request(request_id)
        if not may_approve(request, by, own_up_to):
            raise OwnTooLarge(request.audience, own_up_to)
        await _decide(request_id, APPROVED, by=by, now=now, reason="")
        return await definitions.approve(await submitted(request), by=by, now=now)


async def refuse(request_id: int, *, by: str, now: datetime, reason: str) -> None:
    """Raises InputError without a reason, StateError for one that was answered meanwhile."""
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise InputError("写一句为什么，对方好改 (a reason is needed)")
    await _decide(request_id, REFUSED, by=by, now=now, reason=reason)


async def withdraw(request_id: int, *, by: str, now: datetime) -> None:
    """Raises StateError for one that was answered meanwhile."""
    await _decide(request_id, WITHDRAWN, by=by, now=now, reason="")


def may_approve(request: Request, who: str, own_up_to: int) -> bool:
    """Whether the size allows it; the right is asked for elsewhere."""
    return request.asked_by != who[:64] or request.audience <= own_up_to


async def weigh(
    campaign: CampaignRow, audience: Callable[[], Awaitable[int]], *, since: datetime, now: datetime, own_up_to: int
) -> Weight:
    """Whether a run that fell due at `since` may go out, or has grown so far beyond its approval that it is asked anew.

    It may where it is at most GROWN times what was approved, or no larger than one's own may be. `audience` counts it,
    at most once: while an answer is waited for nothing is counted. What no request was made for is as large as it is.
    """
    known = await Approval.filter(campaign=campaign.key, version_id=campaign.version_id).order_by("-id")
    granted = next((one for one in known if one.verdict == APPROVED), None)
    if granted is None:
        return Weight.LIGHT
    last = known[0]
    if last.asked_at >= since and last.verdict != APPROVED:
        return Weight.WAITS if last.verdict == "" else Weight.REFUSED
    if (n := await audience()) <= max(own_up_to, GROWN * granted.audience):
        return Weight.GRANTED if granted.asked_at >= since else Weight.LIGHT
    await Approval.create(
        campaign=campaign.key, version_id=campaign.version_id, audience=n, asked_by=granted.asked_by, asked_at=now
    )
    return Weight.WAITS


async def grown_from(request: Request) -> int:
    """How many were approved before with these very words, where this asks for more; else 0."""
    before = Approval.filter(campaign=request.campaign, version_id=request.version_id, verdict=APPROVED)
    row = await before.filter(id__lt=request.id).order_by("-id").first()
    return row.audience if row and row.audience < request.audience else 0


async def submitted(request: Request) -> CampaignFolder:
    """The campaign as it was submitted."""
    version = await ContentVersion.get(id=request.version_id)
    return folder_of(request.campaign, version.files)


async def waiting_requests() -> list[Request]:
    """What waits for an answer, the oldest first."""
    return [_request(row) for row in await Approval.filter(verdict="").order_by("asked_at", "id")]


async def refused_requests(who: str, since: datetime) -> list[Request]:
    """What this person asked for and was refused since, newest first; not where something was asked anew."""
    refused = await Approval.filter(asked_by=who[:64], verdict=REFUSED, decided_at__gte=since).order_by("-id")
    later = Approval.filter(campaign__in={row.campaign for row in refused})
    newest = {campaign: number for number, campaign in await later.order_by("id").values_list("id", "campaign")}
    return [_request(row) for row in refused if newest[row.campaign] == row.id]


async def count_waiting(who: str = "", own_up_to: int = 0) -> int:
    """With `who` only what the size lets this person answer."""
    waiting = Approval.filter(verdict="")
    if who:
        waiting = waiting.filter(~Q(asked_by=who[:64]) | Q(audience__lte=own_up_to))
    return await waiting.count()


async def last_request(campaign: str) -> Request | None:
    row = await Approval.filter(campaign=campaign).order_by("-id").first()
    return _request(row) if row else None


async def read_request(request_id: int) -> Request:
    """Raises StateError where there is none."""
    row = await Approval.get_or_none(id=request_id) if request_id < 2**31 else None
    if row is None:
        raise StateError("没有这次送审 (no such request)")
    return _request(row)


async def _decide(request_id: int, verdict: str, *, by: str, now: datetime, reason: str) -> None:
    values = {"verdict": verdict, "decided_by": by[:64], "decided_at": now, "reason": reason}
    if await Approval.filter(id=request_id, verdict="").update(**values) != 1:
        request = await read_request(request_id)
        raise StateError(f"这次送审{request.decided_by}已经处理过了 (already {request.verdict})")


async def _close(campaign: str, verdict: str, *, by: str, now: datetime) -> None:
    waiting = Approval.filter(campaign=campaign, verdict="")
    await waiting.update(verdict=verdict, decided_by=by[:64], decided_at=now)


def _request(row: Approval) -> Request:
    return Request(
        id=row.id,
        campaign=row.campaign,
        version_id=row.version_id,
        audience=row.audience,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        verdict=row.verdict,
        reason=row.reason,
    )
