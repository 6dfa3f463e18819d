"""What any mail is, whoever caused it: bounces of every make, complaints, machines' and people's answers."""

import base64
import random

import pytest

from bot.channels.bounce_reasons import read_failure
from bot.channels.returned import Kind, as_found, inspect_mail


def mail(
    body: str, *, sender: str = "MAILER-DAEMON@mx.example", subject: str = "failure notice", more: str = ""
) -> bytes:
    head = f"From: {sender}\nTo: news@talent.example\nSubject: {subject}\n{more}Message-ID: <1@mx.example>\n"
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{body}\n".encode()


def report(blocks: str, *, words: str = "It failed.", kind: str = "message/delivery-status", more: str = "") -> bytes:
    return f"""From: MAILER-DAEMON@mx.example
To: news@talent.example
Subject: Delivery Status Notification (Failure)
{more}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="BB"

--BB
Content-Type: text/plain; charset=utf-8

{words}

--BB
Content-Type: {kind}

Reporting-MTA: dns; mx.example

{blocks}

--BB
Content-Type: message/rfc822

From: news@talent.example
To: li@datong.example
Subject: resumes

body
--BB--
""".encode()


def found(raw: bytes) -> list[tuple[str, str]]:
    read = inspect_mail(raw)
    assert read.kind is Kind.BOUNCE
    return [(one.address, str(one.failure.permanence)) for one in read.recipients]


GONE = "Final-Recipient: rfc822; li@datong.example\nAction: failed\nStatus: 5.1.1\n"


# --- reports


@pytest.mark.parametrize(
    "blocks",
    [
        GONE,
        GONE.replace("Final-Recipient: rfc822; ", "final-recipient: RFC822;"),
        GONE.replace("rfc822; li@datong.example", "rfc822; <li@datong.example>"),
        GONE.replace("rfc822; li@datong.example", "X400; /S=li\nX-Actual-Recipient: rfc822; li@datong.example"),
        GONE.replace("Final-", "Original-Recipient: rfc822; li@datong.example\nFinal-").replace(
            "rfc822; li@datong.example\nAction", "rfc822; li.new@elsewhere.example\nAction"
        ),
        GONE.replace("\nAction", "\n\nAction"),
        GONE.replace("Status: 5.1.1", "Status: 5.1.1 (bad destination mailbox address)"),
        GONE.replace("Action: failed", "Action: Failed (undeliverable)"),
        GONE.replace("Status: 5.1.1", "Status: 5.0.0\nDiagnostic-Code: smtp; 550-no such\n user here"),
        GONE.replace("Status: 5.1.1", "Diagnostic-Code: 550 User unknown"),
        GONE.replace("Action: failed\n", ""),
    ],
)
def test_one_dead_address_is_read_out_of_every_form_of_a_report(blocks):
    assert found(report(blocks)) == [("li@datong.example", "hard")]


@pytest.mark.parametrize("kind", ["text/plain", "message/global-delivery-status", "application/octet-stream"])
def test_a_report_under_another_label_is_read(kind):
    assert found(report(GONE, kind=kind)) == [("li@datong.example", "hard")]


def test_a_report_in_base64_is_read():
    coded = base64.encodebytes(f"Reporting-MTA: dns; x\n\n{GONE}".encode()).decode()
    raw = report("").replace(b"Reporting-MTA: dns; mx.example\n\n", coded.encode())
    raw = raw.replace(b"delivery-status\n\n", b"delivery-status\nContent-Transfer-Encoding: base64\n\n")
    assert found(raw) == [("li@datong.example", "hard")]


def test_several_recipients_each_have_their_own_verdict_and_one_named_twice_is_one():
    full = "Final-Recipient: rfc822; wang@datong.example\nAction: failed\nStatus: 5.2.2\n"
    late = "Final-Recipient: rfc822; zhao@datong.example\nAction: delayed\nStatus: 4.4.1\n"
    here = "Final-Recipient: rfc822; sun@datong.example\nAction: delivered\nStatus: 2.0.0\n"
    raw = report("\n".join([GONE, full, late, here, GONE]))
    assert found(raw) == [("li@datong.example", "hard"), ("wang@datong.example", "soft")]


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_has_not_failed_is_no_bounce(action):
    read = inspect_mail(report(GONE.replace("failed", action)))
    assert (read.kind, read.recipients) == (Kind.OTHER, ())


def test_a_report_that_names_nobody_is_about_whom_the_returned_mail_went_to():
    assert found(report("Final-Recipient: LOCAL;<>\nAction: failed\nStatus: 5.1.1")) == [("li@datong.example", "hard")]


def test_a_bounce_that_a_filter_wrapped_into_its_own_mail_is_read():
    inner = report(GONE).decode().replace('"BB"', '"CC"').replace("--BB", "--CC")
    raw = (
        "From: postmaster@mx.example\nTo: x@talent.example\nSubject: Delivery Status Notification\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="BB"\n\n--BB\nContent-Type: message/rfc822\n\n'
        f"{inner}\n--BB--\n"
    )
    assert found(raw.encode()) == [("li@datong.example", "hard")]


# --- in plain words


FREE = {
    "qmail": "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message.\n\n"
    "<li@datong.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
    "--- Below this line is a copy of the message.\n\nReturn-Path: <news@talent.example>\nTo: other@x.example\n",
    "exim": "A message that you sent could not be delivered. The following address(es) failed:\n\n"
    "  li@datong.example\n    SMTP error from remote mail server after RCPT TO:<li@datong.example>:\n"
    "    host mx.datong.example [192.0.2.1]: 550 Unrouteable address\n\n------ This is a copy of the message ------\n",
    "postfix": "I'm sorry to have to inform you that your message could not be delivered.\n"
    "For further assistance, please send mail to <postmaster@mx.example>\n\n"
    "<li@datong.example>: host mx.datong.example said: 550 5.1.1 User unknown\n    (in reply to RCPT TO command)\n",
    "sendmail": "   ----- The following addresses had permanent fatal errors -----\n<li@datong.example>\n"
    "    (reason: 550 5.1.1 User unknown)\n\n   ----- Transcript of session follows -----\n",
    "exchange": "Your message\n\n  To:      hr@other.example\n  Subject: x\n\n"
    "did not reach the following recipient(s):\n\n"
    "li@datong.example on Fri, 20 Nov 2026 09:00\n    The recipient name is not recognized\n",
    "mdaemon": "The following addresses did NOT receive a copy of your message:\n\n> li@datong.example\n\n"
    "--- Session Transcript ---\n <-- 550 5.1.1 <li@datong.example>, Recipient unknown\n",
    "domino": "Your message\n\n  Subject: x\n\nwas not delivered to:\n\n  li@datong.example\n\nbecause:\n\n"
    "  User li (li@datong.example) not listed in Domino Directory\n",
    "mailenable": "Message could not be delivered to some recipients.\n\n\tRecipient: [SMTP:li@datong.example]\n"
    "\tReason: 550 Requested action not taken: mailbox unavailable\n\nMessage headers follow:\n\nTo: a@b.example\n",
    "gmail": "Address not found\n\nYour message wasn't delivered to li@datong.example because the address couldn't be "
    "found, or is unable to receive mail.\n\nThe response was:\n550 5.1.1 The email account does not exist.\n",
    "qq": "很抱歉，您的邮件被退回。\n\n收件人邮件地址（li@datong.example）不存在，邮件无法送达。\n"
    "host mx.qq.example said: 550 Mailbox not found.\n\n如有疑问，请联系客服 service@qq.example\n",
    "netease": "抱歉，您的邮件被退回来了……\n原邮件信息：\n时　间：2026-11-23 09:00:00\n"
    "主　题：简历\n收件人：li@datong.example\n\n"
    "退信原因：\nSMTP error, RCPT TO: 550 User not found: li@datong.example\n",
    "coremail": "您发送的邮件未能送达以下收件人：\n\n<li@datong.example>:\n该用户不存在\n",
    "sina": "邮件无法发送到您指定的地址中。\n\n<li@datong.example>:\nUser unknown\n\n"
    "--- 附件中的内容是原信件的一份拷贝\n",
}


@pytest.mark.parametrize("name", sorted(FREE))
def test_one_dead_address_is_read_out_of_every_makers_words(name):
    assert found(mail(FREE[name], more="Return-Path: <>\n")) == [("li@datong.example", "hard")]


@pytest.mark.parametrize("name", sorted(FREE))
def test_a_full_mailbox_in_the_same_words_is_soft(name):
    gone = (
        "no mailbox here by that name",
        "Unrouteable address",
        "User unknown",
        "The recipient name is not recognized",
    )
    gone += ("Recipient unknown", "not listed in Domino Directory", "Requested action not taken: mailbox unavailable")
    gone += (
        "The email account does not exist",
        "the address couldn't be found",
        "Address not found",
        "Mailbox not found",
    )
    gone += ("不存在", "User not found", "5.1.1")
    text = FREE[name]
    for words in gone:
        text = text.replace(words, "5.2.2" if words == "5.1.1" else "mailbox is full")
    assert found(mail(text.replace("because mailbox is full, or is", "because it is"))) == [
        ("li@datong.example", "soft")
    ]


COREMAIL = (
    "抱歉，您的邮件被退回来了……/\nSorry, your mail is returned...\n原邮件信息：\n  时　间： 2026-11-23 09:00:00\n"
    "  主　题： 简历\n  收件人/To : li@datong.example\n退信原因：\n  {cause}\n  英文说明:{words}\n"
    "建议解决方案：\n  请核对地址，该用户可能不存在；如有其他问题，联系 kf@mail.example。\n"
)


@pytest.mark.parametrize(
    ("cause", "words", "permanence"),
    [
        ("收件人的邮箱满了，或者地址不存在。", "552 Quota exceeded", "soft"),
        ("对方的邮箱地址有误。", "550 User not found: li@datong.example", "hard"),
        ("信件被怀疑为垃圾邮件。", "rejected by system", "soft"),
        ("连接不上对方服务器。", "rcpt handle timeout,last handle info: Can not connect to datong.example", "soft"),
        ("收件人不存在。", "", "hard"),
    ],
)
def test_of_coremails_page_only_the_cause_counts_and_the_servers_words_before_it(cause, words, permanence):
    raw = mail(COREMAIL.format(cause=cause, words=words), sender="Postmaster@163.example", subject="系统退信")
    assert found(raw) == [("li@datong.example", permanence)]


def test_a_header_of_exim_and_gmail_names_them_all():
    raw = mail("x", more="X-Failed-Recipients: li@datong.example, wang@datong.example\n")
    assert [address for address, _ in found(raw)] == ["li@datong.example", "wang@datong.example"]


def test_each_recipient_has_the_words_that_stand_with_it():
    text = "<li@datong.example>:\nUser unknown\n\n<wang@datong.example>:\nmailbox is full\n"
    assert found(mail(text)) == [("li@datong.example", "hard"), ("wang@datong.example", "soft")]


def test_a_list_manager_on_the_way_hides_no_bounce():
    more = "Precedence: bulk\nList-Id: <l.example>\nAuto-Submitted: auto-replied\n"
    assert found(mail(FREE["qmail"], more=more)) == [("li@datong.example", "hard")]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Warning: could not send message for past 4 hours", "The mail to <li@datong.example> is still queued. 451 x"),
        ("Delivery delayed", "It has not yet been delivered to li@datong.example; attempts will continue for 2 days."),
        ("Warning: message delayed 2 days", "host x: connection failed\n  <li@datong.example>"),
        ("邮件延迟投递通知", "您的邮件尚未送达 li@datong.example，系统将继续尝试投递。"),
    ],
)
def test_a_warning_of_a_delay_is_no_bounce(subject, body):
    assert inspect_mail(mail(body, subject=subject)).kind is Kind.OTHER


# --- hard or soft


@pytest.mark.parametrize(
    "said",
    [
        "550 Mailbox not found. http://service.mail.qq.example/help",
        "550 User not found: li@163.example",
        "550 User suspended",
        "559 invalid rcptto",
        "501 Bad address syntax",
        "550 5.1.1 Recipient address rejected: User unknown in virtual mailbox table",
        "554 delivery error: dd This user doesn't have a yahoo.example account",
        "550 5.2.1 The email account that you tried to reach is disabled",
        "550 #2175041 unavailable mail user",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found",
        "550 Requested action not taken: mailbox unavailable",
        "556 5.1.10 recipient domain has a null MX",
        "Name service error for name=x.example type=A: Host not found",
        "收件人（li@x.example）所属域名不存在",
        "550 该用户未开通邮箱",
        "邮箱已被停用",
    ],
)
def test_an_address_that_is_gone_is_hard(said):
    assert str(read_failure("5.0.0", said).permanence) == "hard"


@pytest.mark.parametrize(
    "said",
    [
        "550 Mailbox unavailable or access denied",
        "550 Ip frequency limited",
        "550 Mail content denied",
        "550 Spam is embedded in the email",
        "552 Quota exceeded (mailbox for user is full)",
        "550 5.1.1 Recipient address rejected: mailbox is full",
        "550 User is over the quota",
        "550 MI:SPF 163 smtp7,x",
        "554 DT:SPM 163 smtp7,x",
        "550 RP:FRL 163 smtp7,x",
        "554 5.7.1 Relay access denied",
        "554 5.7.1 Client host blocked using a list",
        "550 5.7.26 This mail is unauthenticated",
        "550 5.1.8 Sender address rejected: Domain not found",
        "550 Sender verify failed: no such user",
        "450 4.1.1 User unknown in local recipient table",
        "450 4.7.1 Greylisted, try again in five minutes",
        "554 5.4.6 Hop count exceeded - possible mail loop",
        "552 Message too large",
        "connect to x.example[192.0.2.1]:25: Connection timed out",
        "Host not found, try again",
        "550 Requested action not taken: mailbox unavailable\nReject due to policy restrictions",
        "收件人空间不足",
        "被对方判定为垃圾邮件",
        "邮件被收件人拒收",
        "",
    ],
)
def test_whatever_may_pass_or_is_our_own_fault_is_soft(said):
    assert str(read_failure("5.0.0", said).permanence) == "soft"


def test_the_servers_words_come_before_the_reports_status():
    assert str(read_failure("5.1.1", "552 5.2.2 over quota").permanence) == "soft"
    assert str(read_failure("4.4.7", "550 5.1.1 user unknown").permanence) == "hard"
    assert str(read_failure("5.0.0", "451 4.1.1 user unknown").permanence) == "soft"


# --- everything else


def test_a_complaint_names_who_complained():
    raw = (
        b"From: fbl@provider.example\nSubject: complaint\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="B"'
        b"\n\n--B\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        b"Original-Rcpt-To: <li@datong.example>\n\n--B--\n"
    )
    read = inspect_mail(raw)
    assert (read.kind, [one.address for one in read.recipients]) == (Kind.COMPLAINT, ["li@datong.example"])
    assert inspect_mail(raw.replace(b"abuse", b"not-spam")).kind is not Kind.COMPLAINT
    two = raw.replace(b"<li@datong.example>", b"<li@datong.example>\nOriginal-Rcpt-To: wang@datong.example")
    assert [one.address for one in inspect_mail(two).recipients] == ["li@datong.example", "wang@datong.example"]


def test_a_forwarded_complaint_without_a_report_names_who_complained():
    raw = (
        b"From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.1\n"
        b'Content-Type: multipart/mixed; boundary="B"\n\n'
        b"--B\nContent-Type: message/rfc822\n\n"
        b"X-HmXmrOriginalRecipient: li@datong.example\nFrom: news@talent.example\n\nx\n--B--\n"
    )
    read = inspect_mail(raw)
    assert (read.kind, [one.address for one in read.recipients]) == (Kind.COMPLAINT, ["li@datong.example"])


@pytest.mark.parametrize(
    ("subject", "more", "body"),
    [
        ("自动回复：您好", "", "我在休假"),
        ("Automatic reply: x", "", "away"),
        ("Out of Office: x", "Return-Path: <>\n", "The user you wrote to is unknown to be back"),
        ("Re: x", "Auto-Submitted: auto-replied\n", "back soon"),
        ("RE: x", "In-Reply-To: <a@b>\nX-Auto-Response-Suppress: All\n", "back soon"),
        ("RE: x", "", "This account is protected by a filter. Please click on the link to be added: http://x.example"),
        ("Please confirm your message", "", "click http://x.example"),
        ("Re: 简历", "", "您好，我有事不在，一会再联系。（自动回复）"),
        ("Re: 简历", "", "这是来自李经理的自动回复邮件。您好，来信收到。"),
    ],
)
def test_a_machines_answer_is_an_automatic_one(subject, more, body):
    read = inspect_mail(mail(body, sender="li@datong.example", subject=subject, more=more))
    assert (read.kind, read.recipients) == (Kind.AUTO_REPLY, ())


@pytest.mark.parametrize(
    ("sender", "subject", "more", "body"),
    [
        ("news@x.example", "本周职位", "List-Unsubscribe: <https://x.example>\n", "不存在的用户 550"),
        (
            "list@x.example",
            "Re: delivery failed",
            "List-Id: <l.x.example>\n",
            "550 5.1.1 user unknown, said <a@b.example>",
        ),
        (
            "shop@x.example",
            "Delivery notification",
            "Auto-Submitted: auto-generated\n",
            "Your parcel could not be delivered",
        ),
        ("li@datong.example", "您的快递未能送达", "", "包裹无法送达，请联系客服"),
        (
            "li@datong.example",
            "Delivery failure of the pump",
            "",
            "The pump could not be delivered in time. li@x.example",
        ),
        ("li@datong.example", "简历", "", "请看附件"),
        ("postmaster@qq.example", "您的邮箱空间不足提醒", "", "请清理"),
        ("admin@shop.example", "系统管理员：密码找回失败", "", "您的账号不存在，请联系客服 kf@shop.example"),
        ("system@crm.example", "Delivery report", "", "Your order 550 was delivered to wang@x.example."),
    ],
)
def test_ordinary_mail_is_no_bounce(sender, subject, more, body):
    read = inspect_mail(mail(body, sender=f"Li <{sender}>", subject=subject, more=f"Return-Path: <{sender}>\n{more}"))
    assert read.kind in (Kind.OTHER, Kind.REPLY)
    assert read.recipients == ()


@pytest.mark.parametrize("subject", ["Re: 退信的问题", "回复：邮件无法投递", "答复: delivery failure"])
def test_a_person_who_answers_about_a_bounce_is_a_person(subject):
    quoted = (
        "好的，请再发一次\n\n------------------ 原始邮件 ------------------\n发件人: x\n550 User unknown <a@b.example>"
    )
    read = inspect_mail(mail(quoted, sender="li@datong.example", subject=subject))
    assert (read.kind, read.text) == (Kind.REPLY, "好的，请再发一次")


def test_an_answer_to_an_invitation_is_no_reply():
    raw = b"From: li@x.example\nSubject: Accepted: talk\nIn-Reply-To: <a@b>\nContent-Type: text/calendar\n\nBEGIN\n"
    assert inspect_mail(raw).kind is Kind.OTHER


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\xff" * 100, b"%PDF-1.4", b"hello", b"\n\n\n", b"From: \nContent-Type: multipart/report"]
)
def test_what_is_no_mail_is_other(raw):
    assert inspect_mail(raw).kind is Kind.OTHER


def test_one_entry_has_the_promised_keys():
    entry = as_found("a.eml", inspect_mail(report(GONE)))
    row = {"address": "li@datong.example", "permanence": "hard", "status": "5.1.1", "reason": "user_unknown"}
    assert entry == {"file": "a.eml", "kind": "bounce", "recipients": [row], "text": ""}


@pytest.mark.parametrize("seed", range(30))
def test_no_broken_mail_raises_or_takes_long(seed):
    dice = random.Random(seed)
    for name in FREE:
        octets = bytearray(mail(FREE[name]) + report(GONE))
        for _ in range(20):
            at = dice.randrange(len(octets))
            octets[at : at + dice.randint(0, 30)] = dice.choice(
                [b"\n", b"<" * 500, b"\xff", b": ", b"a@" * 300, b" " * 900]
            )
        assert inspect_mail(bytes(octets)).kind in Kind
