"""A campaign's words as fields of a form, by channel, and the files those fields make."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from urllib.parse import quote

from bot import wording
from bot.console.making.toml_texts import Path, Text, texts_of, write_texts
from bot.language import say
from campaigns.content import SMS_SLOT
from campaigns.content.texts import Workshop
from campaigns.errors import DefinitionError
from campaigns.folders.definition import NEEDS
from campaigns.terms import ChannelName

LONGEST = 20_000  # letters of one field
FOOT = '{% include "_shared/foot.txt" %}'
SMS_SLOTS = {
    "company": "{{ member.short_name }}",
    "name": "{{ contact.name }}",
    "count": "{{ member.unread }}",
    "days": "{{ member.oldest_unread_days }}",
    "idle": "{{ member.idle_days }}",
    "jobs": "{{ member.live_postings }}",
    "left": "{{ member.plan_days_left }}",
    "city": "{{ member.city }}",
}
_TOML = {ChannelName.SMS: "sms.toml", ChannelName.WECHAT: "wechat.toml", ChannelName.WECOM: "wecom.toml"}
_NEW = {
    "sms.toml": 'template_code = ""\ntext = ""\n',
    "wechat.toml": '[custom]\ntext = ""\nurl = "{{ links.way_in }}"\n',
    "wecom.toml": 'text = ""\nlink = ""\nlink_title = ""\n',
    "email.txt": f"Subject: \n\n{{{{ contact.name }}}}您好：\n\n\n\n{FOOT}\n",
}
_LONG = frozenset({"text", "description", "head", "tail"})
_LABELS = {
    "text": "正文",
    "url": "点开去哪里",
    "template_code": "阿里云模板编号",
    "template_id": "模板编号",
    "title": "标题",
    "description": "描述",
    "picurl": "图片网址",
    "head": "开头",
    "tail": "结尾",
    "list": "选项，一行一个",
    "link": "链接",
    "link_title": "链接的标题",
    "media_id": "图文素材编号",
}
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_INCLUDE = re.compile(r"\{%-?\s*(?:include|from)\b.*?%\}", re.DOTALL)
_OPENS, _CLOSES = re.compile(r"\{%-?\s*(?:if|for)\b"), re.compile(r"\{%-?\s*end(?:if|for)\b")
_ALONE = re.compile(r"\{\{\s*links\.(?:way_in|click)\s*\}\}(?:/\w+)?")


@dataclass(frozen=True, slots=True)
class Field:
    """One box: `kind` line, area or list; `group` a heading above it, "" where it goes on."""

    name: str
    label: str
    value: str
    kind: str
    group: str = ""


def own_files(channel: ChannelName) -> tuple[str, ...]:
    return NEEDS[channel]


def fields_of(files: Mapping[str, str], channel: ChannelName) -> list[Field]:
    """The boxes of one channel; of a channel nobody wrote for, empty ones. DefinitionError: the file cannot be read."""
    if channel is ChannelName.EMAIL:
        subject, text = _mail(files)
        return [
            Field("email/subject", say("主题"), subject, "line"),
            Field("email/text", say("正文"), text, "area"),
        ]
    found: list[Field] = []
    group = ""
    for path, one in texts_of(_source(files, channel), _TOML[channel]).items():
        if path[-1] in ("kind", "params"):  # what it is, and an order that follows from the text
            continue
        head = "" if channel is not ChannelName.WECHAT else wording.mode_words(path[0])
        found.append(_field(channel, path, one, head if head != group else ""))
        group = head
    if channel is ChannelName.SMS:
        found.sort(key=lambda one: one.name != "sms/text")
    return found


def _field(channel: ChannelName, path: Path, text: Text, group: str) -> Field:
    kind = "list" if isinstance(text, tuple) else "area" if path[-1] in _LONG or "\n" in text else "line"
    value = "\n".join(text) if isinstance(text, tuple) else text
    return Field(name_of(channel, path), _label(path), value, kind, group)


def _label(path: Path) -> str:
    match path:
        case (*_, ("params" | "data"), name):
            return say("变量{name}填什么").format(name=name)
        case ("tencent", "template_id"):
            return say("腾讯云模板编号")
        case (provider, "template_id") if provider not in ("template", "subscribe"):
            return f"{provider} · {say('模板编号')}"
    return say(_LABELS[path[-1]]) if path[-1] in _LABELS else path[-1]


def name_of(channel: ChannelName, path: Path) -> str:
    return "/".join([channel, *(quote(part, safe="") for part in path)])


def with_words(files: Mapping[str, str], typed: Mapping[str, str], channels: tuple[ChannelName, ...]) -> dict[str, str]:
    """The files of these channels with what was typed, where it differs; a field that was not sent stays as it is."""
    written: dict[str, str] = {}
    for channel in channels:
        made = _mail_files(files, typed) if channel is ChannelName.EMAIL else _toml_file(files, typed, channel)
        written |= {file: text for file, text in made.items() if files.get(file) != text}
    return written


def _toml_file(files: Mapping[str, str], typed: Mapping[str, str], channel: ChannelName) -> dict[str, str]:
    file, source = _TOML[channel], _source(files, channel)
    before = texts_of(source, file)
    changed: dict[Path, Text | None] = {}
    for path, old in before.items():
        given = typed.get(name_of(channel, path))
        if given is not None:
            changed[path] = tuple(one for one in given.split("\n") if one) if isinstance(old, tuple) else given
    if channel is ChannelName.SMS:
        changed |= _slots(before, changed)
    return {file: write_texts(source, changed, file)}


def _slots(before: Mapping[Path, Text], changed: Mapping[Path, Text | None]) -> dict[Path, Text | None]:
    """Where the text changed: its variables get a value, those it no longer has lose it, the orders follow."""
    text = changed.get(("text",))
    if text is None or text == before.get(("text",)):
        return {}
    slots = list(dict.fromkeys(SMS_SLOT.findall(str(text))))
    given = {path[1] for path in before if path[0] == "params" and len(path) == 2}
    found: dict[Path, Text | None] = {("params", name): None for name in given if name not in slots}
    found |= {("params", name): SMS_SLOTS[name] for name in slots if name not in given and name in SMS_SLOTS}
    for path, order in before.items():
        if path[-1] == "params" and isinstance(order, tuple):
            kept = [name for name in order if name in slots]
            found[path] = (*kept, *(name for name in slots if name not in kept))
    return found


def _mail_files(files: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    subject, text = _mail(files)
    new_subject, new_text = typed.get("email/subject", subject), typed.get("email/text", text)
    same = new_text.strip() == text.strip()
    if same and new_subject == subject and {"email.txt", "email.mjml"} <= set(files):
        return {}
    _, line, thread = files.get("email.txt", "").partition("\n\n")[0].partition("\nThread: ")
    head = f"Subject: {' '.join(new_subject.split())}{line}{thread}"
    made = {"email.txt": f"{head}\n\n{text if same else new_text.strip() + chr(10)}"}
    if not same or "email.mjml" not in files:
        made["email.mjml"] = letter(new_text)
    return made


def letter(text: str) -> str:
    """The text's paragraphs as the body of a mail with a layout; a link that stands alone becomes a button."""
    blocks = "\n".join(_block(one) for one in _paragraphs(text.replace(FOOT, "")))
    return f"<mj-section>\n  <mj-column>\n{blocks}\n  </mj-column>\n</mj-section>\n"


def _paragraphs(text: str) -> list[str]:
    """Parted at blank lines, but never inside of an {% if %} or {% for %}."""
    found: list[str] = []
    depth = 0
    for part in re.split(r"\n\s*\n", text.strip()):
        if depth and found:
            found[-1] += f"\n\n{part}"
        else:
            found.append(part)
        depth += len(_OPENS.findall(part)) - len(_CLOSES.findall(part))
    return [one for one in found if one.strip()]


def _block(paragraph: str) -> str:
    """One <mj-text>, and for a last line that is nothing but a link a button."""
    words, _, last = paragraph.strip().rpartition("\n")
    if _ALONE.fullmatch(last.strip()) and not _OPENS.search(words):
        button = f'    <mj-button href="{last.strip()}">点这里打开</mj-button>'
        return f"{_block(words)}\n{button}" if words.strip() else button
    return f"    <mj-text>{_html(paragraph.strip())}</mj-text>"


def _html(text: str) -> str:
    said, at = [], 0
    for tag in _TAG.finditer(text):
        said += [_escaped(text[at : tag.start()]), tag[0]]
        at = tag.end()
    return "".join([*said, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return escape(text).replace("\n", "<br />")


def _mail(files: Mapping[str, str]) -> tuple[str, str]:
    head, _, text = files.get("email.txt", _NEW["email.txt"]).partition("\n\n")
    return head.partition("\nThread: ")[0].removeprefix("Subject: ").removeprefix("Subject:"), text


def _source(files: Mapping[str, str], channel: ChannelName) -> str:
    return files.get(_TOML[channel], _NEW[_TOML[channel]])


def field_at_fault(found: DefinitionError, boxes: Sequence[Field]) -> str:
    """The box that a problem belongs to: its own, or the one that says what cannot be said; "" where there is none."""
    mine = [
        one for one in boxes if _file(one) == found.file or (found.file == "email.mjml" and _file(one) == "email.txt")
    ]
    tail = "/".join(quote(part, safe="") for part in found.key.split("."))
    wanted = "email/subject" if found.key == "Subject" else tail
    named = (one for one in mine if one.name == wanted or one.name.endswith(f"/{wanted}"))
    broken = (one for one in mine if not _compiles(one))
    saying = (one for one in mine if re.search(rf"\b{re.escape(found.key.rpartition('.')[2])}\b", one.value))
    texts = (one for one in mine if one.name.endswith("/text"))
    return next((one.name for one in chain(named, broken, saying, texts)), "")


def _compiles(box: Field) -> bool:
    try:
        Workshop({}).text(_INCLUDE.sub("", box.value), "")
    except DefinitionError:
        return False
    return True


def _file(box: Field) -> str:
    channel = ChannelName(box.name.partition("/")[0])
    return _TOML.get(channel, "email.txt")
