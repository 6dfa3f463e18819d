"""From one member to the next of the list one came from."""

import re
from html import unescape

import pytest

from bot.runtime import Runtime
from campaigns.members import consent
from campaigns.models import Contact
from campaigns.rights import Role
from tests.web_cast import NOW, add_member, as_staff

pytestmark = pytest.mark.usefixtures("database")


def _link(page: str, pattern: str) -> str:
    found = re.search(pattern, page)
    return unescape(found[1]) if found else ""


async def test_the_next_of_the_list_follows_its_conditions_and_its_order(runtime: Runtime) -> None:
    for number, city in (("Q1", "大同"), ("Q2", "朔州"), ("Q3", "大同")):
        await add_member(number, city=city)
    async with as_staff(runtime, Role.MANAGER) as client:
        listed = await client.get("/members?city=大同")
        first = await client.get(_link(listed.text, r'class="who-name cut" href="([^"]*)"'))
        assert "名单里第1家" in first.text
        second = await client.get(_link(first.text, r'href="([^"]*)" rel="next"'))
        assert "Q3" in second.text
        assert "是最后一家" in second.text
        assert 'rel="next"' not in second.text
        for at in ("0", "x", "99999999", "-1"):
            assert "名单里" not in (await client.get(f"/members/Q1?list=&at={at}")).text


async def test_nobody_walks_to_members_of_others(runtime: Runtime) -> None:
    for number, owner in (("Q1", "程雪"), ("Q2", "别人")):
        await add_member(number, owner=owner)
    async with as_staff(runtime, Role.AGENT, name="程雪") as client:
        page = (await client.get("/members/Q1?list=city%3D%3Cscript%3E&at=1")).text
        assert "Q2" not in page
        assert "<script>&" not in page
        assert "是最后一家" in (await client.get("/members/Q1?list=&at=1")).text


async def test_the_list_says_of_each_member_who_can_be_reached_and_why_not(runtime: Runtime) -> None:
    members = [await add_member("Q1"), await add_member("Q2")]
    for one in members:
        await Contact.create(
            member_id=one.id, no=f"C{one.no}", name="王", mobile=f"1548350303{one.id % 10}", consent=True
        )
    refused = members[1]
    await consent.record_opt_out(refused.id, at=NOW, source="link:1")
    async with as_staff(runtime, Role.MANAGER) as client:
        page = (await client.get("/members")).text
    assert "短信：能发" in page
    assert "短信：现在发不了（已退订）" in page
    assert "企业微信" not in page
