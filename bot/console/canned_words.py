"""The names in braces that answers kept ready may hold, and what stands in their place."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.sender.by_hand import LOGIN_LINK

_Given = Mapping[str, Any]
NAMES: Mapping[str, Callable[[_Given], object]] = {
    "企业": lambda given: given["member"]["name"],
    "企业简称": lambda given: given["member"]["short_name"],
    "联系人": lambda given: given["contact"]["name"],
    "职务": lambda given: given["contact"]["title"],
    "未读数": lambda given: given["member"]["unread"],
    "最早未读天数": lambda given: given["member"]["oldest_unread_days"],
    "在招数": lambda given: given["member"]["live_postings"],
    "套餐": lambda given: given["member"]["plan"],
    "套餐剩余天数": lambda given: given["member"]["plan_days_left"],
    "负责人": lambda given: given["member"]["owner"],
    "网站": lambda given: given["site"]["name"],
    "网址": lambda given: given["site"]["url"],
    "电话": lambda given: given["site"]["phone"],
}
MINE = "我的名字"
_NAME = re.compile(r"\{([^{}\n]{1,10})\}")


def fill_canned(text: str, given: Mapping[str, Any], mine: str) -> str:
    """`text` for one contact. The login link is made when the message is; what is no name of ours stays as it is."""

    def said(found: re.Match[str]) -> str:
        name = found[1]
        if name == MINE:
            return mine
        if name not in NAMES or not given:
            return found[0]
        value = NAMES[name](given)
        return "" if value is None else str(value)

    return _NAME.sub(said, text)


def unknown_names(text: str) -> list[str]:
    known = {*NAMES, MINE, LOGIN_LINK.strip("{}")}
    return [name for name in dict.fromkeys(_NAME.findall(text)) if name not in known]
