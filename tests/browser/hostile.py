"""Hostile words in every column that a stranger or a colleague fills."""

import asyncio
import smtplib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr
from itertools import cycle, islice
from pathlib import Path

from tortoise.models import Model

from bot.commands.serving import House
from bot.conductor import Conductor
from bot.sandbox.mail_customers import WIRE, write_reply
from bot.sandbox.stage import Accepted
from campaigns import models
from campaigns.terms import ChannelName
from tests.browser.house import ledger, lived_in, sandbox_of
from tests.cast import NOW

_FILE = Path(__file__).resolve().parents[1] / "data" / "xss_payloads.txt"
PAYLOADS = [line for line in _FILE.read_text(encoding="utf-8").split("\n") if line and not line.startswith("# ")]

# what holds words of others, by how many characters it takes
_COLUMNS: Mapping[type[Model], Mapping[str, int]] = {
    models.Member: {"name": 255, "trade": 64, "nature": 64, "size": 64, "city": 64, "plan": 64},
    models.Contact: {"name": 128, "title": 128, "parent_no": 64, "consent_source": 128, "qq": 32, "interests": 255},
    models.Posting: {"title": 255, "category": 128, "city": 64, "hours": 128, "contact_name": 128, "contact_phone": 64},
    models.Application: {"outcome": 64, "seeker_no": 64},
    models.Touch: {"evidence": 128, "by": 64},
    models.Visit: {"note": 2000, "owner": 64, "closed_by": 64},
    models.StaffAccount: {"department": 64},
    models.AuditEntry: {"who": 64, "subject": 128, "came_from": 64},
    models.Suppression: {"source": 128},
    models.Message: {"code": 64},
    models.Campaign: {"note": 255, "approved_by": 64},
    models.SavedSegment: {"name": 64, "by": 64},
    models.Note: {"text": 4000, "by": 64},
    models.CannedAnswer: {"title": 64, "text": 4000, "by": 64},
    models.Conversation: {"assigned": 64},
    models.Correction: {"text": 4000, "by": 64},
    models.CustomField: {"label": 64},
    models.ApiToken: {"name": 64, "by": 64},
    models.Approval: {"asked_by": 64, "decided_by": 64, "reason": 255},
    models.ImportRun: {"note": 255, "by": 64},
    models.SavedView: {"name": 64},
}


async def hostile_house(home: House) -> None:
    """A house that was lived in, its words turned hostile: what customers say comes by their own channels."""
    await lived_in(home)
    await _answers(home)
    for model, columns in _COLUMNS.items():
        await _turn(model, columns)
    for member, words in zip(await models.Member.all(), packed(1000), strict=False):
        await models.Member.filter(id=member.id).update(attrs={"园区": words, '"><b>园': "区"})


async def _turn(model: type[Model], columns: Mapping[str, int]) -> None:
    """Each row has other words in each of these columns; what must be unique keeps being it."""
    rows = [row.pk for row in await model.all().limit(400)]
    for place, (column, longest) in enumerate(columns.items()):
        words = islice(cycle(packed(longest)), place * 7, None)
        for pk, text in zip(rows, words, strict=False):
            await model.filter(pk=pk).update(**{column: text})


def packed(longest: int, payloads: Sequence[str] = PAYLOADS) -> list[str]:
    """All of them in as few texts of at most so many characters as they fill; a longer one loses its end."""
    texts = [""]
    for one in payloads:
        if texts[-1] and len(texts[-1]) + 1 + len(one) > longest:
            texts.append("")
        texts[-1] = f"{texts[-1]} {one}".strip()[:longest]
    return texts


# ---- what customers say ---------------------------------------------------------------------------------------------


async def _answers(home: House) -> None:
    for channel in (ChannelName.SMS, ChannelName.WECHAT):
        for arrived, words in zip(ledger(home, channel), packed(900), strict=False):
            await sandbox_of(home).customers.say(arrived, words)
    for arrived, words in zip(ledger(home, ChannelName.EMAIL), packed(4000), strict=False):
        await asyncio.to_thread(_deliver, home.mail_port, arrived, _mail(arrived, words))
    await Conductor(home.runtime, home.sandbox).settle()


def _mail(arrived: Accepted, words: str) -> MIMEMultipart:
    """An answer whose every part is hostile: who it is from, what it is about, both bodies, a file beside them."""
    honest = write_reply(arrived, "好的", NOW + timedelta(hours=1), automatic=False)
    mail = MIMEMultipart("mixed")
    for name in ("To", "Date", "Message-ID", "In-Reply-To", "References"):
        if honest[name]:
            mail[name] = honest[name]
    mail["From"] = formataddr((words[:60], arrived.to))
    mail["Subject"] = Header(words[:200], "utf-8")
    bodies = MIMEMultipart("alternative")
    bodies.attach(MIMEText(words, "plain", "utf-8"))
    bodies.attach(MIMEText(f"<p>{words}</p>", "html", "utf-8"))
    mail.attach(bodies)
    beside = MIMEText(words, "html", "utf-8")
    beside.add_header("Content-Disposition", "attachment", filename=("utf-8", "", words[:120]))
    mail.attach(beside)
    return mail


def _deliver(port: int, arrived: Accepted, mail: MIMEMultipart) -> None:
    with smtplib.LMTP("127.0.0.1", port, "mx.customer.example") as door:
        door.sendmail(arrived.to, [str(mail["To"])], mail.as_bytes(policy=WIRE))
