"""templates/sms_providers.toml: which provider carries which SMS, where there is more than one."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.content import read_table, read_toml
from campaigns.errors import DefinitionError
from campaigns.terms import SmsProvider

_KEYS = ("default", "share", "carrier", "prefix")
_PREFIX = re.compile(r"1\d{2,10}", re.ASCII)
# Who a block of numbers was given to. A customer may have taken the number along to another carrier since.
_BLOCKS = {
    "mobile": "134 135 136 137 138 139 147 148 150 151 152 157 158 159 165 172 178 182 183 184 187 188 195 197 198 "
    "1703 1705 1706",
    "unicom": "130 131 132 145 146 155 156 166 167 171 175 176 185 186 196 1704 1707 1708 1709",
    "telecom": "133 149 153 162 173 174 177 180 181 189 190 191 193 199 1700 1701 1702",
    "broadnet": "192",
}


@dataclass(frozen=True, slots=True)
class SmsRules:
    """`share` is in percent of all numbers; `prefixes` are the first digits of a number, the longest counts."""

    default: SmsProvider = SmsProvider.ALIYUN
    share: Mapping[SmsProvider, int] = field(default_factory=dict)
    prefixes: Mapping[str, SmsProvider] = field(default_factory=dict)

    @property
    def named(self) -> tuple[SmsProvider, ...]:
        """Every provider that some rule sends to, the default first."""
        return tuple(dict.fromkeys([self.default, *self.share, *self.prefixes.values()]))

    def order(self, number: str) -> Sequence[SmsProvider]:
        """Who should carry a message, and who next where that one cannot. The same for every message to a number:

        a refusal that a provider keeps to itself, its push being lost, is then met by the next message.
        """
        found = self._by_prefix(number)
        first = [found] if found else []
        return list(dict.fromkeys([*first, *self._by_share(number), *self.named]))

    def _by_prefix(self, number: str) -> SmsProvider | None:
        lengths = range(len(number), 2, -1)
        return next((self.prefixes[number[:n]] for n in lengths if number[:n] in self.prefixes), None)

    def _by_share(self, number: str) -> list[SmsProvider]:
        place = int.from_bytes(hashlib.sha256(number.encode()).digest()[:4]) % 100
        for provider, percent in self.share.items():
            if place < percent:
                return [provider]
            place -= percent
        return []


def load_sms_rules(path: Path) -> SmsRules:
    """Read the file; without one everything goes by Aliyun. Raises DefinitionError(file, key, problem)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return SmsRules()
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文本 (cannot be read: {type(exc).__name__})") from exc
    return _Reader(path.name).rules(read_toml(text, path.name))


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def rules(self, table: Mapping[str, Any]) -> SmsRules:
        for key in table:
            if key not in _KEYS:
                raise self._wrong(key, f"没有这一项，只有 {'、'.join(_KEYS)} (unknown key)")
        default = self._provider("default", table.get("default", SmsProvider.ALIYUN))
        return SmsRules(default, self._share(table), {**self._carriers(table), **self._prefixes(table)})

    def _share(self, table: Mapping[str, Any]) -> dict[SmsProvider, int]:
        share: dict[SmsProvider, int] = {}
        for name, percent in read_table(table, "share", self._file).items():
            provider = self._provider(f"share.{name}", name)
            if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
                raise self._wrong(f"share.{name}", "写 0 到 100 的整数，是百分之几 (a whole number of percent)")
            share[provider] = percent
        if share and sum(share.values()) != 100:
            raise self._wrong("share", f"加起来是 {sum(share.values())}，要正好 100 (must add up to 100)")
        return share

    def _carriers(self, table: Mapping[str, Any]) -> dict[str, SmsProvider]:
        found: dict[str, SmsProvider] = {}
        for name, given in read_table(table, "carrier", self._file).items():
            if name not in _BLOCKS:
                raise self._wrong(f"carrier.{name}", f"没有这家运营商，只有 {'、'.join(_BLOCKS)} (unknown carrier)")
            found |= dict.fromkeys(_BLOCKS[name].split(), self._provider(f"carrier.{name}", given))
        return found

    def _prefixes(self, table: Mapping[str, Any]) -> dict[str, SmsProvider]:
        found: dict[str, SmsProvider] = {}
        for digits, given in read_table(table, "prefix", self._file).items():
            if not _PREFIX.fullmatch(digits):
                raise self._wrong(
                    f"prefix.{digits}", '写号码开头的 3 到 11 位数字，如 "139" (the first 3 to 11 digits)'
                )
            found[digits] = self._provider(f"prefix.{digits}", given)
        return found

    def _provider(self, where: str, value: object) -> SmsProvider:
        if not isinstance(value, str) or value not in list(SmsProvider):
            raise self._wrong(where, f"没有这家短信服务商，只有 {'、'.join(SmsProvider)} (unknown provider)")
        return SmsProvider(value)

    def _wrong(self, key: str, problem: str) -> DefinitionError:
        return DefinitionError(self._file, key, problem)
