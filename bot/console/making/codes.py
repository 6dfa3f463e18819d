"""The providers' templates that our campaigns know already, to choose from: by box, each with what it says."""

import tomllib
from collections.abc import Mapping
from typing import Any

from bot.runtime import Runtime
from campaigns import definitions

_SHOWN = 40  # letters of a template's text
_SMS = {"sms/template_code": ("template_code",), "sms/tencent/template_id": ("tencent", "template_id")}
_WECHAT = {f"wechat/{mode}/template_id": (mode, "template_id") for mode in ("template", "subscribe")}

Codes = dict[str, dict[str, str]]


async def known_codes(runtime: Runtime, key: str) -> Codes:
    """Box → code → what it says. An SMS template that another campaign fills is that one's alone and is not offered."""
    templates, found, taken = runtime.settings.huifang_templates, Codes(), Codes()
    for one, files in (await definitions.standing_texts(templates, "sms.toml", "wechat.toml")).items():
        _collect(found, files)
        if one != key:
            _collect(taken, {"sms.toml": files.get("sms.toml", "")})
    row = await definitions.find_campaign(key)
    _collect(found, row.files if row else {})
    return {
        box: {code: said for code, said in many.items() if code not in taken.get(box, {})}
        for box, many in found.items()
    }


def _collect(found: Codes, files: Mapping[str, str]) -> None:
    for file, boxes in (("sms.toml", _SMS), ("wechat.toml", _WECHAT)):
        try:
            table = tomllib.loads(files.get(file, ""))
        except tomllib.TOMLDecodeError:
            continue
        for box, path in boxes.items():
            inner: Any = table if len(path) == 1 else table.get(path[0])
            code = inner.get(path[-1]) if isinstance(inner, Mapping) else None
            if isinstance(code, str) and code:
                said = table.get("text", "") if file == "sms.toml" else inner.get("text", "")
                found.setdefault(box, {}).setdefault(code, " ".join(str(said).split())[:_SHOWN])
