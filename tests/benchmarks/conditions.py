"""What the lists of the console can be asked for: conditions that a walk along links meets late or never."""

from urllib.parse import quote, urlencode

from campaigns.members.browse import INBOUND, SORTS
from campaigns.models import Campaign, Occurrence

_MEMBERS: tuple[dict[str, object], ...] = (
    {"q": "第5"}, {"q": "Y77"}, {"q": "dtd7"}, {"q": "15410000077"}, {"q": "0077"}, {"q": "晓燕"}, {"q": "没有这家"},
    {"page": 1900}, {"page": 1900, "sort": "login"}, {"tier": "高端", "sort": "unread", "down": 1}, {"unread": 1},
    {"refused": 1}, {"task": "any"}, {"task": "renewal"}, {"trade": "餐饮酒店"}, {"city": "大同"}, {"owner": "石磊"},
    {"owner": "-"}, {"idle": 30}, {"renewal": 30}, {"reach": "sms"}, {"reach": "email"}, {"reach": "wechat"},
    {"segment": 1}, {"segment": 2}, {"segment": 3}, {"q": "第5", "reach": "sms", "idle": 30, "sort": "expires"},
)  # fmt: skip
_FATES = ("gone", "waiting", "sent", "delivered", "unknown", "suppressed:hold_out", "bounced:no_such_address")
_OTHERS = (
    "/members/Y1?skip=30", "/members/Y1?skip=4000", "/inbox/Y1?skip=200", "/members/Y2", "/inbox?page=100",
    "/inbox?find=第5", "/inbox?tab=all&find=晓燕", "/inbox?tab=all&page=200", "/tasks?page=100",
    "/tasks?which=done&page=200", "/campaigns?state=running", "/campaigns?q=提醒", "/audit?who=程雪",
    "/audit?action=member_seen", "/audit?subject=member/Y1", "/audit?who=程雪&action=logged_in&subject=member/Y77",
    "/audit?page=1000", "/audit?who=没有这人", "/settings/suppressions?q=Y77", "/settings/suppressions?page=40",
    "/calendar?month=2026-12",
)  # fmt: skip


async def conditions() -> list[str]:
    """Addresses: of members each order both ways, each condition; of a campaign its fates, its answers, one run."""
    key = str(await Campaign.all().order_by("id").first().values_list("key", flat=True))
    runs = Occurrence.filter(campaign__key=key)
    run = await runs.order_by("id").first().values_list("id", flat=True)
    sorts = [{"sort": name, **down} for name in sorted(SORTS) for down in ({}, {"down": "1"})]
    own: list[dict[str, object]] = [{"campaign": key}, *({"fate": one} for one in _FATES)]
    own += [{"campaign": key, "fate": one} for one in _FATES]
    own += [{"inbound": one} for one in sorted(INBOUND)]
    own += [{"campaign": key, "inbound": one} for one in sorted(INBOUND)]
    members = [f"/members?{urlencode(one)}" for one in (*sorts, *_MEMBERS, *own)]
    campaign = f"/campaigns/{quote(key)}"
    return [*members, *_OTHERS, *(f"{campaign}{part}?run={run}" for part in ("", "/progress", "/depth"))]
