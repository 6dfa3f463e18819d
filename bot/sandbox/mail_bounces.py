"""Bounces as mail servers write them: RFC 3464 reports, late, again, never or about a mail that nobody sent."""

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime

from bot.sandbox.mail_parts import encoded, message_id, text_part
from bot.sandbox.stage import Accepted
from campaigns.terms import SHANGHAI


@dataclass(frozen=True, slots=True)
class Quirks:
    """How bounces come; every share is 0 to 1."""

    missing_share: float = 0.0  # never
    late_share: float = 0.0  # days or weeks after the mail, out of their order
    latest_of_the_late: timedelta = timedelta(days=21)
    duplicate_share: float = 0.0  # three times
    unknown_share: float = 0.0  # with one about a mail that nobody sent, to the same address


def write_bounce(accepted: Accepted, now: datetime) -> Message:
    """An RFC 3464 report: no such mailbox, in the words of that provider."""
    domain = accepted.to.rpartition("@")[2]
    status, words = _refusal(domain)
    mail = MIMEMultipart("report", report_type="delivery-status")
    mail["From"] = f"MAILER-DAEMON@{domain}"
    mail["To"] = accepted.words["mail_from"]
    mail["Subject"] = encoded("系统退信/Systems bounce", "utf-8")
    mail["Date"] = format_datetime(now.astimezone(SHANGHAI))
    mail["Message-ID"] = message_id(accepted, "bounce")
    mail["Auto-Submitted"] = "auto-replied"
    mail.attach(text_part(f"抱歉,您的邮件被退回来了。\n收件人: {accepted.to}\n退信原因: {words}\n", "utf-8"))
    mail.attach(_report(accepted, domain, status, words))
    headers = "".join(f"{name}: {value}\n" for name, value in _original_headers(accepted))
    original = MIMENonMultipart("text", "rfc822-headers")
    original.set_payload(headers)
    mail.attach(original)
    return mail


def _report(accepted: Accepted, domain: str, status: str, words: str) -> Message:
    about_mail, about_recipient = Message(), Message()
    about_mail["Reporting-MTA"] = f"dns; mx.{domain}"
    about_mail["Arrival-Date"] = format_datetime(accepted.at.astimezone(SHANGHAI))
    about_recipient["Final-Recipient"] = f"rfc822; {accepted.to}"
    about_recipient["Action"] = "failed"
    about_recipient["Status"] = status
    if _says_why(accepted):
        about_recipient["Diagnostic-Code"] = f"smtp; {words}"
    report = MIMENonMultipart("message", "delivery-status")
    report.set_payload([about_mail, about_recipient])
    return report


def _says_why(accepted: Accepted) -> bool:
    """RFC 3464 lets a report leave it out; QQ's say nothing without it."""
    return accepted.to.rpartition("@")[2].startswith("qq.") or zlib.crc32(accepted.provider_id.encode()) % 3 > 0


def _refusal(domain: str) -> tuple[str, str]:
    # QQ says 5.0.0 to everything; only its words tell what is wrong.
    if domain.startswith("qq."):
        return "5.0.0", "550 Mailbox not found. http://service.mail.qq.com/"
    if domain.startswith(("163.", "126.")):
        return "5.1.1", f"550 User not found: {domain}"
    return "5.1.1", "550 5.1.1 The email account that you tried to reach does not exist"


def _original_headers(accepted: Accepted) -> list[tuple[str, str]]:
    wanted = ("From", "To", "Subject", "Date", "Message-ID")
    found = [(name, str(accepted.words["headers"].get(name, ""))) for name in wanted]
    return [(name, value if value.isascii() else encoded(value, "utf-8")) for name, value in found]


def nobodys(accepted: Accepted) -> Accepted:
    """The same mail as another sender's: its own Message-ID and envelope are not ours."""
    domain = str(accepted.words["mail_from"]).rpartition("@")[2]
    headers = {**accepted.words["headers"], "Message-ID": f"<nobody-{accepted.provider_id}@{domain}>"}
    words = {**accepted.words, "headers": headers, "mail_from": f"bounce+nobody@{domain}"}
    return replace(accepted, words=words, provider_id=f"nobody {accepted.provider_id}")
