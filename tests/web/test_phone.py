"""The sandbox's phone: one customer's three channels side by side, the exact words, an answer box that answers."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.sandbox import side
from bot.sandbox.customers import Customers
from bot.sandbox.stage import Accepted, Line, Stage
from campaigns.terms import SHANGHAI, ChannelName

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=SHANGHAI)
MOBILE, MAILBOX, OPENID = "15483503031", "zhang@datong.example", "oZhang-01"
EVERYWHERE = {"sms": MOBILE, "email": MAILBOX, "wechat": OPENID, "wecom": "wmZhang-01"}


class Door:
    """Our door as the customers' answers reach it: keeps them, or is down."""

    def __init__(self) -> None:
        self.taken: list[tuple[Accepted, str]] = []
        self.is_down = False

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        if self.is_down:
            raise ConnectionRefusedError("nobody listens")
        self.taken.append((accepted, text))


class Play:
    """A sandbox with a stage and customers, and nothing on the wire."""

    def __init__(self) -> None:
        self.stage = Stage(lambda: NOW, 7)
        self.customers = Customers(self.stage, {})
        self.door = Door()
        self.site_hook = ""
        for channel in ChannelName:
            self.customers.answer_by(channel, self.door)

    def endpoints(self) -> Mapping[str, Any]:
        return {}

    def connect_to(self, hooks: str, mail_host: str, mail_port: int) -> None:
        self.site_hook = f"{hooks}/site"


@pytest.fixture
def play() -> Play:
    return Play()


@pytest.fixture
async def browser(play: Play) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=side.make_app(play))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def arrive(play: Play, channel: ChannelName, text: str, **words: Any) -> None:
    address = EVERYWHERE[channel]
    number = len(play.stage.ledger)
    play.stage.accept(channel, address, key=f"m{number}-key", words={"text": text, **words}, provider_id=f"p{number}")


def arrive_everywhere(play: Play) -> None:
    arrive(play, ChannelName.SMS, "【古城人才网】有4份简历未查看，拒收请回复R")
    arrive(
        play,
        ChannelName.EMAIL,
        "张晓燕，您好：\n\n有4份还没打开",
        subject="有4份简历还没看",
        html="<p>原样的网页</p>",
        headers={"From": "古城人才网 <hr@huifang.example.com>"},
    )
    arrive(play, ChannelName.WECHAT, "职位：电焊工\n未读：4份", kind="template", url="https://hr.example.com/in/x")
    arrive(play, ChannelName.WECOM, "客服在这里等您", kind="text")


def test_a_device_stands_for_each_channel_there_is() -> None:
    assert set(ChannelName) <= set(side._ALL)


async def test_what_arrived_by_each_channel_stands_side_by_side_in_its_exact_words(
    play: Play, browser: httpx.AsyncClient
) -> None:
    arrive_everywhere(play)
    page = (await browser.get("/phone", params=EVERYWHERE)).text
    assert "【古城人才网】有4份简历未查看，拒收请回复R" in page
    assert "张晓燕，您好：\n\n有4份还没打开" in page
    assert "有4份简历还没看" in page
    assert "古城人才网 &lt;hr@huifang.example.com&gt;" in page
    assert "职位：电焊工\n未读：4份" in page
    assert "客服在这里等您" in page
    assert page.count('action="/phone/answer"') == 8  # a box and the quick words, for each of four


async def test_a_customer_on_wecom_has_a_device_of_their_own_and_staff_one_without_a_box(
    play: Play, browser: httpx.AsyncClient
) -> None:
    words = {"kind": "mass", "text": "有新简历"}
    play.stage.accept(ChannelName.WECOM, "wmANNA", key="", words=words, provider_id="p1")
    play.stage.accept(Line.WECOM_STAFF, "liqiang", key="", words={"kind": "app", "text": "请接手"}, provider_id="p2")
    customers = (await browser.get("/phone")).text
    assert 'href="/phone?wecom=wmANNA"' in customers
    customer = (await browser.get("/phone", params={"wecom": "wmANNA"})).text
    assert "有新简历" in customer
    assert customer.count('action="/phone/answer"') == 2
    staff = (await browser.get("/phone", params={"wecom_staff": "liqiang"})).text
    assert "请接手" in staff
    assert 'action="/phone/answer"' not in staff
    refused = await browser.post("/phone/answer", data={"message": "1", "text": "好的", "wecom_staff": "liqiang"})
    assert refused.status_code == 404


async def test_a_mails_html_is_never_shown(play: Play, browser: httpx.AsyncClient) -> None:
    arrive_everywhere(play)
    assert "原样的网页" not in (await browser.get("/phone", params=EVERYWHERE)).text


async def test_nobody_elses_messages_are_on_the_phone(play: Play, browser: httpx.AsyncClient) -> None:
    arrive_everywhere(play)
    play.stage.accept(ChannelName.SMS, "15483509999", key="k", words={"text": "给别人的"}, provider_id="p")
    assert "给别人的" not in (await browser.get("/phone", params=EVERYWHERE)).text


async def test_a_mailbox_is_the_same_in_any_case(play: Play, browser: httpx.AsyncClient) -> None:
    arrive(play, ChannelName.EMAIL, "写给您的", subject="一封")
    assert "写给您的" in (await browser.get("/phone", params={"email": MAILBOX.upper()})).text


@pytest.mark.parametrize("channel", list(ChannelName))
async def test_what_was_not_delivered_is_not_on_the_phone_and_cannot_be_answered(
    play: Play, browser: httpx.AsyncClient, channel: ChannelName
) -> None:
    arrive(play, channel, "先到的")
    arrive(play, channel, "没到的")
    play.stage.lose(play.stage.ledger.rows()[1])
    page = (await browser.get("/phone", params=EVERYWHERE)).text
    assert "先到的" in page
    assert "没到的" not in page
    assert set(re.findall(r'name="message" value="(\d+)"', page)) == {"0"}
    refused = await browser.post("/phone/answer", data={"message": "1", "text": "好的", **EVERYWHERE})
    assert refused.status_code == 404
    assert play.door.taken == []


@pytest.mark.parametrize("channel", list(ChannelName))
async def test_an_answer_goes_out_by_the_channel_it_was_typed_on(
    play: Play, browser: httpx.AsyncClient, channel: ChannelName
) -> None:
    arrive_everywhere(play)
    page = (await browser.get("/phone", params=EVERYWHERE)).text
    number = re.findall(r'name="message" value="(\d+)"', page[: page.index(f'id="say-{channel}"')])[-1]
    answer = await browser.post("/phone/answer", data={"message": number, "text": " 忘记密码了 ", **EVERYWHERE})
    assert answer.status_code == 303
    assert httpx.URL(answer.headers["location"]).params == httpx.QueryParams(EVERYWHERE)
    [(accepted, text)] = play.door.taken
    assert (accepted.channel, accepted.to, text) == (channel, EVERYWHERE[channel], "忘记密码了")
    after = (await browser.get(answer.headers["location"])).text
    assert "忘记密码了" in after.replace('value="忘记密码了">忘记密码了', "")


async def test_the_newest_message_is_the_one_that_is_answered(play: Play, browser: httpx.AsyncClient) -> None:
    for text in ("第一条", "第二条"):
        arrive(play, ChannelName.SMS, text)
    page = (await browser.get("/phone", params={"sms": MOBILE})).text
    assert set(re.findall(r'name="message" value="(\d+)"', page)) == {"1"}
    assert page.index("第二条") < page.index("第一条")  # newest first; the page turns the column round


async def test_a_quick_word_is_taken_where_nothing_was_typed(play: Play, browser: httpx.AsyncClient) -> None:
    arrive(play, ChannelName.SMS, "您好")
    await browser.post("/phone/answer", content=f"message=0&sms={MOBILE}&text=&text=%E9%80%80%E8%AE%A2", headers=FORM)
    assert [text for _, text in play.door.taken] == ["退订"]


FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_what_the_last_message_offers_can_be_tapped(play: Play, browser: httpx.AsyncClient) -> None:
    arrive(play, ChannelName.WECHAT, "看了吗？", menu=[{"id": "101", "content": "已看<过>"}, {"id": "102"}])
    page = (await browser.get("/phone", params=EVERYWHERE)).text
    assert page.count('value="已看&lt;过&gt;"') == 1
    arrive(play, ChannelName.WECHAT, "好的")
    assert "已看" not in (await browser.get("/phone", params=EVERYWHERE)).text


async def test_an_empty_answer_is_not_sent(play: Play, browser: httpx.AsyncClient) -> None:
    arrive(play, ChannelName.SMS, "您好")
    answer = await browser.post("/phone/answer", data={"message": "0", "text": "  "})
    assert answer.status_code == 303
    assert play.door.taken == []
    assert play.customers.said == []


@pytest.mark.parametrize("number", ["1", "-1", "x", "", "９", "1.0"])
async def test_an_answer_to_a_message_there_is_not_is_refused(
    play: Play, browser: httpx.AsyncClient, number: str
) -> None:
    arrive(play, ChannelName.SMS, "您好")
    assert (await browser.post("/phone/answer", data={"message": number, "text": "好"})).status_code == 404
    assert play.door.taken == []


async def test_an_answer_our_door_did_not_take_is_said_and_not_counted(play: Play, browser: httpx.AsyncClient) -> None:
    arrive(play, ChannelName.SMS, "您好")
    play.door.is_down = True
    page = await browser.post("/phone/answer", data={"message": "0", "text": "好", "sms": MOBILE})
    assert page.status_code == 502
    assert "短信的这句话没有送到系统" in page.text
    assert play.customers.said == []


async def test_web_addresses_can_be_tapped_and_everything_else_stays_literal(
    play: Play, browser: httpx.AsyncClient
) -> None:
    arrive(play, ChannelName.SMS, '<b>点</b> http://127.0.0.1:8750/in/1.x?a=1&b="2" javascript:alert(1)，谢谢')
    page = (await browser.get("/phone", params={"sms": MOBILE})).text
    assert '<a href="http://127.0.0.1:8750/in/1.x?a=1&amp;b=" rel="noreferrer" target="_blank">' in page
    assert "&lt;b&gt;点&lt;/b&gt;" in page
    assert page.count("<a href") == 1
    assert 'href="javascript' not in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ 7*7 }}", '=HYPERLINK("http://x.test","点")'])
async def test_hostile_words_stand_literally_on_the_phone(play: Play, browser: httpx.AsyncClient, name: str) -> None:
    arrive(play, ChannelName.EMAIL, f"{name}，您好", subject=name, headers={"From": name})
    arrive(play, ChannelName.WECHAT, f"{name}，您好", kind="custom", links=[{"text": name, "url": "https://x.test"}])
    await play.customers.say(play.stage.ledger.rows()[0], name)
    page = (await browser.get("/phone", params={"email": MAILBOX, "wechat": OPENID, "sms": name})).text
    assert "<script" not in page
    assert "，您好" in page
    assert "49" not in page
    if "{{" in name:
        assert page.count("{{ 7*7 }}") >= 5


async def test_the_list_names_every_address_newest_first_and_leads_to_it(
    play: Play, browser: httpx.AsyncClient
) -> None:
    arrive_everywhere(play)
    late = Accepted(ChannelName.SMS, "15483509999", "k", NOW + timedelta(hours=1), {"text": "晚到的"})
    play.stage.ledger.write(late)
    page = (await browser.get("/phone")).text
    addresses = re.findall(r'<a href="(/phone\?[^"]*)"', page)
    assert addresses[0] == "/phone?sms=15483509999"
    assert len(addresses) == 5
    for address in addresses:
        assert 'action="/phone/answer"' in (await browser.get(address)).text


async def test_an_empty_sandbox_says_what_to_do(browser: httpx.AsyncClient) -> None:
    assert "还没有人收到消息" in (await browser.get("/phone")).text


async def test_a_phone_that_got_nothing_says_so(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/phone", params={"sms": MOBILE})).text
    assert "还没有收到短信" in page
    assert "没有这位客户的邮件地址" in page
    assert 'action="/phone/answer"' not in page


async def test_the_sites_page_tells_the_product_only_when_there_is_one(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/unread", params={"member": "Q200001", "posting": "<J1>"})
    assert page.status_code == 200
    assert "&lt;J1&gt;" in page.text
    done = await browser.post("/unread", data={"member": "Q200001", "posting": "J1"})
    assert "都看过了" in done.text


async def test_the_sites_page_says_when_the_product_did_not_listen(play: Play, browser: httpx.AsyncClient) -> None:
    play.connect_to("http://127.0.0.1:9/hooks/x", "127.0.0.1", 9)
    done = await browser.post("/unread", data={"member": "Q200001", "posting": "J1"})
    assert "没能把这件事告诉系统" in done.text
    assert "都看过了" not in done.text


async def test_the_pages_bring_their_own_look_and_forbid_scripts(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/phone")
    for sheet in re.findall(r'rel="stylesheet" href="([^"]*)"', page.text):
        assert (await browser.get(sheet)).headers["content-type"].startswith("text/css")
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
