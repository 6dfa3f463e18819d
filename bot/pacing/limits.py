"""The limits of templates/pacing.toml: how fast, and how much in an hour, a day, a month."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.content import read_toml
from campaigns.errors import DefinitionError

MAIL, SMS_ALIYUN, WECHAT, WECOM = "email", "sms_aliyun", "wechat", "wecom"
WECHAT_MASS = "wechat_mass"  # a thousand of its messages are one call
SMS_TENCENT, SMS_GENERIC = "sms_tencent", "sms_generic"
PROVIDERS = (MAIL, SMS_ALIYUN, WECHAT, SMS_TENCENT, SMS_GENERIC, WECOM, WECHAT_MASS)
EACH = "*"
"""The name that stands for every sender or destination without a line of its own, each counted by itself."""

_RATE = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)/(s|min|h)", re.ASCII)
_UNITS = {"s": 1, "min": 60, "h": 3600}
_MOST = 1_000_000_000
_LIMIT_KEYS = ("rate", "burst", "per_hour", "per_day", "per_month")
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.ASCII)
_NUMBER = re.compile(r"\d{6,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limit:
    """What one provider, sender or destination takes. 0 means no limit of that kind.

    `rate` is messages a second, evenly; `burst` how many of them may go at once (0: what 50 ms bring, at least one).
    The others count in natural hours, days and months of Asia/Shanghai, as the providers do.
    """

    rate: float = 0.0
    burst: int = 0
    per_hour: int = 0
    per_day: int = 0
    per_month: int = 0


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """One provider's: of the whole account, and of senders and destinations by name or `*`.

    `aliases`: a mail domain → the domain whose limit it shares.
    """

    whole: Limit | None = None
    senders: Mapping[str, Limit] = field(default_factory=dict)
    destinations: Mapping[str, Limit] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def of_sender(self, sender: str) -> Limit | None:
        return self.senders.get(sender) or self.senders.get(EACH)

    def of_destination(self, destination: str) -> Limit | None:
        return self.destinations.get(destination) or self.destinations.get(EACH)


@dataclass(frozen=True, slots=True)
class PaceBook:
    """All limits by provider. A provider that is not in it is not paced."""

    providers: Mapping[str, ProviderLimits] = field(default_factory=dict)
    pace_sandbox: bool = False

    def without(self, sandboxed: Collection[str]) -> "PaceBook":
        """The limits of what is real: the sandbox's stand-ins need none, unless the file asks for it."""
        if self.pace_sandbox:
            return self
        return PaceBook({name: limits for name, limits in self.providers.items() if name not in sandboxed})


def load_pace_book(path: Path) -> PaceBook:
    """Read the file; one that is not there limits nothing. Raises DefinitionError(file, key, problem)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return PaceBook()
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文本 (cannot be read: {type(exc).__name__})") from exc
    return _Reader(path.name).book(read_toml(text, path.name))


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def book(self, table: Mapping[str, Any]) -> PaceBook:
        left = dict(table)
        sandbox = left.pop("pace_sandbox", False)
        if not isinstance(sandbox, bool):
            raise self._wrong("pace_sandbox", "只能是 true 或 false (true or false)")
        return PaceBook({name: self._provider(name, value) for name, value in left.items()}, sandbox)

    def _provider(self, name: str, value: object) -> ProviderLimits:
        if name not in PROVIDERS:
            raise self._wrong(name, f"没有这个服务商，只有 {'、'.join(PROVIDERS)} (unknown provider)")
        left = self._table(name, value)
        senders = self._table(f"{name}.from", left.pop("from", {}))
        destinations = self._table(f"{name}.to", left.pop("to", {}))
        aliases = self._aliases(name, destinations)
        return ProviderLimits(
            whole=self._limit(name, left) if left else None,
            senders={key: self._named(f"{name}.from.{key}", one) for key, one in senders.items()},
            destinations={
                self._destination(name, key): self._named(f"{name}.to.{key}", one) for key, one in destinations.items()
            },
            aliases=aliases,
        )

    def _aliases(self, provider: str, destinations: Mapping[str, Any]) -> dict[str, str]:
        """Takes `also` out of each destination: other domains that the same mail servers answer for."""
        aliases: dict[str, str] = {}
        own = {key.lower() for key in destinations}
        for key, value in destinations.items():
            where = f"{provider}.to.{key}.also"
            also = value.pop("also", []) if isinstance(value, dict) else []
            if also and provider != MAIL:
                raise self._wrong(where, "只有邮件才有 (mail only)")
            if not isinstance(also, list) or (key == EACH and also):
                raise self._wrong(where, '要写成域名的列表，如 ["foxmail.com"] (a list of domains)')
            for domain in also:
                name = self._destination(provider, domain)
                if name in aliases or name in own:
                    raise self._wrong(where, f"{name} 写了两次 (named twice)")
                aliases[name] = key.lower()
        return aliases

    def _destination(self, provider: str, name: object) -> str:
        where = f"{provider}.to.{name}"
        lower = name.strip().lower() if isinstance(name, str) else ""
        if lower == EACH:
            return lower
        if provider == MAIL and not _DOMAIN.fullmatch(lower):
            raise self._wrong(where, '要写域名，如 "qq.com"，或 "*" (a mail domain or "*")')
        if provider.startswith("sms") and not _NUMBER.fullmatch(lower):
            raise self._wrong(where, '要写号码，或 "*" 表示每个号码 (a number or "*")')
        return lower if provider == MAIL else str(name)

    def _named(self, where: str, value: object) -> Limit:
        table = self._table(where, value)
        if not table:
            raise self._wrong(where, "没有写任何限制 (no limit in it)")
        return self._limit(where, table)

    def _limit(self, where: str, table: Mapping[str, Any]) -> Limit:
        for key in table:
            if key not in _LIMIT_KEYS:
                raise self._wrong(f"{where}.{key}", f"没有这一项，只有 {'、'.join(_LIMIT_KEYS)} (unknown key)")
        if "burst" in table and "rate" not in table:
            raise self._wrong(f"{where}.burst", "没有 rate 就用不上 (needs a rate)")
        counts = {key: self._count(f"{where}.{key}", table[key]) for key in _LIMIT_KEYS[1:] if key in table}
        return Limit(rate=self._rate(f"{where}.rate", table["rate"]) if "rate" in table else 0.0, **counts)

    def _rate(self, where: str, value: object) -> float:
        match = _RATE.fullmatch(value) if isinstance(value, str) else None
        if match is None or not float(match[1]):
            raise self._wrong(where, f'要写成 "100/s"、"20/min" 或 "50/h"，现在是 {value!r} (a rate such as "20/min")')
        return float(match[1]) / _UNITS[match[2]]

    def _count(self, where: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
            raise self._wrong(where, f"要写 1 到 {_MOST} 的整数，现在是 {value!r} (a whole number from 1)")
        return value

    def _table(self, where: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(where, f"要写成 [{where}] 表 (a table is expected)")
        return dict(value)

    def _wrong(self, key: str, problem: str) -> DefinitionError:
        return DefinitionError(self._file, key, problem)
