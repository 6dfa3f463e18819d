"""Mail that no person wrote: a machine's answer to ours, and what is sent to many."""

import re
from email.message import Message

from bot.channels.mime import bodies, header, parts

_AUTO_SUBJECT = re.compile(
    r"[\s\[【(（<《]*("
    r"自动(回复|答复|应答)|自動(回覆|回復|返信)|"
    r"auto(matic|mated|matische|matisk)?[ :_-]*(reply|response|respond|answer|antw|svar)|"
    r"auto:|"
    r"out[ -]of[ -](the )?office|ooo\b|away from (the |my )?(office|desk|mail)|on (vacation|holiday|leave)|vacation|"
    r"休假|外出(中|公干)|不在办公室|年假|"
    r"abwesenheit|abwesend|absence|automatyczna odpow|réponse automatique|respuesta autom|"
    r"risposta automatica|"
    r"autosvar|afwezig|"
    r"fuera de la oficina|不在(です|通知)|resposta autom|automatisch|i am (away|out|currently)|"
    r"please (confirm|verify)|(your|please) (e-?mail|message|mail|confirm|verif).{0,30}(requires|needs|awaiting|"
    r"confirm|verif|approval|held|"
    r"pending)|"
    r"(confirm|verif)\w* (required|needed|request|your (e-?mail|message))|challenge|message (held|pending|awaiting)|"
    r"sender (verification|confirmation)|thank you for (your|contacting|e-?mailing|writing)|(received|"
    r"got) your (e-?mail|message|mail|request|inquiry)|"
    r"we('| ha)ve received|已收到您?的(邮件|来信))",
    re.IGNORECASE,
)
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from", "x-mail-autoreply")
_CHALLENGE = re.compile(
    r"(click|follow|visit|reply|go to).{0,120}(confirm|verify|authenticate|approve|prove).{0,120}|"
    r"(to (ensure|complete|confirm|prove)).{0,60}(deliver|human|person|sender)|(your|the) (message|"
    r"e-?mail) .{0,60}(held|pending|quarantin|awaiting)",
    re.IGNORECASE | re.DOTALL,
)
_PROTECTED = re.compile(
    r"(account|mailbox|address|inbox) is protected|(allowed|approved|white) ?list.{0,200}http|verify that you are|"
    r"prove (that )?you|spam ?(arrest|blocker)",
    re.IGNORECASE | re.DOTALL,
)
_AUTO_WORDS = re.compile(
    r"\A[\s\[【(（]*((这|此|本)(是|为|邮件是|邮件为)?(一封|来自.{1,40}的|系统)?)?自动(回复|答复)|"
    r"[\[【(（](系统|邮箱)?自动(回复|答复)[\]】)）]\s*\Z|(这|此|本)(邮件)?(是|为).{0,30}自动(回复|答复)"
)
_LISTS = (
    "list-id",
    "list-post",
    "list-unsubscribe",
    "mailing-list",
    "x-mailing-list",
    "x-campaign",
    "x-mailer-recptid",
    "feedback-id",
)


def opens_as_a_machine(subject: str) -> bool:
    """`subject` decoded, in NFKC."""
    return bool(_AUTO_SUBJECT.match(subject))


def is_answer_of_a_machine(message: Message, subject: str) -> bool:
    """A vacation note, an acknowledgement or a challenge; `subject` decoded, in NFKC (RFC 3834 and its neighbours)."""
    submitted = header(message, "auto-submitted").partition(";")[0].strip().lower()
    if _AUTO_SUBJECT.match(subject) or submitted in ("auto-replied", "auto-notified"):
        return not _is_list(message) or submitted == "auto-replied"
    if any(header(message, name) for name in _AUTO_HEADERS):
        return True
    if header(message, "precedence").strip().lower() == "auto_reply":
        return True
    answers = bool(header(message, "in-reply-to") or header(message, "references"))
    unasked = bool(header(message, "x-auto-response-suppress")) or submitted not in ("", "no")
    if answers and unasked and not _is_list(message):
        return True
    body = bodies(message)[0][:3000]
    nobody = header(message, "return-path").strip() == "<>"
    return bool(_PROTECTED.search(body)) or (nobody and bool(_CHALLENGE.search(body)))


def is_said_to_be_automatic(words: str) -> bool:
    """QQ's and 163's holiday notes say so in their text alone."""
    return bool(_AUTO_WORDS.search(words[:2000]))


def is_for_many(message: Message) -> bool:
    """A list's mail, a newsletter, a notice, a calendar's answer: nobody speaks to us."""
    precedence = header(message, "precedence").strip().lower()
    submitted = header(message, "auto-submitted").partition(";")[0].strip().lower()
    calendar = any(part.get_content_type() in ("text/calendar", "application/ics") for part in parts(message))
    disposition = "disposition-notification" in str(message.get("content-type", "")).lower()
    return (
        _is_list(message)
        or precedence in ("bulk", "junk", "list")
        or submitted not in ("", "no")
        or calendar
        or disposition
    )


def _is_list(message: Message) -> bool:
    return any(header(message, name) for name in _LISTS)
