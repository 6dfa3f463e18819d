"""设置 › 关键词表: shown, tried, checked before it is saved, and in force from the next answer on."""

import tomllib

import httpx

from bot.inbox import Inbox
from bot.runtime import Runtime
from campaigns import conversations, edits
from campaigns.intents import StopVerdict, read_intent
from campaigns.intents.table import line_of
from campaigns.models import AuditEntry, Touch
from campaigns.terms import Intent
from tests.cast import TEMPLATES
from tests.web_cast import NOW, add_member

TABLE = (TEMPLATES / "auto_replies" / "keywords.toml").read_text(encoding="utf-8")
SEEN = 'name="seen" value="'


async def test_the_table_is_shown_by_what_it_does_and_tried_on_a_sentence(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/settings/keywords", params={"try": "密码忘了<script>，登录不上去"})).text
    for words in ("退订的词", "免打扰", "unsubscribe-anywhere", "容易听错的", "登录不上", "密码忘了&lt;script&gt;"):
        assert words in page
    assert "<script>，" not in page


async def test_a_table_that_is_wrong_is_not_saved_and_names_the_line(browser: httpx.AsyncClient) -> None:
    regex = TABLE.replace("regex = 'out of", "regex = '(out of", 1)
    hit = TABLE.replace('hits = ["Out of office until Monday"', 'hits = ["喵喵喵", "Out of office until Monday"', 1)
    wrong = {
        "[stop]\nwords = [": "TOML",
        regex: f"第{regex[: regex.index('(out of')].count(chr(10)) + 1}行",
        hit: f"第{hit[: hit.index('喵喵喵')].count(chr(10)) + 1}行",
        TABLE + "\n[nonsense]\n": "nonsense",
    }
    for text, told in wrong.items():
        answer = await browser.post("/settings/keywords", data={"text": text, "seen": "x"})
        assert answer.status_code == 422
        assert told in answer.text
    assert await edits.latest() == 0


async def test_a_change_is_looked_at_then_saved_and_heard_by_at_once(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    inbox = Inbox(runtime)
    assert read_intent("喵喵喵", await inbox.intents()).stop is not StopVerdict.REFUSE
    touch = await Touch.create(
        member_id=(await add_member("Q200001")).id, at=NOW, direction="in", kind="reply", medium="sms", text="喵喵喵"
    )
    await conversations.put_right(touch.id, text="喵喵喵", was="unknown", now=Intent.STOP, by="林晓芸", at=NOW)
    text = TABLE.replace('"R", "T",', '"R", "T", "喵喵喵",', 1)
    looked = await browser.post("/settings/keywords", data={"text": text})
    assert looked.status_code == 200
    assert "1句会听成别的" in looked.text
    assert "变对了" in looked.text
    assert await edits.latest() == 0
    seen = looked.text.partition(SEEN)[2].partition('"')[0]
    other = await browser.post("/settings/keywords", data={"text": text + "\n# 又改了", "seen": seen})
    assert other.status_code == 200
    assert await edits.latest() == 0
    saved = await browser.post("/settings/keywords", data={"text": text, "seen": seen})
    assert saved.status_code == 303
    assert read_intent("喵喵喵", await inbox.intents()).stop is StopVerdict.REFUSE
    assert (await AuditEntry.get(action="keywords_changed")).detail == {"changes": 1}
    page = (await browser.get("/settings/keywords")).text
    assert "喵喵喵" in page
    assert "同事改正过的，1句" in page
    examples = (await browser.get("/settings/keywords/corrections.toml")).text
    assert tomllib.loads(examples) == {"stop": {"examples": ["喵喵喵"]}}


def test_the_line_of_a_key_is_found() -> None:
    lines = TABLE.splitlines()
    for key, starts in (
        ("stop.words", "words = "),
        ("stop.pattern[1].regex", "regex = '(?:不要"),
        ("rule[2].id", 'id = "auto-english"'),
        ("trap[0]", "[[trap]]"),
    ):
        place = line_of(TABLE, key)
        assert place
        assert lines[place - 1].startswith(starts)
    assert line_of(TABLE, "rule[99].id") is None
    assert line_of(TABLE, "-") is None
