"""The conditions of the list in words: each with the address of the list without it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot import wording
from bot.advice_words import stage_words
from bot.console.members.address import REACHABLE, list_url
from bot.language import say
from campaigns import definitions, saved_segments
from campaigns.members.browse import UNOWNED, Sieve

_BACK = {
    "reply": "回复过",
    "auto_reply": "自动回复过",
    "return": "从链接回来过",
    "refusal": "退订过",
    "login": "昨天起自己登录，之前30天没来",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition of the list, and the address of the list without it."""

    label: str
    value: str
    without: str


async def chips_of(sieve: Sieve, rules: Mapping[str, str]) -> list[Chip]:
    title = await _title(sieve.campaign) if sieve.campaign else ""
    task = say("全部") if sieve.task == "any" else say(wording.task_words(sieve.task))

    def without(**changed: Any) -> str:
        return list_url(replace(sieve, **changed), rules=rules)

    def less(name: str) -> str:
        return list_url(sieve, rules={key: value for key, value in rules.items() if key != name})

    asked = rules.get
    segment = await saved_segments.find_segment(int(rules["segment"])) if "segment" in rules else None
    owner = say("待分配") if sieve.owner == UNOWNED else sieve.owner
    every: list[tuple[object, Chip]] = [
        (sieve.text, Chip(say("搜"), sieve.text, without(text=""))),
        (sieve.unread, Chip(say("有"), say("未读简历"), without(unread=False))),
        (sieve.refused, Chip(say("已"), say("退订全部"), without(refused=False))),
        (sieve.task, Chip(say("要办的任务"), task, without(task=""))),
        (sieve.campaign, Chip(say("营销活动"), title, without(campaign=""))),
        (sieve.fate, Chip(say("消息现在"), say(wording.fate_words(sieve.fate)), without(fate=""))),
        (sieve.inbound, Chip(say("后来"), say(_BACK.get(sieve.inbound, "")), without(inbound=""))),
        (sieve.trade, Chip(say("行业"), sieve.trade, without(trade=""))),
        (sieve.city, Chip(say("地区"), sieve.city, without(city=""))),
        (sieve.owner, Chip(say("负责人"), owner, without(owner=""))),
        (asked("idle"), Chip(say("没登录满"), say("{n}天").format(n=asked("idle")), less("idle"))),
        (asked("renewal"), Chip(say("套餐到期"), say("{n}天内").format(n=asked("renewal")), less("renewal"))),
        (asked("reach"), Chip(say("可达"), say(REACHABLE.get(asked("reach", ""), "")), less("reach"))),
        (asked("stage"), Chip(say("成长阶段"), stage_words(asked("stage", "")), less("stage"))),
        (asked("reached"), Chip(say("到过"), stage_words(asked("reached", "")), less("reached"))),
        (asked("department"), Chip(say("部门"), asked("department", ""), less("department"))),
        (asked("segment"), Chip(say("分群"), segment.name if segment else say("已删除"), less("segment"))),
    ]
    return [chip for asked, chip in every if asked]


async def _title(key: str) -> str:
    found = await definitions.find_campaign(key)
    return found.definition.title if found else key
