"""A campaign is made: from another or from nothing, step by step, to where somebody else answers for it."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bot.clock import ProductClock
from bot.commands.campaigning import sms_price
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns import approvals, definitions, edits, planner, saved_segments
from campaigns.folders import sms_cost
from campaigns.models import Approval, AuditEntry, Campaign, Message
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, add_unread, as_staff

HOSTILE = "<script>alert(1)</script>\"'{{ site.name }}" + "长" * 17


async def make(browser: httpx.AsyncClient, title: str = "十二月提醒", **given: Any) -> str:
    """A new campaign; returns its key."""
    data = {"title": title, "source": "unread_resumes", **given}
    answer = await browser.post("/campaigns/new", data=data)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/campaigns/([a-z0-9_]+)/make/audience", answer.headers["location"])
    assert found
    return found[1]


async def table_of(runtime: Runtime, key: str) -> definitions.Definition:
    return (await definitions.load_campaign(runtime.settings.huifang_templates, key)).definition


async def settled(browser: httpx.AsyncClient, path: str) -> str:
    """A part that is worked out beside its page."""
    for _ in range(400):
        page = (await browser.get(path, headers={"hx-request": "true"})).text
        if "正在算" not in page:
            return page
        await asyncio.sleep(0.01)
    raise AssertionError(page)


async def some(n: int = 3) -> None:
    for number in range(n):
        member = await add_member(f"Q{number}", f"大同{number}号商行")
        await add_contact(member, mobile=f"1548350303{number}", email=f"a{number}@datong.example")
        await add_unread(member, f"P{number}", number + 1)


async def test_the_whole_way_from_new_to_submitted(database: Settings) -> None:
    clock = ProductClock()
    clock.set(NOW)
    async with open_runtime(database, clock=clock) as opened, as_staff(opened) as client:
        await go_the_whole_way(opened, client)


async def go_the_whole_way(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await some()
    page = (await browser.get("/campaigns/new")).text
    assert 'value="unread_resumes"' in page
    assert 'value="auto_replies"' not in page
    key = await make(browser)
    assert key == "shi_er_yue_ti_xing"
    steps = f"/campaigns/{key}/make"
    answer = await browser.post(f"{steps}/audience", data={"way": "line", "rule": "unread_resumes >= 2"})
    assert answer.headers["location"] == f"{steps}/purpose"
    purpose = {"title": "十二月未读", "kind": "service", "goal": "unread_resumes = 0", "hold_out": "5"}
    answer = await browser.post(f"{steps}/purpose", data={**purpose, "useless_n": "3", "useless_unit": "d"})
    assert answer.headers["location"] == f"{steps}/words"
    answer = await browser.post(f"{steps}/when", data={"form": "on_start", "at": "09:30"})
    assert answer.headers["location"] == f"{steps}/check"
    made = await table_of(runtime, key)
    assert (made.title, made.segment, made.goal, made.hold_out) == (
        "十二月未读", "unread_resumes >= 2", "unread_resumes = 0", 0.05,
    )  # fmt: skip
    page = (await browser.get(f"{steps}/check")).text
    assert "没有要改的" in page
    assert "送审2家" in page
    assert "2家" in await settled(browser, f"{steps}/check/numbers")
    answer = await browser.post(f"{steps}/check/submit")
    assert answer.headers["location"] == f"/campaigns/{key}"
    (asked,) = await approvals.waiting_requests()
    assert (asked.campaign, asked.audience) == (key, 2)
    assert await AuditEntry.filter(action="campaign_submitted", subject=f"campaign/{key}").count() == 1


async def test_the_numbers_come_by_themselves_and_need_no_script(browser: httpx.AsyncClient) -> None:
    await some()
    key = await make(browser)
    await browser.post(f"/campaigns/{key}/make/audience", data={"way": "line", "rule": "all"})
    page = await settled(browser, f"/campaigns/{key}/make/check/numbers")
    assert "圈中" in page
    assert "3家" in page
    left = await settled(browser, f"/campaigns/{key}/make/audience/left-out?rule=unread_resumes > 1")
    assert "2家" in left
    plain = (await browser.get(f"/campaigns/{key}/make/check/numbers")).text
    assert "<!doctype html>" in plain.lower()
    assert "圈中" in plain


def numbers_of(page: str) -> dict[str, int]:
    """Of the story of a preview: 圈中, 收得到, 这次不发 and each reason."""
    said = re.findall(r"<dt>([^<]+)</dt><dd>([\d,]+)家", page) + re.findall(
        r'<td>([^<]+)</td><td class="r">([\d,]+)家', page
    )
    return {name: int(n) for name, n in said}


async def test_the_numbers_and_the_buttons_tell_one_story(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await some(4)
    await add_member("Q8")  # nobody to write to
    key = await make(browser)
    path = f"/campaigns/{key}/make"
    await browser.post(f"{path}/audience", data={"way": "line", "rule": "all"})
    await browser.post(f"{path}/purpose", data={"title": "提醒", "kind": "service", "goal": "", "hold_out": "0"})
    await browser.post(f"{path}/when", data={"form": "on_start"})
    page = await settled(browser, f"{path}/check/numbers")
    told = numbers_of(page)
    assert (told["圈中"], told["收得到"], told["这次不发"], told["没有联系人"]) == (5, 4, 1, 1)
    assert 'id="decide" hx-swap-oob="true"' in page
    assert "审批按圈中的5家算；现在发，收得到4家。" in page
    assert (await browser.post(f"{path}/check/start")).status_code == 303
    await planner.plan_due(NOW, runtime.rulebook)
    runtime.clock.set(NOW + timedelta(days=1))  # type: ignore[attr-defined]
    page = await settled(browser, f"{path}/check/numbers")
    told = numbers_of(page)
    assert (told["圈中"], told["收得到"], told["这次不发"]) == (5, 0, 5)
    assert (told["这个活动发过，这次不发"], told["没有联系人"]) == (4, 1)
    for shown in (page, (await browser.get(f"{path}/check")).text):  # it is known by now
        assert "圈中5家，现在没有一家收得到" in shown
        assert "仍送审，0家收得到" in shown
        assert "仍批准并开始，0家收得到" in shown
        assert "btn--main" not in shown[shown.index('id="decide"') :]
        assert "送审5家" not in shown


async def test_an_sms_costs_what_the_setting_says_in_the_last_step_as_on_the_command_line(runtime: Runtime) -> None:
    for number in range(3):
        member = await add_member(f"Q{number}", f"大同{number}号商行")
        await add_contact(member, mobile=f"1548350303{number}", email=None)
        await add_unread(member, f"P{number}", number + 1)
    settings = runtime.settings.model_copy(update={"sms_segment_yuan": Decimal("0.08")})
    async with as_staff(replace(runtime, settings=settings)) as client:
        path = f"/campaigns/{await make(client)}/make"
        await client.post(f"{path}/audience", data={"way": "line", "rule": "all"})
        await client.post(f"{path}/purpose", data={"title": "提醒", "kind": "service", "goal": "", "hold_out": "0"})
        await client.post(f"{path}/when", data={"form": "on_start"})
        page = await settled(client, f"{path}/check/numbers")
        each = re.search(r"按样例每家计(\d)条，每条约0.08元", page)
        assert each, page
        assert f"约{3 * int(each[1]) * 0.08:.2f}元" in page
        key = path.split("/")[2]
        folder = await definitions.load_campaign(settings.huifang_templates, key)
        preview = await planner.preview(folder, NOW, runtime.rulebook)
        priced = sms_price(sms_cost(folder, 3, settings.sms_segment_yuan))
        assert preview.channels["sms"] == 3
        assert priced is not None
        assert Decimal(priced["yuan"]) == 3 * int(each[1]) * Decimal("0.08")


@pytest.mark.parametrize(
    ("typed", "said", "unsaid"),
    [
        ({"form": "day"}, "都是北京时间", "放假的那天"),
        ({"form": "workday"}, "放假的那天不发", "碰上放假"),
        ({"form": "week", "weekday": "mon"}, "碰上放假，顺延", "放假的那天"),
    ],
)
async def test_what_a_day_off_does_is_said_as_the_choice_has_it(
    browser: httpx.AsyncClient, typed: dict[str, str], said: str, unsaid: str
) -> None:
    path = f"/campaigns/{await make(browser)}/make/when"
    answer = await browser.post(path, data={"at": "09:30", "again": "7", "go": "when", **typed})
    assert answer.status_code == 303, answer.text
    page = (await browser.get(path)).text
    assert said in page
    assert unsaid not in page


async def test_a_preview_after_the_rules_were_changed_goes_by_the_new_ones(browser: httpx.AsyncClient) -> None:
    await some(9)  # whoever is held out, somebody is reached
    key = await make(browser)
    await browser.post(f"/campaigns/{key}/make/audience", data={"way": "line", "rule": "all"})
    await browser.post(f"/campaigns/{key}/make/when", data={"form": "on_start"})
    path = f"/campaigns/{key}/make/check/numbers"
    assert "推迟到" not in await settled(browser, path)
    later = '[hours.service]\nfrom = "14:00"\nto = "21:00"\ndays = "all"\n'
    await edits.write_files("", {"policy.toml": later}, by="林", now=NOW)
    page = await settled(browser, path)
    assert "推迟到" in page
    assert "2026年11月23日 周一 14:00 <" in page


async def test_a_copy_has_an_sms_template_of_its_own(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    first, second = await make(browser), await make(browser)
    assert second == f"{first}_2"
    codes = set()
    for key in ("unread_resumes", first, second):
        files = await definitions.standing_files(runtime.settings.huifang_templates, key)
        codes.add(re.findall(r'template_code = "([^"]+)"', files["sms.toml"])[0])
    assert len(codes) == 3
    assert "没有要改的" in (await browser.get(f"/campaigns/{second}/make/check")).text
    refused = await browser.post(
        "/campaigns/new", data={"title": "又一个", "source": "unread_resumes", "code": "SMS_210000001"}
    )
    assert refused.status_code == 422
    assert "在用，各用各的" in refused.text


@pytest.mark.parametrize("kind", ["service", "marketing", "greeting"])
async def test_a_blank_one_has_nothing_to_mend(browser: httpx.AsyncClient, kind: str) -> None:
    await some(1)
    channels = ["email", "sms", "wechat", "wecom"]
    key = await make(browser, "空白的", source="blank", kind=kind, channel=channels)
    page = (await browser.get(f"/campaigns/{key}/make/check")).text
    assert "没有要改的" in page
    for step in ("audience", "purpose", "when"):
        assert (await browser.get(f"/campaigns/{key}/make/{step}")).status_code == 200


@pytest.mark.parametrize("title", ["new", "live", "by hand", "auto replies", "approvals"])
async def test_a_name_that_is_taken_or_means_something_else_is_numbered(browser: httpx.AsyncClient, title: str) -> None:
    assert (await make(browser, title)).endswith("_2")


async def test_what_is_missing_at_the_start_is_told_beside_its_field(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/campaigns/new", data={"title": " ", "source": "nobody", "code": "a b"})
    assert answer.status_code == 422
    for fault in ('id="title-e"', 'id="source-e"', 'id="code-e"'):
        assert fault in answer.text
    answer = await browser.post("/campaigns/new", data={"title": "题", "source": "blank", "kind": "answer"})
    assert 'id="kind-e"' in answer.text
    assert 'id="channel-e"' in answer.text
    assert await edits.edited_folders() == []


async def test_hostile_words_are_words_on_every_page(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    key = await make(browser, HOSTILE, source="blank", kind="service", channel=["email"])
    await saved_segments.save_segment("<script>分群", "all", by="<b>", now=NOW)
    for path in (
        "/campaigns/new",
        *(f"/campaigns/{key}/make/{one}" for one in ("audience", "purpose", "when", "check")),
    ):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page, path
        assert "<script>分群" not in page, path
    assert (await table_of(runtime, key)).title == HOSTILE
    for step in ("audience", "purpose", "when"):
        data = dict.fromkeys(("way", "saved", "rule", "title", "kind", "goal", "form", "on", "at"), HOSTILE * 20)
        answer = await browser.post(f"/campaigns/{key}/make/{step}", data=data)
        assert answer.status_code == 422, step
        assert "<script>alert" not in answer.text
    assert (await browser.get(f"/campaigns/{key}/make/audience/left-out?rule=<script>")).status_code == 422


async def test_a_segment_is_chosen_by_its_name_and_a_wrong_rule_names_its_place(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await some()
    made = await saved_segments.save_segment("有未读", "unread_resumes >= 2", by="林", now=NOW)
    key = await make(browser)
    path = f"/campaigns/{key}/make/audience"
    looked = (await browser.post(f"{path}/look", data={"way": "saved", "saved": str(made.id)})).text
    assert "<b>2</b>" in looked
    assert 'href="/members/Q1"' in looked
    assert (await browser.post(path, data={"way": "saved", "saved": str(made.id)})).status_code == 303
    assert (await table_of(runtime, key)).segment == "unread_resumes >= 2"
    wrong = await browser.post(path, data={"way": "line", "rule": "tier = 优质 and tire = 高端"})
    assert wrong.status_code == 422
    assert "第15个字符：没有叫 tire 的字段" in wrong.text
    assert ">tier = 优质 and tire = 高端</textarea>" in wrong.text
    none = await browser.post(path, data={"way": "saved", "saved": "999"})
    assert 'id="saved-e"' in none.text


async def test_what_was_changed_is_meant_whatever_is_ticked(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    made = await saved_segments.save_segment("有未读", "unread_resumes >= 2", by="林", now=NOW)
    key = await make(browser)
    path = f"/campaigns/{key}/make/audience"
    chose = {"way": "line", "rule": "all", "was": "all", "saved": str(made.id), "was_saved": ""}
    assert (await browser.post(path, data=chose)).status_code == 303
    assert (await table_of(runtime, key)).segment == "unread_resumes >= 2"
    wrote = {**chose, "way": "saved", "rule": "tier = 优质", "was_saved": str(made.id)}
    assert (await browser.post(path, data=wrote)).status_code == 303
    assert (await table_of(runtime, key)).segment == "tier = 优质"


@pytest.mark.parametrize("source", ["blank", "unread_resumes"])
async def test_a_campaign_begun_from_a_segment_is_for_that_segment(
    runtime: Runtime, browser: httpx.AsyncClient, source: str
) -> None:
    made = await saved_segments.save_segment("<b>有未读</b>", "unread_resumes >= 2", by="林", now=NOW)
    start = f"/campaigns/new?segment={made.id}"
    for page in (f"/segments/{made.id}", f"/segments?done={made.id}"):
        assert f'href="{start}"' in (await browser.get(page)).text
    new = (await browser.get(start)).text
    assert "发给分群“&lt;b&gt;有未读&lt;/b&gt;”" in new
    wrong = await browser.post("/campaigns/new", data={"title": "", "source": source, "segment": str(made.id)})
    assert f'name="segment" value="{made.id}"' in wrong.text
    key = await make(browser, source=source, segment=str(made.id), kind="service", channel=["email"])
    assert (await table_of(runtime, key)).segment == "unread_resumes >= 2"
    page = (await browser.get(f"/campaigns/{key}/make/audience")).text
    assert f'<option value="{made.id}" selected>' in page
    assert 'value="saved" checked' in page


@pytest.mark.parametrize("number", ["", "0", "99999", "²", "x" * 99, "9" * 40])
async def test_a_segment_that_is_not_there_is_nobodys(browser: httpx.AsyncClient, number: str) -> None:
    answer = await browser.get("/campaigns/new", params={"segment": number})
    assert answer.status_code == 200
    assert "发给分群" not in answer.text


async def test_a_purpose_that_is_wrong_is_told_beside_its_field(browser: httpx.AsyncClient) -> None:
    key = await make(browser)
    data = {"title": "", "kind": "spam", "goal": "other", "goal_rule": "tire = 1", "hold_out": "51", "useless_n": "x"}
    answer = await browser.post(f"/campaigns/{key}/make/purpose", data=data)
    assert answer.status_code == 422
    for name in ("title", "kind", "goal", "hold_out", "useless"):
        assert f'id="{name}-e"' in answer.text, name
    for typed in ("tire = 1", 'value="51"', 'value="x"'):
        assert typed in answer.text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"form": "once", "on": "2026-10-03", "at": "09:00"}, "10月3日 周六 09:00已经过了，不能发。"),
        (
            {"form": "once", "on": "2027-01-01", "at": "09:00"},
            "1月1日 周五放假，不能发。最近能发的是12月31日 周四 09:00。",
        ),
        (
            {"form": "once", "on": "2026-11-28", "at": "10:00"},
            "11月28日 周六休息，不能发。最近能发的是11月27日 周五 10:00。",
        ),
        ({"form": "once", "on": "2026-11-25", "at": "21:00"}, "21:00不在时段，营销只在09:00–20:00发。最近能发的是"),
        ({"form": "once", "on": "2026-13-45", "at": "09:00"}, "选一天"),
        ({"form": "once", "on": "2026-11-25", "at": "25:00"}, "写成 09:30 这样的钟点"),
        ({"form": "workday", "at": "08:00", "again": "7"}, "最近能发的是09:00。"),
        ({"form": "workday", "at": "09:00"}, "写隔几天"),
        ({"form": "day", "at": "09:00", "again": "7"}, "选“每个工作日”"),
        ({"form": "week", "at": "09:00", "weekday": "sun"}, "选周一到周五"),
        ({"form": "never"}, "选一种"),
    ],
)
async def test_a_moment_that_is_not_allowed_is_told_with_the_nearest_one(
    browser: httpx.AsyncClient, form: dict[str, str], told: str
) -> None:
    key = await make(browser, source="recruiting_tips")
    answer = await browser.post(f"/campaigns/{key}/make/when", data=form)
    assert answer.status_code == 422
    assert told in answer.text


@pytest.mark.parametrize(
    ("form", "schedule"),
    [
        ({"form": "on_start"}, {"kind": "on_start"}),
        ({"form": "once", "on": "2026-11-25", "at": "10:00"}, {"kind": "once", "at": "2026-11-25T10:00"}),
        ({"form": "festival", "at": "10:00"}, {"kind": "before_festival", "at": "10:00"}),
        (
            {"form": "week", "at": "10:00", "weekday": "tue", "again": "28"},
            {"kind": "recurring", "every": "week", "weekday": "tue", "at": "10:00", "days": "workdays",
             "again_after": "28d"},
        ),
        (
            {"form": "workday", "at": "10:00", "again": "7"},
            {"kind": "recurring", "every": "day", "at": "10:00", "days": "workdays", "again_after": "7d"},
        ),
    ],
)  # fmt: skip
async def test_each_kind_of_date_is_kept_and_shown_again(
    runtime: Runtime, browser: httpx.AsyncClient, form: dict[str, str], schedule: dict[str, str]
) -> None:
    key = await make(browser, source="recruiting_tips")
    path = f"/campaigns/{key}/make/when"
    assert (await browser.post(path, data={"at": "09:30", **form})).status_code == 303
    assert (await table_of(runtime, key)).schedule == schedule
    page = (await browser.get(path)).text
    assert f'value="{form["form"]}" checked' in page
    assert page.count('class="d14"') == 14


async def test_of_two_who_write_at_once_the_second_is_told(browser: httpx.AsyncClient) -> None:
    key = await make(browser)
    path = f"/campaigns/{key}/make/purpose"
    since = re.findall(r'name="since" value="(\d+)"', (await browser.get(path)).text)[0]
    data = {"title": "先存的", "kind": "service", "goal": "", "hold_out": "0", "since": since}
    assert (await browser.post(path, data=data)).status_code == 303
    answer = await browser.post(path, data={**data, "title": "后存的"})
    assert answer.status_code == 422
    assert "别人刚才改过这个活动" in answer.text
    assert 'value="后存的"' in answer.text


async def test_who_may_approve_starts_a_small_one_of_his_own(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await some()
    key = await make(browser)
    await browser.post(f"/campaigns/{key}/make/audience", data={"way": "line", "rule": "all"})
    await browser.post(f"/campaigns/{key}/make/when", data={"form": "on_start"})
    answer = await browser.post(f"/campaigns/{key}/make/check/start")
    assert answer.status_code == 303
    assert (await Campaign.get(key=key)).state == "running"
    assert (await Approval.get()).verdict == "approved"
    assert len(await planner.plan_due(NOW, runtime.rulebook)) == 1
    assert await Message.all().count() == 3
    assert await planner.plan_due(NOW + timedelta(days=2), runtime.rulebook) == []


async def test_a_large_one_of_his_own_waits_for_somebody_else(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await some()
    await edits.write_files("", {"policy.toml": "[approval]\nown_up_to = 2\n"}, by="林", now=NOW)
    key = await make(browser)
    await browser.post(f"/campaigns/{key}/make/audience", data={"way": "line", "rule": "all"})
    page = (await browser.get(f"/campaigns/{key}/make/check")).text
    assert "自己做的最多自己批准2家，这个有3家，要别人批准" in page
    assert (await browser.post(f"/campaigns/{key}/make/check/start")).status_code == 422
    assert await Campaign.all().count() == 0


async def test_what_is_wrong_keeps_it_from_being_submitted_and_leads_to_its_step(browser: httpx.AsyncClient) -> None:
    await some()
    key = await make(browser)
    await edits.write_files(key, {"sms.toml": 'template_code = "X"\ntext = "拒收请回复R"\n'}, by="林", now=NOW)
    page = (await browser.get(f"/campaigns/{key}/make/check")).text
    assert f'href="/campaigns/{key}/make/words"' in page
    assert "处要改" in page
    assert (await browser.post(f"/campaigns/{key}/make/check/submit")).status_code == 422
    assert await Approval.all().count() == 0


async def test_a_definition_that_cannot_be_read_is_shown_and_not_a_crash(browser: httpx.AsyncClient) -> None:
    key = await make(browser)
    for text in ("title = ", 'title = "x"\nclass = "service"\nschedule = 3\n', 'title = 3\nhold_out = "much"\n'):
        await edits.write_files(key, {"campaign.toml": text}, by="林", now=NOW)
        for step in ("audience", "purpose", "when", "check"):
            assert (await browser.get(f"/campaigns/{key}/make/{step}")).status_code == 200, (step, text)
        assert (await browser.get(f"/campaigns/{key}/make/check/numbers")).status_code == 422


async def test_a_marketer_counts_in_no_step_whom_he_may_not_see_and_who_approves_counts_all(runtime: Runtime) -> None:
    for number, owner in enumerate(["林"] * 12 + ["王"] * 20):
        await add_contact(
            await add_member(f"Q{number}", f"{owner}家{number}", owner=owner), email=f"a{number}@d.example"
        )
    async with as_staff(runtime, Role.MARKETER, name="林") as lin:
        key = await make(lin)
        path = f"/campaigns/{key}/make"
        rule = {"way": "line", "rule": "all"}
        looked = (await lin.post(f"{path}/audience/look", data=rule)).text
        assert "<b>12</b>" in looked
        assert "只算归您和您部门的" in looked
        assert "王家20" not in looked
        assert numbers_of(await settled(lin, f"{path}/audience/left-out?rule=all"))["圈中"] == 12
        others = await lin.post(f"{path}/audience/look", data={"way": "line", "rule": "owner = '王'"})
        assert "<b>0</b>" in others.text
        await lin.post(f"{path}/audience", data=rule)
        assert "现在选中12家" in (await lin.get(f"{path}/purpose")).text
        purpose = {"title": "提醒", "kind": "service", "goal": "", "hold_out": "0"}
        await lin.post(f"{path}/purpose", data=purpose)
        await lin.post(f"{path}/when", data={"form": "on_start"})
        assert numbers_of(await settled(lin, f"{path}/check/numbers"))["圈中"] == 12
        page = (await lin.get(f"{path}/check")).text
        assert "批准并开始" not in page
        assert "这里只算归您和您部门的；活动发给圈中的全部" in page
        assert "32家" not in page
        assert (await lin.post(f"{path}/check/start")).status_code == 403
        assert (await lin.post(f"{path}/check/submit")).status_code == 303
        asked = await Approval.get()
        for address in (f"{path}/check", "/campaigns/approvals", f"/campaigns/approvals/{asked.id}", "/"):
            assert "32家" not in (await lin.get(address)).text, address
        assert "归您和您部门的12家" in (await lin.get(f"/campaigns/approvals/{asked.id}")).text
    assert asked.audience == 32
    async with as_staff(runtime, Role.MANAGER, name="周") as zhou:
        assert "当时圈中32家" in (await zhou.get(f"/campaigns/approvals/{asked.id}")).text
        assert numbers_of(await settled(zhou, f"{path}/check/numbers"))["圈中"] == 32


async def test_a_viewer_makes_no_campaign(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    key = await make(browser)
    async with as_staff(runtime, Role.VIEWER) as viewer:
        assert (await viewer.get("/campaigns/new")).status_code == 403
        assert (await viewer.get(f"/campaigns/{key}/make/audience")).status_code == 403
