"""What a colleague writes to the application is taken down as the outcome of a contact, and answered with what was
understood; or with what to write instead, and then nothing is taken down.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from tortoise.transactions import in_transaction

from bot.channels.wecom_staff import notify
from bot.database import is_away
from bot.language import say, speak
from bot.line_words import heard_words, how_to_words, misread_words
from bot.problem_categories import categories_in_force
from bot.recording import record_result, task_in_hand
from bot.runtime import Runtime
from bot.wecom.reach import heed, open_wecom, wecom_of
from campaigns import staff
from campaigns.cells import parse_key
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.replies import staff_lines
from campaigns.replies.results import matters_open
from campaigns.result_lines import begins_a_line, read_line
from campaigns.results import VisitResult
from campaigns.rights import Right
from campaigns.staff import StaffMember
from campaigns.staff_file import load_staff
from campaigns.terms import SHANGHAI, StaffLine

log = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0
_TRIES = 3
_CAME_FROM = "企业微信"


@dataclass(frozen=True, slots=True)
class Answer:
    """`path` is the page behind it."""

    title: str
    text: str
    path: str = "/"


class Hearing:
    """For one process; two of them never take one message."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._failed: Counter[int] = Counter()

    async def look(self) -> int:
        """Take what waits. Returns how many messages were answered."""
        answered = 0
        for event_id, line in await staff_lines.waiting_lines():
            answer = await self._read(event_id, line)
            if answer is not None:
                answered += await self._answer(line.staff, answer)
        return answered

    async def _read(self, event_id: int, line: StaffLine) -> Answer | None:
        """The record and the end of the message are one commit; what fails three times is given up, and said so."""
        try:
            async with in_transaction():
                if not await staff_lines.hold_line(event_id):
                    return None
                answer = await self._take(line)
                await staff_lines.settle_line(event_id, "applied")
                return answer
        except Exception as exc:
            if is_away(exc):
                raise
            self._failed[event_id] += 1
            log.error("a colleague's message cannot be taken down: %s", type(exc).__name__)
            if self._failed[event_id] < _TRIES:
                return None
            await staff_lines.settle_line(event_id, "ignored")
            return Answer(say("没有记下来"), say("这次没有记成，请到网页上记。"), "/visits/new")

    async def _take(self, line: StaffLine) -> Answer:
        who = await self._who(line.staff)
        speak(who.language if who else "")
        if who is None:
            said = say("账号{userid}没有对上员工。请管理员把它写进templates/staff.toml，名字要和员工的一样。")
            return Answer(say("没有记下来"), said.format(userid=line.staff))
        if not who.may(Right.ANSWER):
            return Answer(say("没有记下来"), say("你的角色不能记联系的结果，请找管理员。"))
        if not begins_a_line(line.text):
            return Answer(say("没看懂"), how_to_words(), "/visits/new")
        return await self._outcome(line, who)

    async def _outcome(self, line: StaffLine, who: StaffMember) -> Answer:
        categories = await categories_in_force(self._runtime.settings.huifang_templates)
        read = read_line(line.text, self._runtime.clock().astimezone(SHANGHAI).date(), categories)
        head = await find.find_head(parse_key(read.number) or read.number) if read.number else None
        if head is not None and not who.sees_owner(head.owner):
            head = None
        if read.result is None:
            path = f"/visits/new?member={quote(head.no, safe='')}" if head else "/visits/new"
            return Answer(say("没有记下来"), misread_words(read.wrong, categories), path)
        if head is None:
            said = say("没有编号是{no}的企业会员，或者不归你看。编号在会员列表里。").format(no=read.number)
            return Answer(say("没有记下来"), said, "/members")
        return await self._record(line, who, head, read.result)

    async def _record(self, line: StaffLine, who: StaffMember, head: Head, result: VisitResult) -> Answer:
        task = await task_in_hand(head.id, who.name, self._runtime.clock())
        result, unclear = await _clear(head, result)
        await record_result(
            self._runtime,
            head,
            result,
            key=f"wecom:{line.event_id}",
            by=who.name,
            staff_id=who.id,
            came_from=_CAME_FROM,
            task=task,
        )
        categories = await categories_in_force(self._runtime.settings.huifang_templates)
        title = say("记下了：{name}").format(name=head.name or head.no)
        text = heard_words(result, categories)
        if task:
            text += say("。回访任务也一起办了")
        if unclear:
            text += say("。没办完的有{n}件，没写哪一件，到网页上点").format(n=unclear)
        return Answer(title, text, f"/members/{quote(head.no, safe='')}")

    async def _who(self, userid: str) -> StaffMember | None:
        """The account behind a userid, which WeCom writes in either case."""
        people = load_staff(self._runtime.settings.huifang_templates / "staff.toml").people.values()
        names = {one.name for one in people if one.wecom and one.wecom.lower() == userid.lower()}
        return next((one for one in await staff.list_staff() if one.active and one.name in names), None)

    async def _answer(self, userid: str, answer: Answer) -> bool:
        """Once, whatever comes of it: what was taken down stands, answered or not."""
        api = await open_wecom(self._runtime)
        if api is None:
            return False
        url = f"{self._runtime.public_url}{answer.path}"
        sent = await notify(api, 0, userid, answer.title, answer.text, url, button=say("去看看"), again=True)
        await heed(sent)
        if not sent.accepted:
            log.warning("a colleague's message was not answered: %s %s", sent.code, sent.detail)
        return sent.accepted


async def _clear(head: Head, result: VisitResult) -> tuple[VisitResult, int]:
    """What is settled only where it is clear what is meant; else how many it could be, and nothing is settled."""
    found = await matters_open(head.id, result.settled) if result.settled else ()
    return (result, 0) if len(found) == 1 else (replace(result, settled=None), len(found))


@contextlib.asynccontextmanager
async def hearing_staff(runtime: Runtime) -> AsyncIterator[None]:
    """Beside the doors, where the messages come in."""
    keeping = asyncio.create_task(_keep(Hearing(runtime)), name="hearing") if wecom_of(runtime) else None
    try:
        yield
    finally:
        if keeping:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping


async def _keep(hearing: Hearing) -> None:
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await hearing.look()
        except Exception as exc:  # the database may be away for a while
            log.warning("messages of colleagues cannot be looked at: %s", type(exc).__name__)
