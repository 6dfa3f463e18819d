"""营销活动: the list, and one campaign: what it says, to whom, what became of it."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.members import list_url
from bot.console.shell import day, not_found, staff_page
from bot.runtime import Runtime
from bot.web.desk import StaffRoute
from campaigns import definitions
from campaigns.definitions import CampaignRow
from campaigns.errors import DefinitionError, InputError, OutreachError
from campaigns.folders import CampaignFolder, Definition, render_sample
from campaigns.members.browse import Sieve
from campaigns.reports import CampaignReport, campaign_reports
from campaigns.rights import Right
from campaigns.schedule import BeforeFestival, Once, Recurring, parse_schedule
from campaigns.segments import explain_segment, parse_segment
from campaigns.terms import SHANGHAI, MailWords, SmsWords, WechatMode, WecomWords, Words

_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list. `fault` is what is wrong with its folder, "" where nothing is."""

    key: str
    title: str
    definition: Definition | None
    state: str
    note: str
    report: CampaignReport | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The words of one channel with sample facts. `kind` is mail, sms or wechat, a `notice` WeChat's card."""

    name: str
    kind: str
    text: str
    subject: str = ""
    notice: bool = False


async def campaigns(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    reports = {report.key: report for report in await campaign_reports()}
    keys = definitions.campaign_keys(runtime.settings.huifang_templates)
    lines = [await _line(runtime, key, reports.get(key)) for key in sorted({*keys, *reports})]
    return await staff_page(request, "campaigns.html", here="campaigns", lines=lines)


async def campaign(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    key = request.path_params["key"]
    folder, fault = _folder(runtime, key)
    row = await definitions.find_campaign(key)
    definition = row.definition if row else folder.definition if folder else None
    if definition is None and not fault:
        return await not_found(request, here="campaigns", what=f"没有叫 {key} 的营销活动")
    reports = await campaign_reports(key)
    return await staff_page(
        request,
        "campaign.html",
        here="campaigns",
        key=key,
        definition=definition,
        row=row,
        report=reports[0] if reports else None,
        fault=fault,
        changed=bool(row and folder and dict(row.files) != dict(folder.files)),
        audience=_explained(definition.segment) if definition else "",
        goal=_explained(definition.goal) if definition and definition.goal else "",
        schedule=_schedule(definition) if definition else "",
        samples=_samples(row, folder),
        listed=lambda fate: list_url(Sieve(campaign=key, fate=fate)),
        heard=lambda inbound: list_url(Sieve(campaign=key, inbound=inbound)),
        next_step=_next_step(row, key),
    )


async def _line(runtime: Runtime, key: str, report: CampaignReport | None) -> Line:
    folder, fault = _folder(runtime, key)
    row = await definitions.find_campaign(key)
    definition = row.definition if row else folder.definition if folder else None
    return Line(
        key=key,
        title=definition.title if definition else key,
        definition=definition,
        state=row.state if row else "draft",
        note=row.note if row else "",
        report=report,
        fault=fault,
    )


def _folder(runtime: Runtime, key: str) -> tuple[CampaignFolder | None, str]:
    """The folder as it stands now, or what is wrong with it; neither where there is none."""
    try:
        return definitions.load_campaign(runtime.settings.huifang_templates, key), ""
    except DefinitionError as exc:
        return None, str(exc)
    except InputError:
        return None, ""


def _explained(rule: str) -> str:
    return explain_segment(parse_segment(rule), "zh")


def _schedule(definition: Definition) -> str:
    """When it is sent, in plain words."""
    if definition.answers:
        return "对方一来消息就答"
    schedule = parse_schedule(definition.schedule)
    match schedule:
        case Once(at=at):
            return f"只发一次：{day(at)} {at.astimezone(SHANGHAI):%H:%M}"
        case Recurring(at=at, weekday=None, workdays_only=workdays):
            return f"{'每个工作日' if workdays else '每天'} {at:%H:%M}"
        case Recurring(at=at, weekday=int(on)):
            return f"每周{_WEEKDAYS[on]} {at:%H:%M}"
        case BeforeFestival(at=at):
            return f"节前最后一个工作日 {at:%H:%M}"
    raise AssertionError(schedule)


def _samples(row: CampaignRow | None, folder: CampaignFolder | None) -> list[Sample]:
    """What will be sent: the approved version's words, else the folder's."""
    if folder is None:
        return []
    shown = CampaignFolder(folder.key, row.files, "", row.definition) if row else folder
    try:
        return [_sample(name, words) for name, words in render_sample(shown).items()]
    except OutreachError:
        return []


def _sample(name: str, words: Words) -> Sample:
    if isinstance(words, MailWords):
        return Sample(_sample_name(name), "mail", words.text, words.subject)
    if isinstance(words, SmsWords):
        return Sample(_sample_name(name), "sms", words.text)
    if isinstance(words, WecomWords):
        return Sample(_sample_name(name), "wechat", words.text)
    return Sample(_sample_name(name), "wechat", words.text, notice=words.mode is not WechatMode.CUSTOM)


def _sample_name(name: str) -> str:
    """email, wechat.template, answer.stop → 邮件, 公众号（模板消息）, 退订."""
    head, _, rest = name.partition(".")
    if head == "answer":
        return f"对方说：{wording.intent_words(rest)}"
    return f"{wording.channel_words(head)}（{wording.mode_words(rest)}）" if rest else wording.channel_words(head)


def _next_step(row: CampaignRow | None, key: str) -> tuple[str, str] | None:
    """What a person does next with it, and the command that does it."""
    match row.state if row else "draft":
        case "draft":
            return "先预览，再批准", f"huifang campaign preview {key} && huifang campaign approve {key}"
        case "approved":
            return "已批准，还没有开始", f"huifang campaign start {key}"
        case "paused":
            return "暂停着，没发的在队列里等", f"huifang campaign resume {key}"
        case "cancelled":
            return "已取消；要重新用就再批准", f"huifang campaign approve {key}"
        case _:
            return None


routes = [
    StaffRoute("/campaigns", campaigns, right=Right.SEE),
    StaffRoute("/campaigns/{key}", campaign, right=Right.SEE),
]
