"""The menu at the foot of the account: read, made, taken away."""

from collections.abc import Mapping, Sequence

from bot.channels.wechat_api import WechatApi, WechatRefused

Button = Mapping[str, object]

_NO_MENU = 46003


async def read_menu(api: WechatApi) -> list[Button]:
    """The buttons as WeChat has them, in the form that `make_menu` takes; empty where there is no menu."""
    try:
        answer = await api.ask("/cgi-bin/menu/get")
    except WechatRefused as refused:
        if refused.errcode == _NO_MENU:
            return []
        raise
    menu = answer.fields.get("menu")
    return _buttons(menu.get("button") if isinstance(menu, dict) else None)


async def make_menu(api: WechatApi, buttons: Sequence[Button]) -> None:
    """In place of the one there is. Followers see it within a day, or when they follow anew."""
    await api.ask("/cgi-bin/menu/create", {"button": list(buttons)})


async def delete_menu(api: WechatApi) -> None:
    await api.ask("/cgi-bin/menu/delete")


def _buttons(given: object) -> list[Button]:
    """Without the empty lists WeChat adds to buttons that open nothing."""
    found = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    return [_button(item) for item in found]


def _button(item: Mapping[str, object]) -> Button:
    below = _buttons(item.get("sub_button"))
    plain = {name: value for name, value in item.items() if name != "sub_button"}
    return {"name": plain["name"], "sub_button": below} if below and "name" in plain else plain
