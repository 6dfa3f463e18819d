"""Which SMS providers have an account: each a channel of its own behind one router."""

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from bot.channels.base import Channel
from bot.channels.sms_aliyun import AliyunSettings, AliyunSmsChannel
from bot.channels.sms_generic import GenericSmsChannel
from bot.channels.sms_generic_file import load_gateway
from bot.channels.sms_router import SmsRouter
from bot.channels.sms_rules import SmsRules, load_sms_rules
from bot.channels.sms_tencent import TencentSettings, TencentSmsChannel
from bot.clock import ProductClock
from bot.settings import Settings, home, networks
from campaigns.errors import ConfigError
from campaigns.terms import SmsProvider

RULES = "sms_providers.toml"
STAND_IN_SECONDS = 60.0
"""How long a call to a stand-in may take: it shares this machine, and often this very process, with who asks."""


def real_sms(settings: Settings, clock: ProductClock) -> SmsRouter | None:
    """Every provider with credentials; None where there is none. Raises ConfigError naming the setting."""
    found: dict[SmsProvider, Channel] = {}
    if settings.aliyun_sms_access_key_id:
        found[SmsProvider.ALIYUN] = AliyunSmsChannel(_aliyun(settings), clock)
    if settings.tencent_sms_secret_id:
        found[SmsProvider.TENCENT] = TencentSmsChannel(_tencent(settings), clock)
    if settings.sms_gateway_file:
        gateway = load_gateway(home() / settings.sms_gateway_file, os.environ)
        found[SmsProvider.GENERIC] = GenericSmsChannel(gateway, clock)
    pushed_from = {
        SmsProvider.ALIYUN: networks(settings.aliyun_sms_push_from),
        SmsProvider.TENCENT: networks(settings.tencent_sms_push_from),
        SmsProvider.GENERIC: networks(settings.sms_gateway_push_from),
    }
    if not found:
        return None
    return SmsRouter(found, _rules(settings.huifang_templates, found), pushed_from)


def _rules(templates: Path, found: Collection[SmsProvider]) -> SmsRules:
    """What the file says; a default without an account is the only one that has. Raises ConfigError."""
    rules = load_sms_rules(templates / RULES)
    if rules.default not in found and len(found) == 1:
        rules = replace(rules, default=next(iter(found)))
    for one in rules.named:
        if one not in found:
            raise ConfigError(
                f"{RULES}: {one} 没有账号，有的是 {'、'.join(found)} (a rule names a provider without account)"
            )
    return rules


def sandbox_sms(
    templates: Path, aliyun: Mapping[str, object], tencent: Mapping[str, object], clock: ProductClock
) -> SmsRouter | None:
    """The stand-ins, by what `huifang sandbox --json` says of them."""
    found: dict[SmsProvider, Channel] = {}
    if aliyun:
        found[SmsProvider.ALIYUN] = AliyunSmsChannel(
            AliyunSettings(
                endpoint=f"http://{aliyun['endpoint']}",
                access_key_id=str(aliyun["access_key_id"]),
                access_key_secret=str(aliyun["access_key_secret"]),
                timeout=STAND_IN_SECONDS,
            ),
            clock,
        )
    if tencent:
        found[SmsProvider.TENCENT] = TencentSmsChannel(
            TencentSettings(
                endpoint=f"http://{tencent['endpoint']}",
                secret_id=str(tencent["secret_id"]),
                secret_key=str(tencent["secret_key"]),
                sdk_app_id=str(tencent["sdk_app_id"]),
                timeout=STAND_IN_SECONDS,
            ),
            clock,
        )
    return SmsRouter(found, load_sms_rules(templates / RULES)) if found else None


def _aliyun(settings: Settings) -> AliyunSettings:
    return AliyunSettings(
        endpoint=settings.aliyun_sms_endpoint,
        access_key_id=settings.aliyun_sms_access_key_id,
        access_key_secret=settings.aliyun_sms_access_key_secret,
    )


def _tencent(settings: Settings) -> TencentSettings:
    return TencentSettings(
        endpoint=settings.tencent_sms_endpoint,
        region=settings.tencent_sms_region,
        secret_id=settings.tencent_sms_secret_id,
        secret_key=settings.tencent_sms_secret_key,
        sdk_app_id=settings.tencent_sms_sdk_app_id,
    )
