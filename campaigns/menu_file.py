"""templates/wechat_menu.toml: the menu of the WeChat account, checked before WeChat is asked to take it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from campaigns.content import read_toml
from campaigns.content.tables import check_keys
from campaigns.errors import DefinitionError

Button = dict[str, object]

_BUTTONS, _BELOW = 3, 5
_NAME_BYTES, _NAME_BYTES_BELOW = 16, 60  # four and twenty Chinese characters; a phone shows four and seven
_KEY_BYTES, _URL_BYTES = 128, 1024
_PRESSED = ("scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select")
# What each kind of button must say beside its name.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "view": ("url",),
    "click": ("key",),
    "miniprogram": ("url", "appid", "pagepath"),
    "article_id": ("article_id",),
    "media_id": ("media_id",),
    **dict.fromkeys(_PRESSED, ("key",)),
}


def load_menu(path: Path) -> list[Button]:
    """The buttons as WeChat takes them; none where the file names none. Raises DefinitionError naming the button."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except FileNotFoundError:
        raise DefinitionError(path.name, "file", "没有这个文件，照说明写一个 (file missing)") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文字 ({type(exc).__name__})") from exc
    table = read_toml(text, path.name)
    check_keys(table, ("button",), path.name)
    return _Reader(path.name).buttons(table.get("button", []), "button", _BUTTONS)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def buttons(self, given: object, where: str, most: int) -> list[Button]:
        if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
            raise self._wrong(where, "每个按钮写成一段 [[button]] 或 [[button.sub_button]] (a table for each)")
        if len(given) > most:
            raise self._wrong(where, f"有{len(given)}个，微信最多收{most}个 (too many)")
        return [self._button(one, f"{where} {number}") for number, one in enumerate(given, 1)]

    def _button(self, given: Mapping[str, Any], where: str) -> Button:
        below = "sub_button" in given
        top = "sub_button" not in where
        name = self._text(given, "name", where, _NAME_BYTES if top else _NAME_BYTES_BELOW)
        if below and not top:
            raise self._wrong(where, "只有两层，第二层下面不能再有 (two levels only)")
        if below:
            check_keys(given, ("name", "sub_button"), self._file)
            inner = self.buttons(given["sub_button"], f"{where} sub_button", _BELOW)
            if not inner:
                raise self._wrong(where, "下面一个也没有，写上 type 或 sub_button (no button below)")
            return {"name": name, "sub_button": inner}
        kind = str(given.get("type", ""))
        if kind not in _NEEDS:
            raise self._wrong(f"{where} type", f"只能是 {'、'.join(_NEEDS)} (unknown type)")
        check_keys(given, ("name", "type", *_NEEDS[kind]), self._file)
        said = {key: self._said(given, key, where) for key in _NEEDS[kind]}
        return {"name": name, "type": kind, **said}

    def _said(self, given: Mapping[str, Any], key: str, where: str) -> str:
        value = self._text(given, key, where, _URL_BYTES if key == "url" else _KEY_BYTES)
        if key == "url" and not value.startswith("https://"):
            raise self._wrong(f"{where} url", "要写完整网址，以 https:// 开头 (not an https address)")
        return value

    def _text(self, given: Mapping[str, Any], key: str, where: str, most: int) -> str:
        value = given.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(f"{where} {key}", "要填 (missing)")
        if len(value.encode()) > most:
            raise self._wrong(f"{where} {key}", f"“{value[:20]}”超过{most}字节，缩短 (too long)")
        return value.strip()

    def _wrong(self, where: str, problem: str) -> DefinitionError:
        return DefinitionError(self._file, where, problem)
