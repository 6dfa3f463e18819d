"""A colleague's own words to one customer: from the form into the outbox, once, as a message like any other.

What carries them is templates/by_hand: a file a channel. Each message has an occurrence of its own, named after the
form it came from, so that a second click finds the first. SMS says only what a provider approved.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tortoise.transactions import in_transaction

from bot.runtime import Runtime
from bot.sender.filling import show_words
from campaigns import conversations, definitions, outbox, planner
from campaigns.content import render
from campaigns.conversations import BY_HAND
from campaigns.errors import DefinitionError, InputError
from campaigns.folders import compiled_content, read_files
from campaigns.outbox import ByHand
from campaigns.planner import WayByHand
from campaigns.replies.events import mail_of
from campaigns.terms import ChannelName, MailWords, MessageClass, Reason, SmsWords
from campaigns.touches import find_touch

LOGIN_LINK = "{登录链接}"
"""In words written by hand: the link that lets this customer in without a password, made when the message is."""

_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_FILES: Mapping[ChannelName, tuple[str, ...]] = {
    ChannelName.EMAIL: ("email.txt", "email.mjml"),
    ChannelName.WECHAT: ("wechat.toml",),
    ChannelName.WECOM: ("wecom.toml",),
    ChannelName.SMS: ("sms.toml",),
}
_MOST_BYTES = {ChannelName.WECHAT: 2048, ChannelName.WECOM: 2048, ChannelName.EMAIL: 60_000}
_SUBJECT = 120
_ANSWERED = re.compile(r"\s*(?:(?:re|回复|答复|fw|fwd|转发)\s*[:：]\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a colleague wants to say, and to whom. `nonce`: of the form, so that it is sent once.

    `sms` names the campaign folder whose approved SMS goes, in place of `text`. `subject` is a mail's; empty: made.
    """

    member_id: int
    contact_id: int
    channel: ChannelName
    text: str
    by: str
    nonce: str
    subject: str = ""
    sms: str = ""


@dataclass(frozen=True, slots=True)
class SmsChoice:
    """An approved SMS as it would read to this contact."""

    key: str
    title: str
    text: str


class NotPossible(InputError):
    """It cannot go this way now."""

    def __init__(self, why: Reason) -> None:
        super().__init__(f"现在不能这样发：{why} (cannot be written to)")
        self.why = why


async def write(runtime: Runtime, letter: Letter) -> ByHand:
    """Put it into the outbox. Said twice by the same form it is one message.

    Raises NotPossible where the channel cannot be used, InputError where the words cannot go.
    """
    lines = _checked(letter)
    now = runtime.clock()
    ways = await planner.ways_by_hand(letter.member_id, now, runtime.rulebook)
    way = next((one for one in ways if (one.contact_id, one.channel) == (letter.contact_id, letter.channel)), None)
    if known := await _known(letter):
        return known
    if way is None:
        raise NotPossible(Reason.NO_CONTACT)
    if way.why is not None:
        raise NotPossible(way.why)
    files = await _version(runtime, letter, way.message_class)
    subject, thread = await _thread(runtime, letter) if letter.channel is ChannelName.EMAIL else ("", "")
    extra = {"by": letter.by, "written": lines, "subject": letter.subject.strip() or subject, "thread": thread}
    campaign_id, version_id = await definitions.keep_running(BY_HAND, files, now=now)
    async with in_transaction():
        occurrence_id = await outbox.add_occurrence(
            campaign_id, version_id, _name(letter), now, useless_at=None, extra=extra
        )
        await outbox.enqueue([_row(occurrence_id, letter, way)])
        message_id = await outbox.message_of(occurrence_id)
        assert message_id is not None
        if LOGIN_LINK in letter.text:
            link = runtime.links(message_id)["way_in"]
            linked = {**extra, "written": [line.replace(LOGIN_LINK, link) for line in lines]}
            await outbox.change_extra(occurrence_id, linked)
        await outbox.close_planning(occurrence_id, now)
        await conversations.record_written(letter.member_id, by=letter.by, at=now)
    return await outbox.read_by_hand(message_id)


async def sms_choices(runtime: Runtime, member_id: int, contact_id: int) -> list[SmsChoice]:
    """The approved SMS that may be sent by hand, filled for this contact; one that cannot be filled is left out."""
    found: list[SmsChoice] = []
    for key in _table(runtime).get("sms", []):
        try:
            folder = await definitions.load_campaign(runtime.settings.huifang_templates, str(key))
            content = compiled_content(folder.files)
            given = await planner.sample_of(member_id, contact_id, content, runtime.clock(), runtime.rulebook)
            if given is None or ChannelName.SMS in content.unapproved:
                continue
            words = render(content, ChannelName.SMS, {**given, "links": runtime.links(0)})
        except (InputError, DefinitionError):
            continue
        if isinstance(words, SmsWords):
            found.append(SmsChoice(folder.key, folder.definition.title, words.text))
    return found


def _checked(letter: Letter) -> list[str]:
    if not _NONCE.fullmatch(letter.nonce):
        raise InputError("这张表过期了，重新打开再写 (this form is stale)")
    text = letter.text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if letter.channel is ChannelName.SMS:
        if not letter.sms:
            raise InputError("短信只能发审核过的模板，选一条 (choose an approved SMS)")
        return []
    if not text:
        raise InputError("还没有写，写上要说的话 (nothing is written)")
    if any(ord(one) < 32 and one not in "\n\t" for one in text):
        raise InputError("里面有看不见的控制字符，删掉再发 (control characters)")
    if (size := len(text.encode("utf-8", "replace"))) > _MOST_BYTES[letter.channel]:
        most = _MOST_BYTES[letter.channel]
        raise InputError(f"太长了，有{size}字节，这个渠道一条最多{most}字节，分两条发 (too long)")
    if len(letter.subject) > _SUBJECT:
        raise InputError(f"主题最多{_SUBJECT}个字 (the subject is too long)")
    return text.split("\n")


def _name(letter: Letter) -> str:
    """Of the occurrence: the same form with the same words is the same message, with other words another."""
    said = [letter.nonce, str(letter.contact_id), letter.channel, letter.sms, letter.subject, letter.text]
    return f"{letter.member_id}-{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]}"


async def _known(letter: Letter) -> ByHand | None:
    campaign = await definitions.find_campaign(BY_HAND)
    occurrence_id = await outbox.find_occurrence(campaign.id, _name(letter)) if campaign else None
    message_id = await outbox.message_of(occurrence_id) if occurrence_id else None
    return await outbox.read_by_hand(message_id) if message_id else None


def _row(occurrence_id: int, letter: Letter, way: WayByHand) -> dict[str, Any]:
    return {
        "occurrence_id": occurrence_id,
        "member_id": letter.member_id,
        "contact_id": letter.contact_id,
        "message_class": way.message_class,
        "channel": way.channel,
        "address": way.address,
        "state": "queued",
        "reason": "",
        "not_before": way.starts,
    }


# ---- the files that carry it ----------------------------------------------------------------------------------------


def _table(runtime: Runtime) -> Mapping[str, Any]:
    path = runtime.settings.huifang_templates / BY_HAND / "by_hand.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise DefinitionError("by_hand.toml", "file", "读不出，放一个回去 (cannot be read)") from exc


async def _version(runtime: Runtime, letter: Letter, message_class: MessageClass) -> dict[str, str]:
    """The files of this one message: the shared ones, its channel's, and what it is."""
    templates = runtime.settings.huifang_templates
    if letter.channel is ChannelName.SMS:
        if letter.sms not in _table(runtime).get("sms", []):
            raise InputError("这条短信不能手动发，选别的 (not among the SMS that may be sent by hand)")
        files = dict((await definitions.load_campaign(templates, letter.sms)).files)
    else:
        files = read_files(templates / BY_HAND)
    names = _FILES[letter.channel]
    kept = {name: text for name, text in files.items() if name in names or name.startswith("_shared/")}
    title = json.dumps(str(_table(runtime).get("title", BY_HAND)), ensure_ascii=False)
    what = f'title = {title}\nclass = "{message_class}"\nchannels = ["{letter.channel}"]\nby_hand = true\n'
    return {**kept, "campaign.toml": what}


async def _thread(runtime: Runtime, letter: Letter) -> tuple[str, str]:
    """The subject and the Message-IDs of the thread a mail goes on with: their mail's, else ours that they answered."""
    known = await conversations.find(letter.member_id)
    touch = await find_touch(known.touch_id) if known and known.touch_id else None
    if touch is None or touch[1].medium != ChannelName.EMAIL or touch[1].contact_id != letter.contact_id:
        return f"{runtime.rulebook.site['name']}的来信", ""
    row = touch[1]
    mail_id, subject = await mail_of(row.event_id) if row.event_id else ("", "")
    subject = subject or await _our_subject(runtime, row.message_id)
    bare = _ANSWERED.sub("", subject, count=1).strip() if _ANSWERED.match(subject) else subject.strip()
    return f"Re: {bare}"[:_SUBJECT] if bare else f"Re: {runtime.rulebook.site['name']}", _ids(
        [_own_id(runtime, row.message_id), mail_id]
    )


async def _our_subject(runtime: Runtime, message_id: int | None) -> str:
    words = (await show_words(runtime, [message_id])).get(message_id) if message_id else None
    return words.subject if isinstance(words, MailWords) else ""


def _own_id(runtime: Runtime, message_id: int | None) -> str:
    """The Message-ID our mail went out under."""
    if message_id is None:
        return ""
    return f"<{runtime.tokens.message_key(message_id)}@{runtime.reply_domain}>"


def _ids(found: Sequence[str]) -> str:
    return " ".join(one for one in found if one)
