"""Customers answer in their own words, by day, once; and their mail programs write as real ones do."""

import asyncio
import email
import smtplib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope

from bot.sandbox.customers import Behaviour, Customers, load_phrases
from bot.sandbox.mail_bounces import Quirks
from bot.sandbox.mail_customers import MailCustomer
from bot.sandbox.stage import Accepted, Stage
from campaigns.errors import DefinitionError
from campaigns.terms import SHANGHAI, ChannelName, Intent

START = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
SHIPPED = Path(__file__).parents[2] / "bot" / "sandbox" / "phrases.toml"
PHRASES = {
    Intent.STOP: ["莫再发咯"],
    Intent.THANKS: ["收到,辛苦"],
    Intent.PROBLEM_LOGIN: ["密码忘球了"],
    Intent.AUTO_REPLY: ["我在开会,稍后联系"],
}


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment


@dataclass
class Door:
    """Takes a customer's words down, after refusing as often as it was told to."""

    refusals: int = 0
    heard: list[tuple[str, str, bool]] = field(default_factory=list)
    bounced: list[str] = field(default_factory=list)

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError("down")
        self.heard.append((accepted.to, text, automatic))

    async def bounce(self, accepted: Accepted) -> None:
        self.bounced.append(accepted.to)


def scene(seed: int = 7, **shares: float) -> tuple[Stage, Hand, Customers, Door]:
    clock = Hand()
    stage = Stage(clock, seed)
    customers = Customers(stage, PHRASES, **shares)
    door = Door()
    customers.answer_by(ChannelName.SMS, door, door)
    stage.listeners.append(customers.on_accepted)
    return stage, clock, customers, door


def send(stage: Stage, to: str, key: str = "k") -> Accepted:
    serial = f"p{len(stage.ledger)}"
    return stage.accept(ChannelName.SMS, to, key=key, words={"text": "您好"}, provider_id=serial)


def send_many(stage: Stage, count: int) -> None:
    for number in range(count):
        send(stage, f"154{number:08d}", f"k{number}")


async def pass_time(stage: Stage, clock: Hand, span: timedelta = timedelta(days=2)) -> None:
    """Jump from one planned moment to the next, as the demo does."""
    end = clock.moment + span
    while (moment := stage.timetable.next_at()) is not None and moment <= end:
        clock.moment = max(clock.moment, moment)
        await stage.timetable.run_due()
    clock.moment = end


async def test_a_few_hundred_messages_bring_dozens_of_answers_of_every_kind() -> None:
    stage, clock, customers, door = scene()
    send_many(stage, 400)
    await pass_time(stage, clock)
    meant = Counter(said.intent for said in customers.said)
    assert 70 <= len([said for said in customers.said if not said.automatic]) <= 130
    assert min(meant[intent] for intent in PHRASES) >= 5
    assert door.heard == [(said.address, said.text, said.automatic) for said in customers.said]
    assert customers.read
    assert [row.to for row in customers.bounced] == door.bounced
    assert door.bounced
    assert {row.to for row in stage.ledger if not stage.reached(row)} == set(door.bounced)
    assert stage.timetable.failures == []


async def test_the_shipped_phrases_give_all_that_the_demo_wants_to_show() -> None:
    phrases = load_phrases(SHIPPED)
    assert set(phrases) == set(Intent)
    stage, clock, _, door = scene()
    customers = Customers(stage, phrases)
    customers.answer_by(ChannelName.SMS, door)
    stage.listeners[:] = [customers.on_accepted]
    send_many(stage, 300)
    await pass_time(stage, clock)
    meant = Counter(said.intent for said in customers.said)
    problems = sum(count for intent, count in meant.items() if intent.startswith("problem"))
    assert meant[Intent.STOP] >= 3
    assert problems >= 5
    assert meant[Intent.THANKS] >= 2
    assert meant[Intent.AUTO_REPLY] >= 5
    assert len({said.text for said in customers.said}) > 30


async def test_the_same_seed_is_the_same_day_whatever_the_order() -> None:
    one, clock_one, first, _ = scene()
    two, clock_two, second, _ = scene()
    send_many(one, 100)
    send_many(two, 100)
    await pass_time(one, clock_one)
    await pass_time(two, clock_two)
    assert first.said == second.said
    other = Customers(Stage(Hand(), 8), PHRASES)
    people = [f"154{number:08d}" for number in range(100)]
    assert [first.behaviour(ChannelName.SMS, who) for who in people] != [
        other.behaviour(ChannelName.SMS, who) for who in people
    ]
    assert [first.behaviour(ChannelName.SMS, who) for who in reversed(people)] == [
        second.behaviour(ChannelName.SMS, who) for who in people
    ][::-1]


async def test_people_answer_by_day_two_minutes_to_six_hours_later() -> None:
    stage, clock, customers, _ = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    send_many(stage, 100)
    await pass_time(stage, clock)
    waits = [said.at - START for said in customers.said]
    assert len(waits) == 100
    assert timedelta(minutes=2) <= min(waits) < timedelta(minutes=10)
    assert timedelta(hours=4) < max(waits) <= timedelta(hours=6)


async def test_what_comes_in_the_evening_is_answered_in_the_morning() -> None:
    stage, clock, customers, _ = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    clock.moment = START.replace(hour=20, minute=59)
    send_many(stage, 50)
    await pass_time(stage, clock)
    local = [said.at.astimezone(SHANGHAI) for said in customers.said]
    assert {moment.day for moment in local} == {24}
    assert all(8 <= moment.hour < 10 for moment in local)


async def test_nobody_answers_what_never_reached_them() -> None:
    stage, clock, _, door = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    send_many(stage, 20)
    for row in stage.ledger:
        stage.lose(row)
    await pass_time(stage, clock)
    assert door.heard == []


async def test_our_answer_to_an_answer_is_not_answered() -> None:
    stage, clock, _, door = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    send_many(stage, 50)
    await pass_time(stage, clock, timedelta(hours=7))
    send_many(stage, 50)
    await pass_time(stage, clock, timedelta(hours=7))
    assert len(door.heard) == 50


async def test_a_person_speaks_again_another_week_unless_the_word_was_stop() -> None:
    stage, clock, customers, _ = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    send_many(stage, 100)
    await pass_time(stage, clock, timedelta(days=7))
    stopped = {said.address for said in customers.said if said.intent is Intent.STOP}
    send_many(stage, 100)
    await pass_time(stage, clock)
    again = {said.address for said in customers.said[100:]}
    assert stopped
    assert not stopped & again
    assert len(again) == 100 - len(stopped)


async def test_a_machine_answers_at_once_at_night_and_once_a_week() -> None:
    stage, clock, customers, door = scene(reply_share=0.0, automatic_share=1.0, bounce_share=0.0)
    clock.moment = START.replace(hour=3)
    send(stage, "15400000001")
    await pass_time(stage, clock, timedelta(minutes=1))
    send(stage, "15400000001")
    await pass_time(stage, clock, timedelta(days=8))
    assert door.heard == [("15400000001", "我在开会,稍后联系", True)]
    send(stage, "15400000001")
    await pass_time(stage, clock)
    assert len(door.heard) == 2
    assert {said.intent for said in customers.said} == {Intent.AUTO_REPLY}


async def test_a_door_that_is_down_is_tried_again_and_nothing_counts_before_it_took_it() -> None:
    stage, clock, customers, door = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    door.refusals = 2
    send(stage, "15400000001", "k-9")
    first_try = stage.timetable.next_at()
    assert first_try is not None
    await pass_time(stage, clock, first_try - START)
    assert (door.refusals, customers.said) == (1, [])
    await pass_time(stage, clock)
    assert customers.said[0].at == first_try + timedelta(minutes=20)
    assert [(said.address, said.key) for said in customers.said] == [("15400000001", "k-9")]
    assert stage.timetable.failures == []


async def test_an_answer_that_never_gets_through_is_reported() -> None:
    stage, clock, customers, door = scene(reply_share=1.0, automatic_share=0.0, bounce_share=0.0)
    door.refusals = 99
    send(stage, "15400000001")
    await pass_time(stage, clock)
    assert customers.said == []
    assert [failure.label for failure in stage.timetable.failures] == ["customer answers by sms"]
    assert door.refusals == 94


async def test_one_can_answer_as_the_customer() -> None:
    stage, _, customers, door = scene()
    said = await customers.say(send(stage, "15400000009", "k-1"), "在吗")
    assert (said.intent, said.key, said.at) == (Intent.UNKNOWN, "k-1", START)
    assert door.heard == [("15400000009", "在吗", False)]
    assert customers.said == [said]


async def test_a_channel_without_a_way_back_brings_no_answers() -> None:
    stage, *_ = scene(reply_share=1.0)
    stage.accept(ChannelName.WECHAT, "oA", key="k", words={}, provider_id="1")
    assert len(stage.timetable) == 0
    assert stage.timetable.failures == []


def test_the_shares_are_kept() -> None:
    customers = Customers(Stage(Hand(), 7), PHRASES, reply_share=0.25, bounce_share=0.05)
    found = Counter(customers.behaviour(ChannelName.SMS, f"160{number:08d}") for number in range(2000))
    assert 430 < found[Behaviour.ANSWERS] < 570
    assert 60 < found[Behaviour.BOUNCES] < 140
    assert found[Behaviour.SILENT] > 400


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("[stopp]\nphrases = ['a']", "stopp"),
        ("[stop]\nphrases = []", "stop.phrases"),
        ("[stop]\nphrases = ['  ']", "stop.phrases"),
        ("[stop]\nwords = ['a']", "stop.phrases"),
        ("stop = 1", "stop.phrases"),
        ("[stop", "file"),
    ],
)
def test_wrong_phrases_name_the_place(tmp_path: Path, content: str, place: str) -> None:
    path = tmp_path / "phrases.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_phrases(path)
    assert (caught.value.file, caught.value.key) == ("phrases.toml", place)


# The customer's mail program.


@dataclass
class MailDoor:
    """Our mail door as seen from outside: whatever comes by LMTP or SMTP, with its envelope."""

    port: int = 0
    lmtp: bool = True
    envelopes: list[Envelope] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)  # in their order, then "250 Ok"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return self.answers.pop(0) if self.answers else "250 Ok"

    async def handle_MAIL(
        self, _server: object, _session: object, envelope: Envelope, sender: str, _options: list[str]
    ) -> str:
        envelope.mail_from = sender or "<>"
        return "250 Ok"

    def mail(self) -> EmailMessage:
        content = self.envelopes[-1].original_content
        assert isinstance(content, bytes)
        assert b"\n" not in content.replace(b"\r\n", b"")
        parsed = email.message_from_bytes(content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        assert [defect for part in parsed.walk() for defect in part.defects] == []
        return parsed

    def text(self) -> str:
        part = self.mail().get_body(("plain",))
        assert isinstance(part, EmailMessage)
        return str(part.get_content()).replace("\r\n", "\n")


class NullSender:
    """aiosmtpd takes no `MAIL FROM:<>`; a bounce has nothing else."""

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        if arg.startswith("<>"):
            return "<>", arg[2:]
        return super()._getaddr(arg)  # type: ignore[misc]


class LmtpDoor(NullSender, LMTP): ...


class SmtpDoor(NullSender, SMTP): ...


@pytest.fixture(params=["lmtp", "smtp"])
async def mail_door(request: pytest.FixtureRequest) -> AsyncIterator[MailDoor]:
    loop = asyncio.get_running_loop()
    door = MailDoor(lmtp=request.param == "lmtp")
    kind = LmtpDoor if door.lmtp else SmtpDoor
    server = await loop.create_server(lambda: kind(door, loop=loop, hostname="door"), "127.0.0.1", 0)
    door.port = server.sockets[0].getsockname()[1]
    yield door
    server.close()
    await server.wait_closed()


def nudge(to: str) -> Accepted:
    return Accepted(
        ChannelName.EMAIL,
        to,
        "k-17",
        START,
        {
            "mail_from": "bounce+t1@site.example",
            "subject": "您有 5 份未读简历",
            "text": "您好,\n有 5 份简历在等您。退订请点链接。\n",
            "html": "<p>有 <b>5</b> 份简历在等您</p>",
            "headers": {
                "From": "云溪人才网 <news@site.example>",
                "Reply-To": "reply+t1@site.example",
                "To": to,
                "Date": "Mon, 23 Nov 2026 09:00:00 +0800",
                "Message-ID": "<k-17@site.example>",
            },
        },
        "Q1",
    )


def customer(door: MailDoor) -> MailCustomer:
    return MailCustomer(Stage(lambda: START + timedelta(hours=1), 7), "127.0.0.1", door.port, door.lmtp)


QUOTES = {
    "hr1@qq.example.com": "------------------&nbsp;原始邮件&nbsp;------------------\n"
    '发件人:&nbsp;"云溪人才网"<news@site.example&gt;;\n'
    "发送时间:&nbsp;2026年11月23日(星期一) 上午9:00\n",
    "ZP2@163.EXAMPLE.COM": '在 2026-11-23 09:00:00，"云溪人才网" <news@site.example> 写道：\n> 您好,\n',
    "a2@hs.example": "________________________________\n发件人: 云溪人才网 <news@site.example>\n"
    "发送时间: 2026年11月23日 09:00\n",
    "a3@hs.example": "云溪人才网 <news@site.example> 于2026年11月23日周一 09:00写道：\n\n> 您好,\n",
}


@pytest.mark.parametrize("address", QUOTES)
async def test_a_reply_comes_with_the_thread_and_the_original_below(mail_door: MailDoor, address: str) -> None:
    await customer(mail_door).answer(nudge(address), "莫再发咯 😂 谢谢", automatic=False)
    envelope, mail = mail_door.envelopes[-1], mail_door.mail()
    assert (envelope.mail_from, envelope.rcpt_tos) == (address, ["reply+t1@site.example"])
    assert (mail["From"], mail["To"]) == (address, "reply+t1@site.example")
    assert (mail["In-Reply-To"], mail["References"]) == ("<k-17@site.example>", "<k-17@site.example>")
    assert str(mail["Subject"]).endswith("您有 5 份未读简历")
    assert mail["Date"].datetime == START + timedelta(hours=1)
    assert mail["Auto-Submitted"] is None
    text = mail_door.text()
    assert text.startswith("莫再发咯 😂 谢谢\n")
    assert QUOTES[address] in text
    assert text.index(QUOTES[address]) < text.index("有 5 份简历在等您")
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    assert "<b>5</b>" in html.get_content()


async def test_without_reply_to_the_answer_goes_to_the_sender(mail_door: MailDoor) -> None:
    accepted = nudge("hr1@qq.example.com")
    accepted.words["headers"].pop("Reply-To")
    await customer(mail_door).answer(accepted, "好的", automatic=False)
    assert mail_door.envelopes[-1].rcpt_tos == ["news@site.example"]


async def test_the_same_answer_sent_again_has_the_same_message_id(mail_door: MailDoor) -> None:
    for text in ("好的", "好的", "不好"):
        await customer(mail_door).answer(nudge("hr1@qq.example.com"), text, automatic=False)
    ids = [email.message_from_bytes(e.original_content or b"")["Message-ID"] for e in mail_door.envelopes]
    assert ids[0] == ids[1] != ids[2]


async def test_what_the_door_could_not_take_comes_again_octet_for_octet(mail_door: MailDoor) -> None:
    mail_door.answers.append("451 4.3.0 try again")
    clock = iter(START + timedelta(hours=hours) for hours in range(9))
    asking = MailCustomer(Stage(lambda: next(clock), 7), "127.0.0.1", mail_door.port, mail_door.lmtp)
    with pytest.raises(smtplib.SMTPException):
        await asking.answer(nudge("hr1@qq.example.com"), "好的", automatic=False)
    await asking.answer(nudge("hr1@qq.example.com"), "好的", automatic=False)
    first, second = mail_door.envelopes
    assert first.original_content == second.original_content


@pytest.mark.parametrize(
    ("address", "subject", "headers", "sender"),
    [
        ("hr1@qq.example.com", "自动回复:您有 5 份未读简历", {}, "hr1@qq.example.com"),
        ("zp2@126.example.com", "自动回复:您有 5 份未读简历", {}, "zp2@126.example.com"),
        (
            "a2@hs.example",
            "自动答复: 您有 5 份未读简历",
            {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
            "<>",
        ),
        (
            "a3@hs.example",
            "休假中 Re: 您有 5 份未读简历",
            {"Auto-Submitted": "auto-replied", "Precedence": "bulk", "X-Autoreply": "yes"},
            "<>",
        ),
    ],
)
async def test_an_automatic_answer_looks_like_its_program_s(
    mail_door: MailDoor, address: str, subject: str, headers: dict[str, str], sender: str
) -> None:
    await customer(mail_door).answer(nudge(address), "我在休假,1 月回来", automatic=True)
    mail = mail_door.mail()
    assert mail_door.envelopes[-1].mail_from == sender
    assert mail["Subject"] == subject
    marks = ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "X-Autoreply")
    assert {name: str(mail[name]) for name in marks if mail[name]} == headers
    assert mail_door.text() == "我在休假,1 月回来\n"


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("hr1@qq.example.com", "5.0.0", "550 Mailbox not found"),
        ("zp2@163.example.com", "5.1.1", "550 User not found"),
        ("a2@hs.example", "5.1.1", "550 5.1.1 The email account"),
    ],
)
async def test_a_bounce_is_a_delivery_report_to_the_envelope_s_sender(
    mail_door: MailDoor, address: str, status: str, words: str
) -> None:
    await customer(mail_door).bounce(nudge(address))
    envelope, mail = mail_door.envelopes[-1], mail_door.mail()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("<>", ["bounce+t1@site.example"])
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "delivery-status"
    _, report, original = mail.iter_parts()
    assert report.get_content_type() == "message/delivery-status"
    about_mail, about_recipient = report.get_payload()
    assert about_mail["Reporting-MTA"] == f"dns; mx.{address.partition('@')[2]}"
    assert about_recipient["Final-Recipient"] == f"rfc822; {address}"
    assert (about_recipient["Action"], about_recipient["Status"]) == ("failed", status)
    assert about_recipient["Diagnostic-Code"].startswith(f"smtp; {words}")
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Message-ID: <k-17@site.example>" in original.get_content().replace("\r\n", "\n")


async def test_bounces_can_come_thrice_late_never_or_about_a_mail_that_nobody_sent(mail_door: MailDoor) -> None:
    clock = Hand()
    stage = Stage(clock, 7)

    async def after(quirks: Quirks) -> list[str]:
        """To whom the bounces went that came at once."""
        mail_door.envelopes.clear()
        one = MailCustomer(stage, "127.0.0.1", mail_door.port, mail_door.lmtp, quirks)
        await one.bounce(nudge("a2@hs.example"))
        return [envelope.rcpt_tos[0] for envelope in mail_door.envelopes]

    ours, nobodys = "bounce+t1@site.example", "bounce+nobody@site.example"
    assert await after(Quirks()) == [ours]
    assert await after(Quirks(duplicate_share=1.0)) == [ours] * 3
    assert await after(Quirks(unknown_share=1.0)) == [ours, nobodys]
    assert b"<nobody-Q1@site.example>" in mail_door.envelopes[-1].content
    assert await after(Quirks(missing_share=1.0)) == []
    assert len(stage.timetable) == 0
    assert await after(Quirks(late_share=1.0)) == []
    late = stage.timetable.next_at()
    assert late is not None
    assert timedelta(hours=1) < late - clock.moment < timedelta(days=21)
    clock.moment = late
    await stage.timetable.run_due()
    assert [envelope.rcpt_tos for envelope in mail_door.envelopes] == [[ours]]


async def test_a_report_may_leave_out_why(mail_door: MailDoor) -> None:
    said = []
    for number in range(12):
        await customer(mail_door).bounce(replace(nudge("a2@hs.example"), provider_id=f"Q{number}"))
        _, report, _ = mail_door.mail().iter_parts()
        said.append("Diagnostic-Code" in report.get_payload()[1])
    assert set(said) == {True, False}


async def test_a_door_that_is_shut_is_an_error_of_the_answer() -> None:
    shut = MailCustomer(Stage(lambda: START.astimezone(UTC), 7), "127.0.0.1", 1)
    with pytest.raises(ConnectionRefusedError):
        await shut.answer(nudge("hr1@qq.example.com"), "好的", automatic=False)
