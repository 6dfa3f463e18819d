"""What is worth knowing before one member is visited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.brief_talk import talk_of
from bot.brief_words import brief_document
from bot.clock import ProductClock
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.runtime import follow_clock, read_rules
from bot.scripts import scripts_in_force
from bot.settings import Settings
from campaigns.brief import brief_of
from campaigns.errors import InputError
from campaigns.folders import load_site


async def brief_member(settings: Settings, number: str, as_of: datetime | None, task: int | None) -> dict[str, Any]:
    """The brief as one document. InputError where nobody has that number."""
    async with open_database(settings):
        clock = ProductClock()
        await follow_clock(clock, settings)
        limits = (await read_rules(settings))[0].diagnosis
        brief = await brief_of(number, as_of or clock(), task, thresholds=limits)
        if brief is None:
            raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
        book = await scripts_in_force(settings.huifang_templates)
    site = load_site(settings.huifang_templates)["name"]
    return brief_document(brief, talk_of(brief, book, me=brief.about.owner, site=site))


def brief_lines(found: Mapping[str, Any]) -> list[Shown]:
    shown: list[Shown] = [f"{found['name']}  {found['member']}  {found['tier']}", *found["why"], found["who_decides"]]
    people = [
        [one["name"], one["title"], one["role"] or "", one["influence"] or "", "、".join(one["interests"])]
        for one in found["contacts"]
        if one["active"]
    ]
    shown += [table(("联系人", "职务", "角色", "影响", "关注"), people)] if people else []
    shown += [f"答应过：{one['what']}（{one['words']}）" for one in found["promises"]]
    posts = [
        [one["title"] or one["no"], one["pay_min"], one["pay_max"], one["pay"] and round(one["pay"]["p50"]),
         one["applications"], one["unread"]]
        for one in found["postings"]
    ]  # fmt: skip
    shown += [table(("职位", "月薪低", "月薪高", "同类中位", "投递", "未读"), posts)] if posts else []
    titles = {one["no"]: one["title"] for one in found["postings"]}
    shown += [f"{titles.get(one['posting'], '')}  {one['words']}".strip() for one in found["findings"]]
    for part, head in (("opening", "开场"), ("ask", "要问的"), ("offer", "可以给的"), ("closing", "收尾")):
        shown += [f"{head}：{one['zh']} ({one['en']})" for one in found["script"][part]]
    return shown
