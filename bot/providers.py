"""Which provider each channel speaks to: the real one by its credentials, else the sandbox's stand-in."""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from arq.connections import ArqRedis

from bot.channels.base import Channel
from bot.channels.email import EmailChannel, EmailSettings
from bot.channels.imap_box import BoxAddress
from bot.channels.sms_router import SmsRouter
from bot.channels.wechat import WechatChannel, WechatSettings
from bot.channels.wechat_mass import mass_words
from bot.channels.wecom import WecomChannel
from bot.channels.wecom_api import WecomSettings
from bot.clock import ProductClock
from bot.settings import Settings
from bot.sms_providers import STAND_IN_SECONDS, real_sms, sandbox_sms
from bot.token_store import RedisTokenStore
from campaigns.errors import ConfigError
from campaigns.members.wecom import desk_of
from campaigns.terms import ChannelName, Outbound, SmsProvider

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SANDBOX_MAIL_DOMAIN = "huifang.example.com"
WECHAT_MASS = "wechat_mass"
"""WeChat's mass sends: with limits of their own, and stopped without stopping the rest of WeChat."""
PROVIDERS = {
    ChannelName.EMAIL: "email",
    ChannelName.SMS: "sms_aliyun",
    ChannelName.WECHAT: "wechat",
    ChannelName.WECOM: "wecom",
}
"""Which provider stands behind a channel, as templates/pacing.toml names it. Of SMS there may be others beside it."""


@dataclass(slots=True)
class SandboxEndpoints:
    """Where the stand-ins are and what they accept: the line `huifang sandbox --json` prints."""

    smtp: Mapping[str, object] = field(default_factory=dict)
    imap: Mapping[str, object] = field(default_factory=dict)
    aliyun_sms: Mapping[str, object] = field(default_factory=dict)
    tencent_sms: Mapping[str, object] = field(default_factory=dict)
    wechat: Mapping[str, object] = field(default_factory=dict)
    wecom: Mapping[str, object] = field(default_factory=dict)
    side: str = ""


def build_channels(
    settings: Settings, sandbox: SandboxEndpoints | None, clock: ProductClock, redis: ArqRedis
) -> tuple[dict[ChannelName, Channel], frozenset[ChannelName]]:
    """Channels without credentials are the sandbox's, and named; without a sandbox they are absent."""
    channels: dict[ChannelName, Channel] = {}
    sandboxed: set[ChannelName] = set()
    if settings.smtp_host:
        channels[ChannelName.EMAIL] = EmailChannel(_mail_settings(settings), clock)
    elif sandbox:
        channels[ChannelName.EMAIL] = EmailChannel(_sandbox_mail_settings(settings, sandbox), clock)
        sandboxed.add(ChannelName.EMAIL)
    if sms := real_sms(settings, clock):
        channels[ChannelName.SMS] = sms
    elif sandbox and (
        stand_in := sandbox_sms(settings.huifang_templates, sandbox.aliyun_sms, sandbox.tencent_sms, clock)
    ):
        channels[ChannelName.SMS] = stand_in
        sandboxed.add(ChannelName.SMS)
    if wechat := _wechat_settings(settings, sandbox):
        store = RedisTokenStore(redis, wechat.appid)
        channels[ChannelName.WECHAT] = WechatChannel(wechat, clock, store)
        if not settings.wechat_appid:
            sandboxed.add(ChannelName.WECHAT)
    if wecom := _wecom_settings(settings, sandbox):
        channels[ChannelName.WECOM] = WecomChannel(wecom, clock, desk_of, RedisTokenStore(redis, _wecom_name(wecom)))
        if not settings.wecom_corpid:
            sandboxed.add(ChannelName.WECOM)
    return channels, frozenset(sandboxed)


def paced_as(channel: Channel, outbound: Outbound) -> str:
    """By whose limits of templates/pacing.toml a message goes."""
    if isinstance(channel, SmsRouter):
        return f"sms_{channel.provider_of(outbound)}"
    return WECHAT_MASS if mass_words(outbound) else PROVIDERS[channel.name]


def all_paced_as(name: ChannelName, channel: Channel | None = None) -> list[str]:
    """Every provider that may carry messages of a channel, as that file names them."""
    if isinstance(channel, SmsRouter):
        return [f"sms_{one}" for one in channel.providers]
    return [PROVIDERS[name]] if name is not ChannelName.SMS else [f"sms_{one}" for one in SmsProvider]


def closed_as(channel: Channel, outbound: Outbound) -> str:
    """What is closed where messages like this one are not taken: the channel, one provider of it, or mass sends."""
    if isinstance(channel, SmsRouter):
        return channel.closure_of(channel.provider_of(outbound))
    return WECHAT_MASS if mass_words(outbound) else channel.name


def mailbox_address(settings: Settings, tls: ssl.SSLContext | None = None, patience: float = 60.0) -> BoxAddress:
    """The mailbox whose mail is fetched. `tls` in place of the system's authorities. Raises ConfigError."""
    if not settings.imap_tls and settings.imap_host not in _LOOPBACK:
        raise ConfigError("IMAP_TLS: 只有这台机器上的邮箱可以不用 TLS (plain only for a server on this machine)")
    return BoxAddress(
        settings.imap_host,
        settings.imap_port,
        settings.imap_username,
        settings.imap_password,
        settings.imap_folder,
        tls=(tls or ssl.create_default_context()) if settings.imap_tls else None,
        patience=patience,
    )


def _mail_settings(settings: Settings) -> EmailSettings:
    if not settings.mail_sender_address or not settings.mail_reply_domain:
        raise ConfigError(
            "MAIL_SENDER_ADDRESS、MAIL_REPLY_DOMAIN: 填了 SMTP_HOST 就都要填 (must be set beside SMTP_HOST)"
        )
    return EmailSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password,
        starttls=settings.smtp_starttls,
        connections=settings.smtp_connections,
        per_connection=settings.smtp_per_connection,
        sender_name=settings.mail_sender_name,
        sender_address=settings.mail_sender_address,
        reply_domain=settings.mail_reply_domain,
        message_id_domain=settings.mail_reply_domain,
        dkim_domain=settings.dkim_domain,
        dkim_selector=settings.dkim_selector,
        dkim_private_key=settings.dkim_private_key,
    )


def _sandbox_mail_settings(settings: Settings, sandbox: SandboxEndpoints) -> EmailSettings:
    door = sandbox.smtp
    return EmailSettings(
        host=str(door["host"]),
        port=int(str(door["submission_port"])),
        username=str(door["username"]),
        password=str(door["password"]),
        starttls=False,
        sender_name=settings.mail_sender_name,
        sender_address=f"hr@{SANDBOX_MAIL_DOMAIN}",
        reply_domain=SANDBOX_MAIL_DOMAIN,
        message_id_domain=SANDBOX_MAIL_DOMAIN,
    )


def _wechat_settings(settings: Settings, sandbox: SandboxEndpoints | None) -> WechatSettings | None:
    if settings.wechat_appid:
        return WechatSettings(
            appid=settings.wechat_appid,
            secret=settings.wechat_secret,
            token=settings.wechat_token,
            encoding_aes_key=settings.wechat_encoding_aes_key,
            base_url=settings.wechat_base_url,
        )
    if sandbox is None or not sandbox.wechat:
        return None
    door = {name: str(value) for name, value in sandbox.wechat.items()}
    return WechatSettings(
        appid=door["appid"],
        secret=door["secret"],
        token=door["token"],
        encoding_aes_key=door["encoding_aes_key"],
        base_url=door["base_url"],
        timeout=STAND_IN_SECONDS,
    )


def _wecom_settings(settings: Settings, sandbox: SandboxEndpoints | None) -> WecomSettings | None:
    if settings.wecom_corpid:
        return WecomSettings(
            corpid=settings.wecom_corpid,
            secret=settings.wecom_secret,
            agentid=settings.wecom_agentid,
            token=settings.wecom_token,
            encoding_aes_key=settings.wecom_encoding_aes_key,
            base_url=settings.wecom_base_url,
        )
    if sandbox is None or not sandbox.wecom:
        return None
    door = {name: str(value) for name, value in sandbox.wecom.items()}
    return WecomSettings(
        corpid=door["corpid"],
        secret=door["secret"],
        agentid=int(door["agentid"]),
        token=door["token"],
        encoding_aes_key=door["encoding_aes_key"],
        base_url=door["base_url"],
        timeout=STAND_IN_SECONDS,
    )


def _wecom_name(wecom: WecomSettings) -> str:
    """Of the token's place in the store: each secret of a company has a token of its own."""
    return f"wecom:{wecom.corpid}:{hashlib.sha256(wecom.secret.encode()).hexdigest()[:12]}"
