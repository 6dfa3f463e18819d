"""The variables that words can use, by their Chinese names, each with what the sample says for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.console.making.editing import FOOT, SMS_SLOTS
from bot.language import say
from campaigns.errors import DefinitionError
from campaigns.folders.samples import sample_facts

_NAMES = {
    "member.short_name": "企业简称",
    "member.name": "企业全称",
    "contact.name": "联系人",
    "contact.title": "联系人职务",
    "member.unread": "未读数",
    "member.oldest_unread_days": "等待天数",
    "member.live_postings": "在招职位数",
    "member.postings": "发过的职位数",
    "member.idle_days": "没登录天数",
    "member.plan": "套餐",
    "member.plan_days_left": "套餐剩余天数",
    "member.owner": "负责人",
    "member.city": "城市",
    "member.trade": "行业",
    "links.way_in": "直达链接",
    "links.unsubscribe": "退订链接",
    "site.name": "网站名称",
    "site.phone": "网站电话",
    "site.address": "网站地址",
    "festival.name": "节日",
    "festival.greeting": "节日祝福",
}


_UNSAFE = re.compile(r"""["'\\{}%<>&\x00-\x1f]""")


@dataclass(frozen=True, slots=True)
class Offered:
    """`insert` goes in at the cursor; `sms` is the name of the same thing in an SMS, "" where it has none."""

    label: str
    insert: str
    sample: str
    sms: str = ""


def offered(files: Mapping[str, str], own: Mapping[str, str]) -> list[Offered]:
    """`own`: the site's own columns, name → what staff call it; a member without one gets nothing there."""
    slots = {expression: name for name, expression in SMS_SLOTS.items()}
    facts = _facts(files)
    found = []
    for path, label in _NAMES.items():
        insert = f"{{{{ {path} }}}}"
        name = slots.get(insert, "")
        found.append(Offered(say(label), insert, _value(facts, path), f"${{{name}}}" if name else ""))
    attrs = facts.get("member", {}).get("attr", {}) if isinstance(facts.get("member"), Mapping) else {}
    for name, label in own.items():
        if not _UNSAFE.search(name):
            found.append(Offered(label, f'{{{{ member.attr["{name}"] | default("") }}}}', str(attrs.get(name, ""))))
    return [*found, Offered(say("页脚"), FOOT, say("谁发的，怎么退订"))]


def _facts(files: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        return sample_facts(files)
    except DefinitionError:
        return {}


def _value(facts: Mapping[str, Any], path: str) -> str:
    owner, _, key = path.partition(".")
    inner = facts.get(owner, {})
    return str(inner.get(key, "")) if isinstance(inner, Mapping) else ""
