"""DKIM: a key, its DNS record, and whether what is published is the same."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, resolve

from bot.channels.dkim import DkimSigner
from bot.channels.dkim_record import make_key, problem_with, zone_value
from bot.commands.printing import Shown
from bot.settings import Settings
from campaigns.errors import ConfigError, OutreachError

Lookup = Callable[[str], Sequence[str]]


def new_key(kind: str, domain: str, selector: str, file: Path) -> dict[str, str]:
    """Write a new private key into a file for its owner alone. Raises ConfigError where the file is there already."""
    pem = make_key(kind)
    record = DkimSigner(domain, selector, pem).dns_record()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigError(f"{file}: 写不了，已有的钥匙不覆盖 (cannot be made: {exc.strerror})") from None
    with os.fdopen(handle, "w") as opened:
        opened.write(pem)
    return {"file": str(file), **_as_found(domain, selector, record)}


def shown_record(settings: Settings) -> dict[str, str]:
    """The record for the key in the settings. Raises ConfigError where there is none."""
    return _as_found(settings.dkim_domain, settings.dkim_selector, _signer(settings).dns_record())


async def check_record(settings: Settings, lookup: Lookup | None = None) -> dict[str, str]:
    """Compare with DNS. Raises OutreachError with what is wrong."""
    found = shown_record(settings)
    published = await asyncio.to_thread(lookup or _txt, found["name"])
    if problem := problem_with(published, found["value"]):
        raise OutreachError(f"{found['name']}: {problem}")
    return found


def record_lines(found: Mapping[str, Any]) -> list[Shown]:
    kept = [f"私钥 (private key): {found['file']}"] if "file" in found else []
    return [*kept, f"{found['name']}  TXT", found["value"], f"zone: {found['zone']}"]


def _signer(settings: Settings) -> DkimSigner:
    if not (settings.dkim_domain and settings.dkim_selector and settings.dkim_private_key):
        raise ConfigError("DKIM_DOMAIN、DKIM_SELECTOR、DKIM_PRIVATE_KEY: 三个都要填 (all three are needed)")
    return DkimSigner(settings.dkim_domain, settings.dkim_selector, settings.dkim_private_key)


def _as_found(domain: str, selector: str, record: str) -> dict[str, str]:
    return {"name": f"{selector}._domainkey.{domain}", "value": record, "zone": zone_value(record)}


def _txt(name: str) -> list[str]:
    try:
        answer = resolve(name, "TXT")
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as exc:
        raise OutreachError(f"{name}: 问不到 DNS，过会儿再试 (DNS gives no answer: {type(exc).__name__})") from None
    return [b"".join(one.strings).decode("utf-8", "replace") for one in answer]
