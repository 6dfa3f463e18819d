"""Template folder + variables → exact words, per channel. Compiled once for each content version.

What a template may see are plain values (`variables`), never objects; a missing one is an error. Html is autoescaped;
subjects, text and SMS are not, for there is nothing to escape there, but a line break in a name never breaks a line.
A template says values, `if` and `for`, and may take in another .txt of its own content version. It cannot call
anything, nor run long: whatever could grow beyond its own length is not part of its language (`_check_language`).
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import css_inline
import mrml
from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, Undefined, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from campaigns.errors import DefinitionError
from campaigns.terms import (
    SHANGHAI,
    ChannelName,
    ContactFacts,
    Facts,
    MailWords,
    SmsWords,
    WechatMode,
    WechatWords,
    Words,
)

MAIL_FRAME = "_shared/mail.mjml"
_BODY_MARK = "<!-- body -->"
_ANSWER = re.compile(r"answer\.([a-z_]+)\.txt")
_NOT_WORDS = re.compile(r"(campaign|(.*/)?sample)\.toml")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_HIDDEN_TAG = re.compile(r"jinja(\d+)tag")
_MISSING = re.compile(r"^'(\w+)' is undefined|has no attribute '(\w+)'")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WECHAT_TAG = re.compile(r"<(?=\s*/?\s*a(?![a-z0-9]))", re.IGNORECASE)
_WECHAT_SCHEME = re.compile(r"(weixin):(?=//)", re.IGNORECASE)
_LEGAL_FORM = re.compile(r"(股份有限公司|有限责任公司|有限公司)$")
_BRACKETS = str.maketrans("【】", "[]")  # the provider's mark of a signature: refused anywhere else
SMS_SLOT = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
SMS_PARAM = 35  # characters Aliyun takes in one variable, and at least 1
UNDEFINED = "没有这个变量，能用的都在 _shared/sample.toml 里 (undefined)"
REFUSAL_LINE = "拒收请回复R"
WECHAT_LIMITS = {"thing": 20, "short_thing": 5, "character_string": 32, "phone_number": 17}
EXTRAS = ("digest", "unread_postings", "festival")
# Given where words are filled, beside `variables`: the answer's own, and the fields of a WeChat notice.
_GIVEN_LATER = frozenset({"answer", "answer_lines", "data"})
# What a template may be made of, by the names Jinja gives the pieces.
_LANGUAGE = re.compile(
    "TemplateData|Output|If|For|Assign|Include|FromImport|Name|Const|List|Tuple|Dict|Pair|Keyword|Getattr|Getitem|Slice"
    "|CondExpr|Compare|Operand|And|Or|Not|Neg|Sub|Div|FloorDiv|Mod|Test|Filter"
)
_FILTERS = re.compile("default|d|first|last|length|count|int|lower|upper|trim|truncate")


@dataclass(frozen=True, slots=True)
class _Mail:
    subject: Template
    text: Template
    html: Template


@dataclass(frozen=True, slots=True)
class _Sms:
    template_code: str
    text: str
    params: Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class _Wechat:
    """One of the three ways: custom text, or fields of a template."""

    text: Template
    url: Template
    template_id: str = ""
    data: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The same words twice: what is a link differs."""

    mail: Template
    wechat: Template


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content version ready to be filled. `wants` names the extra variables its words use."""

    mail: _Mail | None
    sms: _Sms | None
    wechat: Mapping[WechatMode, _Wechat]
    answers: Mapping[str, _Answer]
    wants: frozenset[str]

    @property
    def wechat_modes(self) -> frozenset[WechatMode]:
        return frozenset(self.wechat) | ({WechatMode.CUSTOM} if self.answers else frozenset())

    @property
    def subscribe_template(self) -> str:
        way = self.wechat.get(WechatMode.SUBSCRIBE)
        return way.template_id if way else ""


def compile_content(files: Mapping[str, str]) -> Compiled:
    """Raises DefinitionError naming the file that cannot be compiled."""
    words = _Workshop(files)
    answers = {match[1]: name for name in files if (match := _ANSWER.fullmatch(name))}
    return Compiled(
        mail=_compile_mail(files, words) if "email.txt" in files else None,
        sms=_compile_sms(files["sms.toml"], words) if "sms.toml" in files else None,
        wechat=_compile_wechat(files["wechat.toml"], words) if "wechat.toml" in files else {},
        answers={intent: words.answer(files[name], name) for intent, name in answers.items()},
        wants=_wants(files),
    )


def render(
    compiled: Compiled, channel: ChannelName, variables: Mapping[str, Any], wechat_mode: WechatMode | None = None
) -> Words:
    """The exact words for one person. Raises DefinitionError naming the file and the variable that is missing."""
    if compiled.answers:
        return _render_answer(compiled, channel, variables)
    match channel:
        case ChannelName.EMAIL if compiled.mail:
            return _render_mail(compiled.mail, variables)
        case ChannelName.SMS if compiled.sms:
            return _render_sms(compiled.sms, variables)
        case ChannelName.WECHAT if wechat_mode and wechat_mode in compiled.wechat:
            return _render_wechat(compiled.wechat[wechat_mode], wechat_mode, variables)
    raise DefinitionError("campaign.toml", "channels", f"没有写 {wechat_mode or channel} 的文字 (no words for it)")


def variables(
    facts: Facts,
    contact: ContactFacts,
    *,
    now: datetime,
    site: Mapping[str, str],
    links: Mapping[str, str],
    extra: Mapping[str, object],
) -> dict[str, object]:
    """What words may be filled with: plain values only, every text on one line."""
    today = now.astimezone(SHANGHAI).date()
    idle = facts.last_login_at or facts.registered_at or now
    waiting = now - facts.oldest_unread_at if facts.oldest_unread_at else timedelta()
    name = one_line(facts.name) or "贵公司"
    return {
        "member": {
            "no": facts.member_no,
            "name": name,
            "short_name": short_name(name),
            "city": one_line(facts.city),
            "trade": one_line(facts.trade),
            "tier": str(facts.tier),
            "owner": one_line(facts.owner),
            "plan": one_line(facts.plan),
            "plan_days_left": (facts.plan_expires_on - today).days if facts.plan_expires_on else None,
            "unread": facts.unread_resumes,
            "oldest_unread_days": max(0, waiting.days),
            "postings": facts.postings,
            "live_postings": facts.live_postings,
            "idle_days": max(0, (now - idle).days),
            "never_in": facts.last_login_at is None,
            "attr": {name: one_line(value) for name, value in facts.attrs.items()},
        },
        "contact": {"name": one_line(contact.name), "title": one_line(contact.title)},
        # weeks are counted on and on: a series of issues does not begin anew in January
        "today": {
            "date": today.isoformat(),
            "month": today.month,
            "day": today.day,
            "week": (today.toordinal() - 1) // 7,
        },
        "site": dict(site),
        "links": dict(links),
        **{name: _plain(value) for name, value in extra.items()},
    }


def one_line(text: str) -> str:
    """No name of anybody breaks a line, and so none makes a header."""
    return _UNPRINTABLE.sub(" ", text).strip()


def short_name(name: str) -> str:
    """晋北餐饮管理有限公司 → 晋北餐饮管理: a notice has 20 characters for it, an SMS pays for each."""
    return _LEGAL_FORM.sub("", name) or name


def read_toml(text: str, file: str) -> dict[str, Any]:
    """Raises DefinitionError naming the file and the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise DefinitionError(file, "toml", f"读不懂：{exc} (cannot be read)") from exc


def read_table(table: Mapping[str, Any], key: str, file: str) -> Mapping[str, Any]:
    """A table inside a table, empty where it is missing. Raises DefinitionError where it is something else."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise DefinitionError(file, key, f"要写成 [{key}] 表 (a table is expected)")
    return value


def unknown_names(files: Mapping[str, str], known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(file, name) of what words ask for and `known` has not, in the branches that no sample takes, too."""
    found: dict[tuple[str, str], None] = {}
    sandbox = _sandbox({})
    for file, text in files.items():
        if _NOT_WORDS.fullmatch(file):
            continue
        tree = _parsed(sandbox, text, file)
        unknown = meta.find_undeclared_variables(tree) - set(known) - _GIVEN_LATER
        found |= {(file, name): None for name in sorted(unknown)}
        for asked in tree.find_all(nodes.Getattr):
            owner = known.get(asked.node.name) if isinstance(asked.node, nodes.Name) else None
            if isinstance(owner, Mapping) and asked.attr not in owner:
                found[file, asked.attr] = None
    return list(found)


def sms_segments(text: str) -> int:
    """Segments the carriers bill: 70 characters, then 67 each; the signature counts."""
    return 1 if len(text) <= 70 else -(-len(text) // 67)


def _plain(value: object) -> object:
    match value:
        case str():
            return one_line(value)
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case date():
            return value.isoformat()
        case bool() | int() | float() | None:
            return value
    raise TypeError(f"words are filled with plain values, not with {type(value).__name__}")


# ---- compiling ----------------------------------------------------------------------------------------------------


class _Workshop:
    """Makes templates out of the text of one content version, each named after its file."""

    def __init__(self, files: Mapping[str, str]) -> None:
        parts = _parts(files)
        self._html = _sandbox(parts, autoescape=True)
        self._text = _sandbox(parts)
        self._wechat = _sandbox(parts, finalize=_no_link)

    def html(self, source: str, file: str) -> Template:
        return _template(self._html, source, file)

    def text(self, source: object, file: str) -> Template:
        return _template(self._text, str(source), file)

    def wechat(self, source: object, file: str) -> Template:
        """WeChat makes links of what a text holds: of the author's own, never of somebody's name."""
        return _template(self._wechat, str(source), file)

    def answer(self, source: str, file: str) -> _Answer:
        return _Answer(self.text(source, file), self.wechat(source, file))


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, str):  # a format's width is as long as its author likes
            raise SecurityError("% is for numbers")
        return super().call_binop(context, operator, left, right)


def _sandbox(
    parts: Mapping[str, str], *, autoescape: bool = False, finalize: Callable[[Any], Any] | None = None
) -> _Sandbox:
    return _Sandbox(
        undefined=StrictUndefined,
        autoescape=autoescape,
        finalize=finalize or _shown,
        loader=DictLoader(dict(parts)),
    )


def _parts(files: Mapping[str, str]) -> dict[str, str]:
    """The files that others may take in: texts that take in nothing themselves, so that no chain of them grows."""
    sandbox = _sandbox({})
    found: dict[str, str] = {}
    for name, text in files.items():
        if not name.endswith(".txt"):
            continue
        tree = _parsed(sandbox, text, name)
        if not _takes_in(tree):
            _check_language(tree, name)
            found[name] = text
    return found


def _template(sandbox: _Sandbox, source: str, file: str) -> Template:
    _check_language(_parsed(sandbox, source, file), file)
    try:
        template = sandbox.from_string(source)
    except TemplateError as exc:
        raise _miswritten(file, exc) from exc
    template.name = file
    return template


def _parsed(sandbox: _Sandbox, source: str, file: str) -> nodes.Template:
    try:
        return sandbox.parse(source)
    except TemplateError as exc:
        raise _miswritten(file, exc) from exc


def _miswritten(file: str, exc: TemplateError) -> DefinitionError:
    return DefinitionError(file, "template", f"模板写错了：{exc} (cannot be compiled)")


def _check_language(tree: nodes.Template, file: str) -> None:
    """No calls, macros, products or joined texts, nothing marked safe, and loops at most two deep."""
    for node in tree.find_all(nodes.Node):
        if problem := _outside_language(node):
            raise DefinitionError(file, f"第{node.lineno}行", f"模板里不能用 {problem} (not part of the language)")


def _outside_language(node: nodes.Node) -> str:
    match node:
        case nodes.Filter(name=name) if not _FILTERS.fullmatch(name):
            return f"|{name}"
        case nodes.Getattr(attr=attr) if attr.startswith("_"):
            return f".{attr}"
        case nodes.List() | nodes.Tuple() | nodes.Dict() if _holds_values(node):
            return "[变量]"
        case nodes.For() if _takes_in(node):
            return "for 里的 include"
        case nodes.For() if any(inner.find(nodes.For) for inner in node.find_all(nodes.For)):
            return "三层 for"
        case _ if not _LANGUAGE.fullmatch(type(node).__name__):
            return type(node).__name__.lower()
    return ""


def _takes_in(node: nodes.Node) -> bool:
    return any(isinstance(one, nodes.Include | nodes.FromImport) for one in node.find_all(nodes.Node))


def _holds_values(node: nodes.Node) -> bool:
    """A list of lists of itself, forty deep, is short to write and endless to show."""
    return any(name.ctx == "load" for name in node.find_all(nodes.Name))


def _shown(value: Any) -> Any:
    """Texts and numbers are shown, a method or a whole table never; None is nothing to show."""
    if value is None:
        return ""
    if isinstance(value, str | int | float | Undefined):
        return value
    raise SecurityError(f"a {type(value).__name__} is neither text nor number")


def _no_link(value: Any) -> Any:
    if isinstance(value, str):
        value = _WECHAT_SCHEME.sub(r"\1：", _WECHAT_TAG.sub("＜", value))
    return _shown(value)


def _wants(files: Mapping[str, str]) -> frozenset[str]:
    words = [text for name, text in files.items() if not _NOT_WORDS.fullmatch(name)]
    return frozenset(name for name in EXTRAS if any(re.search(rf"\b{name}\b", text) for text in words))


def _compile_mail(files: Mapping[str, str], words: _Workshop) -> _Mail:
    head, _, text = files["email.txt"].partition("\n\n")
    if not head.startswith("Subject: "):
        raise DefinitionError("email.txt", "Subject", "第一行写“Subject: 主题”，再空一行 (subject line missing)")
    frame = files.get(MAIL_FRAME, "")
    if _BODY_MARK not in frame:
        raise DefinitionError(MAIL_FRAME, "body", f"信放在哪里，要用 {_BODY_MARK} 标出来 (no place for the body)")
    return _Mail(
        subject=words.text(head.removeprefix("Subject: "), "email.txt"),
        text=words.text(text, "email.txt"),
        html=words.html(_to_html(frame.replace(_BODY_MARK, files.get("email.mjml", ""))), "email.mjml"),
    )


def _to_html(mjml: str) -> str:
    """MJML to html with its styles on the elements. Jinja's tags are hidden meanwhile, or they would be escaped."""
    tags: list[str] = []

    def hide(tag: re.Match[str]) -> str:
        tags.append(tag[0])
        return f"jinja{len(tags) - 1}tag"

    if _HIDDEN_TAG.search(mjml):
        raise DefinitionError("email.mjml", "jinja0tag", "这个词留给程序用，换一个 (reserved)")
    hidden = _TAG.sub(hide, mjml)
    try:
        html = mrml.to_html(hidden).content
    except OSError as exc:
        raise DefinitionError("email.mjml", "mjml", f"读不懂：{exc} (cannot be read)") from exc
    html = css_inline.inline(html, load_remote_stylesheets=False)  # drops mrml's link to fonts abroad, too
    _check_order(tags, html)
    return _HIDDEN_TAG.sub(lambda found: tags[int(found[1])], html)


def _check_order(tags: list[str], html: str) -> None:
    """Html allows no text between the rows of a table and moves it out: a loop there would lose its body."""
    found = dict.fromkeys(int(number) for number in _HIDDEN_TAG.findall(html))
    there = set(_statements(found, tags))
    for number, before in _statements(range(len(tags)), tags):
        if (number, before) not in there:
            raise DefinitionError("email.mjml", tags[number], "不在 <mj-text> 里面，移进去 (moved out of a table)")


def _statements(order: Iterable[int], tags: list[str]) -> Iterator[tuple[int, frozenset[int]]]:
    """Each {% … %} with the expressions between it and the one before."""
    between: set[int] = set()
    for number in order:
        if tags[number].startswith("{%"):
            yield number, frozenset(between)
            between = set()
        else:
            between.add(number)


def _compile_sms(text: str, words: _Workshop) -> _Sms:
    table = read_toml(text, "sms.toml")
    _check_keys(table, ("template_code", "text", "params"), "sms.toml")
    params = read_table(table, "params", "sms.toml")
    body = str(table.get("text", "")).strip()
    for slot in SMS_SLOT.findall(body):
        if slot not in params:
            raise DefinitionError("sms.toml", slot, f"text 里用了 ${{{slot}}}，[params] 里没有 (not in [params])")
    return _Sms(
        template_code=str(table.get("template_code", "")),
        text=body,
        params={name: words.text(value, "sms.toml") for name, value in params.items()},
    )


def _compile_wechat(text: str, words: _Workshop) -> dict[WechatMode, _Wechat]:
    table = read_toml(text, "wechat.toml")
    _check_keys(table, tuple(WechatMode), "wechat.toml")
    return {mode: _wechat_way(read_table(table, mode, "wechat.toml"), words) for mode in WechatMode if mode in table}


def _wechat_way(way: Mapping[str, Any], words: _Workshop) -> _Wechat:
    _check_keys(way, ("template_id", "text", "url", "data"), "wechat.toml")
    return _Wechat(
        text=words.wechat(way.get("text", ""), "wechat.toml"),
        url=words.text(way.get("url", ""), "wechat.toml"),
        template_id=str(way.get("template_id", "")),
        data={name: words.text(value, "wechat.toml") for name, value in read_table(way, "data", "wechat.toml").items()},
    )


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], file: str) -> None:
    for key in table:
        if key not in known:
            raise DefinitionError(file, key, f"没有这一项，只有 {'、'.join(known)} (unknown key)")


# ---- filling ------------------------------------------------------------------------------------------------------


def _fill(template: Template, variables: Mapping[str, Any]) -> str:
    try:
        return template.render(variables)
    except Exception as exc:  # what an author wrote may fail in any way Python can
        file = template.name or ""
        if missing := _MISSING.search(str(exc)):
            name = missing[1] or missing[2]
            raise DefinitionError(file, name, UNDEFINED) from exc
        raise DefinitionError(file, "template", f"填不出来：{exc} (cannot be filled)") from exc


def _render_mail(mail: _Mail, variables: Mapping[str, Any]) -> MailWords:
    return MailWords(
        subject=one_line(_fill(mail.subject, variables)),
        text=_tidy(_fill(mail.text, variables)) + "\n",
        html=_fill(mail.html, variables),
    )


def _render_sms(sms: _Sms, variables: Mapping[str, Any]) -> SmsWords:
    sign = str(variables["site"]["sign_name"])
    params = dict(_sms_params(sms, variables))
    filled = SMS_SLOT.sub(lambda slot: params[slot[1]], sms.text)
    return SmsWords(template_code=sms.template_code, sign_name=sign, params=params, text=f"【{sign}】{filled}")


def _sms_params(sms: _Sms, variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, template in sms.params.items():
        value = _cut(one_line(_fill(template, variables)).translate(_BRACKETS), SMS_PARAM)
        if not value:
            raise DefinitionError("sms.toml", name, "变量填出来是空的，短信服务商不收 (empty)")
        yield name, value


def _render_wechat(way: _Wechat, mode: WechatMode, variables: Mapping[str, Any]) -> WechatWords:
    """The text may quote the fields as {{ data.thing1 }}: exactly what the follower reads, cut where they are cut."""
    data = {name: _fit(name, one_line(_fill(template, variables))) for name, template in way.data.items()}
    text = _tidy(_fill(way.text, {**variables, "data": data})) or "\n".join(data.values())
    return WechatWords(
        mode=mode, text=text, url=_fill(way.url, variables).strip(), template_id=way.template_id, data=data
    )


def _render_answer(compiled: Compiled, channel: ChannelName, variables: Mapping[str, Any]) -> Words:
    """The words for `intent`; a mail sets them into the folder's email files as {{ answer }} or {{ answer_lines }}."""
    intent = str(variables["intent"])
    if intent not in compiled.answers:
        raise DefinitionError(f"answer.{intent}.txt", "words", "没有写对这种意思的回答 (no words for this intent)")
    answer = compiled.answers[intent]
    match channel:
        case ChannelName.WECHAT:
            return WechatWords(mode=WechatMode.CUSTOM, text=_tidy(_fill(answer.wechat, variables)))
        case ChannelName.EMAIL if compiled.mail:
            text = _tidy(_fill(answer.mail, variables))
            return _render_mail(compiled.mail, {**variables, "answer": text, "answer_lines": text.splitlines()})
    raise DefinitionError("campaign.toml", "channels", f"没有写 {channel} 的回答 (no words for it)")


def _tidy(text: str) -> str:
    """A loop or a branch that said nothing leaves no gap."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()


def _fit(name: str, value: str) -> str:
    """Cut to the limit of its kind: a notice cut short beats one refused."""
    return _cut(value, WECHAT_LIMITS.get(name.rstrip("0123456789"), len(value)))


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"
