"""A preview in words: who gets it by which channel, who later, who is left out and why."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.making.frame import Draft
from bot.console.making.reckoning import Reckoning, Reckonings
from bot.console.shell import staff_page
from bot.runtime import Runtime, follow_rules
from bot.web.desk import visitor_of
from bot.web.pages import page
from campaigns.errors import OutreachError
from campaigns.folders import CampaignFolder, SmsCost, sms_cost
from campaigns.planner import Preview
from campaigns.terms import SHANGHAI, ChannelName


@dataclass(frozen=True, slots=True)
class Reckoned:
    """`selected` by the rule: those of `goes` (now or later), of `visits` and of `left` (reason, how many; most first).

    `later`, among those of `goes`, by day: (its earliest moment, whether there are others, how many, why).
    """

    selected: int
    goes: int
    visits: int
    channels: Sequence[tuple[str, int]]
    later: Sequence[tuple[datetime, bool, int, str]]
    left: Sequence[tuple[str, int]]
    cost: SmsCost | None
    already_planned: bool

    @property
    def stays(self) -> int:
        return sum(n for _, n in self.left)

    @property
    def nobody(self) -> bool:
        return not self.goes and not self.visits


async def ask(request: Request, folder: CampaignFolder) -> Reckoning:
    """By the rules as they stand now: whoever changed one looks here next. Of the members one may see."""
    runtime: Runtime = request.app.state.runtime
    await follow_rules(runtime)
    reckonings: Reckonings = request.app.state.reckonings
    return reckonings.ask(runtime, folder, visitor_of(request).staff.owners)


async def answer(
    request: Request, draft: Draft, folder: CampaignFolder, *, back: str, part: str, **more: Any
) -> Response:
    """The part of a page that waits for it: asked for again while it is worked out, a page of its own without script.

    `part` is the template, `back` the page it is a part of, `more` what the template wants besides.
    """
    runtime: Runtime = request.app.state.runtime
    reckoning = await ask(request, folder)
    context: dict[str, Any] = {
        "draft": draft,
        "again": str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        "seconds": reckoning.seconds,
        "found": None,
        "fault": "",
        "back": back,
        "part": part,
        **more,
    }
    try:
        if preview := reckoning.found:
            context["found"] = reckoned(preview, folder, runtime.settings.sms_segment_yuan)
    except OutreachError as exc:
        context["fault"] = wording.fault_words(exc)
    if "hx-request" in request.headers:
        return page(request, part, words=wording, **context)
    return await staff_page(request, "making/part.html", here="campaigns", **context)


def reckoned(preview: Preview, folder: CampaignFolder, segment_yuan: Decimal) -> Reckoned:
    left = Counter({"written_to": preview.written_to, "other_trades": preview.other_trades})
    left.update({name.partition(":")[2]: n for name, n in preview.fates.items() if name.startswith("suppressed:")})
    return Reckoned(
        selected=preview.audience + preview.written_to + preview.other_trades,
        goes=sum(preview.channels.values()),
        visits=sum(n for name, n in preview.fates.items() if name == "visit"),
        channels=[(str(name), n) for name, n in preview.channels.items() if n],
        later=_later(preview),
        left=(+left).most_common(),  # without the zeros
        cost=_cost(preview, folder, segment_yuan),
        already_planned=preview.already_planned,
    )


def _later(preview: Preview) -> list[tuple[datetime, bool, int, str]]:
    days: dict[tuple[date, str], Counter[datetime]] = defaultdict(Counter)
    for name, moments in preview.until.items():
        for moment, n in moments.items():
            days[moment.astimezone(SHANGHAI).date(), name.partition(":")[2]][moment] += n
    return [(min(found), len(found) > 1, found.total(), why) for (_, why), found in sorted(days.items())]


def _cost(preview: Preview, folder: CampaignFolder, segment_yuan: Decimal) -> SmsCost | None:
    try:
        return sms_cost(folder, preview.channels.get(ChannelName.SMS, 0), segment_yuan)
    except OutreachError:
        return None
