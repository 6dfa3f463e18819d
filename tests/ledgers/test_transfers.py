"""On both databases: what goes along when members are handed over, who is told, and the way back."""

from datetime import date

import pytest
from rich.table import Table

from bot.commands import caring
from bot.settings import Settings
from campaigns import conversations, promises, transfers, visits
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError
from campaigns.members.browse import Sieve
from campaigns.members.facts import facts_for
from campaigns.models import Conversation, Member, Message, Notice, Problem, Promise, Visit
from campaigns.replies.results import record_visit_result
from campaigns.results import NewPlan, NewProblem, NewPromise, Result, VisitResult
from campaigns.rights import Role
from tests.web_cast import NOW, add_colleague, add_member

pytestmark = pytest.mark.usefixtures("database")


async def _task(member: Member, cause: str, owner: str, category: str = "return_visit") -> int:
    return await visits.open_visit(member.id, category=category, cause=cause, opened_at=NOW, due_at=NOW, owner=owner)


async def _settle() -> tuple[Member, Member]:
    await add_colleague(Role.AGENT, name="甲", department="东区")
    await add_colleague(Role.AGENT, name="乙", department="东区")
    await add_colleague(Role.MANAGER, name="主管", department="东区")
    one, two = await add_member("Q1", owner="甲"), await add_member("Q2", owner="甲")
    await _task(one, "a", "甲")
    await _task(one, "b", "丙")
    await _task(two, "c", "", "promise")
    for member, person in ((one, "甲"), (two, "丙")):
        await Conversation.create(member_id=member.id, heard_at=NOW, medium="sms", assigned=person)
    return one, two


async def _owners_of_tasks() -> dict[str, str]:
    return dict(await Visit.filter(category__not="handover").values_list("cause", "owner"))


async def test_what_the_old_owner_has_in_hand_goes_along_and_the_new_one_is_told_once() -> None:
    await _settle()
    made = await transfers.transfer(Sieve(owner="甲"), "乙", by="主管", now=NOW)
    assert made is not None
    assert (made.members, made.moved) == (2, transfers.Moved(tasks=2, promises=1, conversations=1))
    assert await _owners_of_tasks() == {"a": "乙", "b": "丙", "c": ""}
    assert {one.assigned for one in await Conversation.all()} == {"乙", "丙"}
    told = await Visit.get(category="handover")
    along = "2个任务（其中1件答应的事）、1个会话"  # 丙's task stays
    assert (told.owner, told.note) == ("乙", f"主管移交2家会员，一起来的有{along}")
    assert [one.visit_id for one in await Notice.all()] == [told.id]
    assert await transfers.transfer(Sieve(owner="乙"), "乙", by="主管", now=NOW) is None


async def test_promises_problems_and_follow_ups_go_along_and_come_back() -> None:
    one, _ = await _settle()
    heard = VisitResult(
        Result.TALKED,
        problems=[NewProblem("login", "忘了密码")],
        promise=NewPromise("发候选人", NOW.date()),
        plans=[NewPlan("普工", 5, date(2027, 3, 1))],
    )
    await record_visit_result(one.id, heard, key="k", by="甲", now=NOW, calendar=WorkCalendar())
    await promises.add_promise(
        one.id, NewPromise("丙的事", NOW.date()), outcome_id=None, visit_id=None, owner="丙", now=NOW
    )
    made = await transfers.transfer(Sieve(owner="甲"), "乙", by="主管", now=NOW)
    assert made is not None
    assert made.moved.problems == 1
    assert (await Problem.get()).owner == "乙"
    assert dict(await Promise.all().values_list("what", "owner")) == {"发候选人": "乙", "丙的事": "丙"}
    tasks = dict(await Visit.filter(category__in=["problem", "hiring_plan"]).values_list("category", "owner"))
    assert tasks == {"problem": "乙", "hiring_plan": ""}  # the plan's belongs to whose member it is
    await transfers.take_back(made.id, now=NOW)
    assert (await Problem.get()).owner == "甲"
    assert (await Promise.get(what="发候选人")).owner == "甲"


async def test_it_comes_back_once_but_for_what_was_given_on_or_closed_since() -> None:
    one, _ = await _settle()
    made = await transfers.transfer(Sieve(owner="甲"), "乙", by="主管", now=NOW)
    assert made is not None
    await conversations.assign(one.id, "丁", at=NOW)
    await Member.filter(no="Q2").update(owner="丁")
    back = await transfers.take_back(made.id, now=NOW)
    assert back is not None
    assert back.count == 1
    assert dict(await Member.all().values_list("no", "owner")) == {"Q1": "甲", "Q2": "丁"}
    assert await _owners_of_tasks() == {"a": "甲", "b": "丙", "c": ""}
    assert (await Conversation.get(member_id=one.id)).assigned == "丁"
    assert (await Visit.get(category="handover")).state == "done"
    assert await transfers.take_back(made.id, now=NOW) is None
    assert await transfers.last_of("主管") is None
    assert await transfers.take_back(2**40, now=NOW) is None


async def test_a_department_holds_nothing_in_hand_and_its_manager_is_told() -> None:
    await _settle()
    await add_member("Q3", owner="外")
    made = await transfers.transfer(Sieve(owners=frozenset({"甲"})), "东区", by="主管", now=NOW)
    assert made is not None
    assert (await _owners_of_tasks())["a"] == ""
    assert {one.assigned for one in await Conversation.all()} == {"", "丙"}
    assert (await Visit.get(category="handover")).owner == "主管"
    assert await transfers.department_inboxes() == {"东区": 2}
    assert await transfers.department_inboxes(["西区"]) == {}
    colleague = await add_colleague(Role.AGENT, name="戊", department="东区")
    assert colleague.sees_owner("东区")


async def test_somebody_hears_of_it_where_nobody_gives_members_on() -> None:
    boss = await add_colleague(Role.ADMIN, name="老板")
    await add_colleague(Role.VIEWER, name="丑", department="西区")
    await add_member("Q1")
    await transfers.transfer(Sieve(), "西区", by="主管", now=NOW)
    assert (await Visit.get(category="handover")).owner == boss.name
    await add_colleague(Role.AGENT, name="寅", department="西区")
    await add_member("Q2")
    await transfers.transfer(Sieve(owner="-"), "西区", by="主管", now=NOW)
    assert (await Visit.filter(category="handover").order_by("-id").first()).owner == "寅"  # type: ignore[union-attr]


async def test_a_message_that_waits_is_counted_and_speaks_of_the_new_owner() -> None:
    one, _ = await _settle()
    await Message.create(occurrence_id=1, member_id=one.id, message_class="service", state="queued", not_before=NOW)
    made = await transfers.transfer(Sieve(ids=(one.id,)), "乙", by="主管", now=NOW)
    assert made is not None
    assert made.moved.messages == 1
    assert (await facts_for([one.id], NOW))[one.id].owner == "乙"


async def test_on_the_command_line_each_figure_stands_under_its_own_head(database: Settings) -> None:
    await _settle()
    await transfers.transfer(Sieve(owner="甲"), "乙", by="主管", now=NOW)
    [shown] = caring.transfer_lines(await caring.transfers_made(database))
    assert isinstance(shown, Table)
    told = {str(one.header): str(next(iter(one.cells))) for one in shown.columns}
    assert told == {
        "编号": "1", "谁": "主管", "交给": "乙", "会员": "2", "任务": "2", "答应的事": "1", "问题": "0", "会话": "1",
        "待发消息": "0", "拜访": "0", "已撤销": "否",
    }  # fmt: skip


async def test_on_the_command_line_nobody_who_may_not_answer_is_given_members(database: Settings) -> None:
    await _settle()
    await add_colleague(Role.VIEWER, name="看客", department="看台")
    for name in ("看客", "看台"):
        with pytest.raises(InputError, match="能回消息"):
            await caring.transfer(database, "甲", name, [])
