"""Debian's postfix as the receiving server: its smtp-sink takes what our channel sends, to the final dot."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from bot.channels.email import EmailChannel, EmailSettings
from campaigns.terms import MailWords, MessageClass, Outbound
from tests import servers
from tests.fleet import until
from tests.web_cast import NOW

WORDS = MailWords("（广告）秋季招聘会 😀", ".您好\n.\n..两个点\n", "<p>您好</p>")


@pytest.mark.parametrize("count", [1, 120])
async def test_every_mail_arrives_once_and_whole(count: int) -> None:
    context = servers.smtp_sink(keep=True)
    try:
        sink = await asyncio.to_thread(context.__enter__)
    except servers.MissingServer as missing:
        pytest.skip(f"smtp-sink: {missing}")
    settings = EmailSettings(
        host="127.0.0.1",
        port=sink.port,
        sender_name="人才网",
        sender_address="hr@talent.example",
        reply_domain="reply.talent.example",
        message_id_domain="mail.talent.example",
        starttls=False,
        timeout=60,
    )
    channel = EmailChannel(settings, lambda: NOW)
    try:
        batch = [
            Outbound(n, f"key-{n}", f"li{n}@datong.example", MessageClass.MARKETING, WORDS, "https://hf.example/u/T")
            for n in range(count)
        ]
        results = await channel.send(batch)
        assert [result.accepted for result in results] == [True] * count

        async def arrived() -> bool:
            return sink.received() >= count

        await until(arrived, "smtp-sink has taken every mail")
        mails = [message_from_bytes(path.read_bytes(), policy=default) for path in sink.folder.glob("mail.*")]
        named = sorted(str(mail["Message-ID"]) for mail in mails)
        assert named == sorted(f"<{one.key}@mail.talent.example>" for one in batch)
        mail = mails[0]
        assert isinstance(mail, EmailMessage)
        assert mail["Subject"] == WORDS.subject
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        text = mail.get_body(("plain",))
        assert text is not None
        assert text.get_content().replace("\r\n", "\n").startswith(WORDS.text.rstrip())
    finally:
        await channel.close()
        await asyncio.to_thread(context.__exit__, None, None, None)
