"""What to do first in a new house, until its first campaign has begun."""

from dataclasses import dataclass, replace

from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import Visitor
from campaigns import definitions, saved_segments
from campaigns.members import find
from campaigns.replies.reading import AUTO_REPLIES
from campaigns.rights import Right


@dataclass(frozen=True, slots=True)
class FirstStep:
    """`href` is "" for who may not do it; `next` marks the one to do now."""

    label: str
    why: str
    action: str
    href: str
    done: bool
    next: bool = False


async def first_steps(runtime: Runtime, visitor: Visitor) -> list[FirstStep]:
    """None once a campaign with dates has begun, whatever became of it."""
    members = await find.count_members(visitor.staff.owners)
    if members and await definitions.any_began():
        return []
    plans = visitor.may(Right.PLAN)
    steps = [
        _import(members, visitor),
        FirstStep(
            say("看看通道"),
            say("现在是演练环境，谁也不会真的收到，放心试")
            if runtime.sandboxed
            else say("公众号、短信、邮件通不通，一天能发多少"),
            say("看通道"),
            "/settings/channels" if visitor.may(Right.SETTINGS) else "",
            done=bool(runtime.channels or runtime.sandboxed),
        ),
        FirstStep(
            say("圈一群会员"),
            say("先圈小一点，比如三个月没来、攒了几份没看的简历"),
            say("建分群"),
            "/segments/new" if plans else "",
            done=bool(await saved_segments.list_segments()),
        ),
        FirstStep(
            say("做第一个活动"),
            say("五步：给谁、为了什么、写什么、什么时候、检查。批准之前什么也不发"),
            say("新建活动"),
            "/campaigns/new" if plans else "",
            done=False,
        ),
    ]
    steps += await _answering(runtime, visitor)
    now = next(number for number, one in enumerate(steps) if not one.done)
    return [replace(one, next=number == now) for number, one in enumerate(steps)]


async def _answering(runtime: Runtime, visitor: Visitor) -> list[FirstStep]:
    """The campaign of automatic answers is a draft at first, as all are; nothing where a house has none."""
    if not await definitions.is_campaign(runtime.settings.huifang_templates, AUTO_REPLIES):
        return []
    row = await definitions.find_campaign(AUTO_REPLIES)
    running = row is not None and row.state == "running"
    return [
        FirstStep(
            say("打开自动回答"),
            say("开着，客户问的常见的话马上有回音，别的等同事来答")
            if running
            else say("现在没有开，客户回了话只等同事来答。和别的活动一样送审、批准"),
            say("去检查、送审"),
            f"/campaigns/{AUTO_REPLIES}/make/check" if visitor.may(Right.PLAN) and not running else "",
            done=running,
        )
    ]


def _import(members: int, visitor: Visitor) -> FirstStep:
    may = visitor.may(Right.IMPORT)
    why = say("还没有企业会员。把招聘网站导出的表传上来，先试一遍再写进去")
    if members:
        why = say("已有{n}家").format(n=f"{members:,}")
    elif not may:
        why = say("还没有企业会员，请管理员导入")
    return FirstStep(say("导入企业会员"), why, say("再导入") if members else say("导入企业会员"),
                     "/imports" if may else "", done=bool(members))  # fmt: skip
