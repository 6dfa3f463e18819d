"""What only trying tells: whether the mailbox lets us in, and whether our DKIM record is published."""

import asyncio
import ssl

from bot.channels.imap_box import AWAY, BoxRefuses, ImapBox
from bot.commands.signing import Lookup, check_record, shown_record
from bot.providers import mailbox_address
from bot.settings import Settings
from campaigns.errors import ConfigError, OutreachError

_PATIENCE_SECONDS = 15.0
NOT_SET = "没有设 (not set)"


async def try_mailbox(settings: Settings, tls: ssl.SSLContext | None = None) -> str:
    """Log in over IMAP and open the folder. Raises OutreachError with the setting and the remedy."""
    if not settings.imap_host:
        return NOT_SET
    address = mailbox_address(settings, tls, _PATIENCE_SECONDS)
    where = f"{settings.imap_host}:{settings.imap_port}"
    try:
        box = await asyncio.to_thread(ImapBox, address)
    except BoxRefuses as exc:
        raise OutreachError(
            f"IMAP_USERNAME、IMAP_PASSWORD、IMAP_FOLDER: {where} 说 {exc}；QQ、163 要用授权码，不是登录密码，"
            "并在邮箱设置里打开 IMAP (log-in or folder refused: these want an authorisation code)"
        ) from None
    except ssl.SSLError as exc:
        raise OutreachError(
            f"IMAP_HOST: {where} 的证书不被信任，主机名要和证书一致 (certificate: {exc.reason})"
        ) from None
    except AWAY as exc:
        raise OutreachError(
            f"IMAP_HOST、IMAP_PORT: {where} 连不上，查主机名、端口（993）和防火墙 (no answer: {type(exc).__name__})"
        ) from None
    await asyncio.to_thread(box.close)
    return f"{where} 登录成功，{settings.imap_folder} 打得开 (logged in)"


async def try_dkim(settings: Settings, lookup: Lookup | None = None) -> str:
    """Compare what is published with our key. Raises OutreachError with the remedy."""
    if not (settings.dkim_domain or settings.dkim_selector or settings.dkim_private_key):
        return NOT_SET
    try:
        shown_record(settings)
    except ConfigError:
        return "设置还不能用，见 channels (the settings come first: see channels)"
    try:
        found = await check_record(settings, lookup)
    except OutreachError as exc:
        raise OutreachError(f"{exc}；照 huifang dkim show 发布这条 TXT 记录 (publish the record it prints)") from None
    return f"{found['name']} 已发布，和私钥是一对 (published)"
