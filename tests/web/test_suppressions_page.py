"""屏蔽名单: searched by a whole address, added to after a question with numbers, lifted with a reason."""

import httpx

from campaigns.members import consent
from campaigns.models import AuditEntry, Suppression
from campaigns.terms import ChannelName
from tests.web_cast import NOW, add_member

AT = "/settings/suppressions"
HOSTILE = "<script>alert(1)</script>\"'" + "长" * 220


async def test_pasted_lines_are_weighed_before_anything_is_written(browser: httpx.AsyncClient) -> None:
    await add_member("Q1", "大同")
    refused = await add_member("Q2")
    await consent.record_opt_out(refused.id, at=NOW, source="link:1")
    lines = f"A@Example.com\n+86 15483503031\r\n\nq1\nQ2\na@example.com\nnobody@\n{HOSTILE}\nQ404"
    question = (await browser.post(f"{AT}/look", data={"lines": lines})).text
    assert "屏蔽这3个" in question
    for told in ("2个", "1家", "1个，不变", "3行，不加", "<td>7</td>", "<td>8</td>", "<td>9</td>"):
        assert told in question
    assert "<script>alert" not in question
    assert await Suppression.all().count() == 1
    assert (await browser.post(AT, data={"lines": lines, "seen": "4"})).status_code == 422
    assert await Suppression.all().count() == 1
    done = await browser.post(AT, data={"lines": lines, "seen": "3"})
    assert done.headers["location"] == f"{AT}?added=3"
    rows = await Suppression.filter(reason="by_hand").order_by("id").values_list("channel", "address")
    assert list(rows) == [("email", "a@example.com"), ("sms", "15483503031")]
    assert await Suppression.filter(reason="refused").count() == 2
    entry = await AuditEntry.filter(action="suppressions_changed").get()
    assert entry.detail == {"added": 3, "addresses": 2, "members": 1}
    again = (await browser.post(f"{AT}/look", data={"lines": lines})).text
    assert "没有可以加的" in again
    mended = (await browser.post(f"{AT}/back", data={"lines": lines})).text
    assert "&lt;script&gt;alert(1)" in mended
    assert "<script>alert" not in mended


async def test_a_whole_address_or_a_number_finds_a_block_and_a_part_of_it_does_not(browser: httpx.AsyncClient) -> None:
    member = await add_member("Q1", HOSTILE[:255])
    await consent.suppress_address(ChannelName.SMS, "15483503031", at=NOW, reason="1", source=HOSTILE[:128])
    await consent.record_opt_out(member.id, at=NOW, source="staff:林")
    everything = (await browser.get(AT)).text
    assert "<script>alert" not in everything
    assert "15483503031" in everything
    assert "共1页，1个" in (await browser.get(f"{AT}?q=154-8350-3031")).text
    assert "共1页，1个" in (await browser.get(f"{AT}?q=q1")).text
    for part in ("3031", "1548350303", "' OR 1=1"):
        assert "名单上没有这个" in (await browser.get(AT, params={"q": part})).text


async def test_a_block_is_lifted_once_and_with_a_reason(browser: httpx.AsyncClient) -> None:
    await consent.suppress_address(ChannelName.SMS, "15483503031", at=NOW, reason="1", source="")
    block = await Suppression.get()
    assert (await browser.post(f"{AT}/{block.id}/lift", data={"reason": " "})).status_code == 422
    assert (await browser.post(f"{AT}/{block.id}/lift", data={"reason": "本人要求"})).status_code == 303
    assert (await browser.post(f"{AT}/{block.id}/lift", data={"reason": "再一次"})).status_code == 404
    assert (await browser.post(f"{AT}/99999999999999999999/lift", data={"reason": "再一次"})).status_code == 404
    assert (await Suppression.get()).lifted_at is not None
    entry = await AuditEntry.filter(action="suppressions_changed").get()
    assert entry.subject == "sms/154****3031"
    assert entry.detail == {"lifted": "1", "reason": "本人要求"}
    assert "名单是空的" in (await browser.get(AT)).text


async def test_too_many_lines_and_none_are_refused_in_words(browser: httpx.AsyncClient) -> None:
    assert "最多10,000行" in (await browser.post(f"{AT}/look", data={"lines": "x\n" * 10_001})).text
    assert (await browser.post(AT, data={"lines": " \n "})).status_code == 422
