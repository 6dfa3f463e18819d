"""The frame of 设置: its tabs, in order, as far as a person may open them."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot.console.shell import staff_page
from bot.language import say
from bot.web.desk import visitor_of
from campaigns.rights import Right

# key, address, words, who may open it
_TABS: tuple[tuple[str, str, str, Right], ...] = (
    ("overview", "/settings", "概况", Right.SETTINGS),
    ("channels", "/settings/channels", "通道", Right.SETTINGS),
    ("policy", "/settings/policy", "发送规则", Right.SETTINGS),
    ("tiers", "/settings/tiers", "客户分级", Right.SETTINGS),
    ("diagnosis", "/settings/diagnosis", "诊断", Right.SETTINGS),
    ("calendar", "/settings/calendar", "放假和上班", Right.SETTINGS),
    ("keywords", "/settings/keywords", "关键词表", Right.SETTINGS),
    ("suppressions", "/settings/suppressions", "屏蔽名单", Right.SETTINGS),
    ("fields", "/settings/fields", "自定义字段", Right.SETTINGS),
    ("tokens", "/settings/tokens", "接口令牌", Right.SETTINGS),
    ("webhooks", "/settings/webhooks", "对外通知", Right.SETTINGS),
    ("staff", "/staff", "员工", Right.STAFF),
    ("departments", "/settings/departments", "部门", Right.STAFF),
    ("audit", "/audit", "审计日志", Right.AUDIT),
)


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    href: str
    label: str


async def settings_page(
    request: Request, name: str, *, tab: str, here: str = "settings", status_code: int = 200, **context: Any
) -> HTMLResponse:
    """A page of the frame. Its template extends "settings/frame.html" and fills the blocks `title` and `panel`."""
    visitor = visitor_of(request)
    tabs = [Tab(key, href, say(label)) for key, href, label, right in _TABS if visitor.may(right)]
    return await staff_page(
        request, name, here=here, status_code=status_code, settings_tabs=tabs, settings_tab=tab, **context
    )
