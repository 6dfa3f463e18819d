"""Parts of customers' mails: text in a program's own charset, ids that are the same in every run."""

import hashlib
from email.header import Header
from email.mime.text import MIMEText

from bot.sandbox.stage import Accepted


def message_id(accepted: Accepted, about: str) -> str:
    mark = hashlib.sha256(f"{accepted.provider_id} {accepted.to} {about}".encode()).hexdigest()[:24]
    return f"<{mark}@{accepted.to.rpartition('@')[2]}>"


def text_part(text: str, charset: str, kind: str = "plain") -> MIMEText:
    return MIMEText(text, kind, charset_for(text, charset))


def encoded(words: str, charset: str) -> str:
    return Header(words, charset_for(words, charset)).encode()


def charset_for(text: str, charset: str) -> str:
    """The program's own, or UTF-8 where that cannot say it (emoji in GBK)."""
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return "utf-8"
    return charset
