"""What a new campaign begins with: its key, another one's files, or the least that can be mended into something."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence

from pypinyin import lazy_pinyin

from campaigns.content import REFUSAL_LINE
from campaigns.folders.writing import write_definition
from campaigns.terms import ChannelName, MessageClass, SmsProvider

RESERVED = frozenset(
    {
        "new",
        "live",
        "approvals",
        "templates",
        "site",
        "policy",
        "calendar",
        "by_hand",
        "introduction",
        "fair_invitation",
    }
)
_LONGEST_KEY = 40
_FALLBACK = "campaign"
_SCHEDULES: Mapping[MessageClass, Mapping[str, object]] = {
    MessageClass.GREETING: {"kind": "before_festival", "at": "09:30"},
}
_EVERY_WORKDAY = {"kind": "recurring", "every": "day", "at": "09:30", "days": "workdays", "again_after": "30d"}
_SMS_WORDS = "${company}，这里写要说的话。"


def key_of(title: str) -> str:
    """The title in pinyin, such as wei_du_jian_li; something else where nothing of it can be spelled."""
    spelled = "_".join(lazy_pinyin(title)).lower()
    words = [word for word in re.sub(r"[^a-z0-9]+", "_", spelled).split("_") if word]
    key = ""
    for word in words:
        longer = f"{key}_{word}" if key else word[:_LONGEST_KEY]
        if len(longer) > _LONGEST_KEY:
            break
        key = longer
    return key or _FALLBACK


def numbered(key: str, number: int) -> str:
    """The same key for the second, third … of that name."""
    if number < 2:
        return key
    return f"{key[: _LONGEST_KEY - len(str(number)) - 1].rstrip('_')}_{number}"


def copied(files: Mapping[str, str], title: str, code: str, others: Mapping[str, str]) -> dict[str, str]:
    """Another campaign's own files under a new title.

    `code` is the SMS template of this one, `others` those at other providers: two campaigns never share one.
    """
    own = {name: text for name, text in files.items() if not name.startswith("_shared/")}
    table = tomllib.loads(own["campaign.toml"])
    own["campaign.toml"] = write_definition({**table, "title": title})
    if "sms.toml" in own:
        own["sms.toml"] = _sms_of(own["sms.toml"], code, others)
    return own


def _sms_of(text: str, code: str, others: Mapping[str, str]) -> str:
    """By lines: a template's quotes must stay as their author wrote them."""
    first, *tables = re.split(r"(?m)^(?=\s*\[)", text)
    kept = [re.sub(r"(?m)^\s*template_code\s*=.*$", f"template_code = {json.dumps(code)}", first)]
    for table in tables:
        provider = table.strip()[1:].partition("]")[0].strip()
        if provider not in list(SmsProvider):
            kept.append(table)
        elif provider in others:
            other = f"template_id = {json.dumps(others[provider])}"
            kept.append(re.sub(r"(?m)^\s*template_id\s*=.*$", other, table))
    return "".join(kept)


def derived_codes(key: str) -> tuple[str, dict[str, str]]:
    """Codes for templates that only the sandbox's providers approve."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 10**8
    return f"SMS_3{number:08}", {SmsProvider.TENCENT: f"3{number:08}"}


def blank(
    title: str, kind: MessageClass, channels: Sequence[ChannelName], code: str, hold_out: int = 0
) -> dict[str, str]:
    """The least that passes the lint: a greeting line, a place for the words, what the law wants.

    `hold_out`: percent of the members that are not written to.
    """
    table: dict[str, object] = {
        "title": title,
        "class": str(kind),
        "segment": "all",
        "channels": [str(one) for one in channels],
        "schedule": _SCHEDULES.get(kind, _EVERY_WORKDAY),
    }
    if hold_out:
        table["hold_out"] = hold_out / 100
    files = {"campaign.toml": write_definition(table)}
    soliciting = kind is not MessageClass.SERVICE
    if ChannelName.EMAIL in channels:
        subject = f"（广告）{title}" if kind is MessageClass.MARKETING else title
        files["email.txt"] = _mail(subject)
        files["email.mjml"] = _MJML
    if ChannelName.SMS in channels:
        text = _SMS_WORDS + (REFUSAL_LINE if soliciting else "")
        sms = {"template_code": code, "text": text, "params": {"company": "{{ member.short_name }}"}}
        files["sms.toml"] = write_definition(sms)
    refusal = "\n不想再收到就回“退订”。" if soliciting else ""
    if ChannelName.WECHAT in channels:
        files["wechat.toml"] = write_definition({"custom": {"text": _CHAT + refusal}})
    if ChannelName.WECOM in channels:  # the same words for everybody
        files["wecom.toml"] = write_definition({"text": _MASS + refusal})
    return files


_MASS = "您好，这里写要说的话。"
_CHAT = "{{ contact.name }}您好，这里写要说的话。"
_MJML = """<mj-section>
  <mj-column>
    <mj-text>{{ contact.name }}您好：</mj-text>
    <mj-text>这里写要说的话。</mj-text>
  </mj-column>
</mj-section>
"""


def _mail(subject: str) -> str:
    """Braces of a title are words, not a variable."""
    words = re.sub(r"[{}]", "", " ".join(subject.split()))
    return f"""Subject: {words}

{{{{ contact.name }}}}您好：

这里写要说的话。

{{% include "_shared/foot.txt" %}}
"""
