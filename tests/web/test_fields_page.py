"""自定义字段: described, changed, and forgotten again."""

import httpx

from bot.console.making.offered import offered
from campaigns import custom_fields
from campaigns.content.texts import Workshop
from campaigns.models import Member
from tests.web_cast import add_member

AT = "/settings/fields"
HOSTILE = "<script>alert(1)</script>\"'" + "长" * 30


async def test_a_column_of_the_site_is_described_where_it_was_only_a_heading(browser: httpx.AsyncClient) -> None:
    await add_member("Q1", attrs={HOSTILE: "x"})
    assert "还没说明" in (await browser.get(AT)).text
    data = {"name": HOSTILE, "label": "园区", "kind": "number", "shown": ["list", "nonsense"]}
    assert (await browser.post(AT, data=data)).status_code == 303
    page = (await browser.get(AT, params={"edit": HOSTILE})).text
    assert "<script>alert" not in page
    assert "readonly" in page
    assert "还没说明" not in page
    found = await custom_fields.list_fields()
    assert [(one.label, one.kind, one.shown) for one in found] == [("园区", "number", {"list"})]
    assert "园区" in (await browser.get("/members")).text
    assert (await browser.post(f"{AT}/delete", data={"name": HOSTILE})).status_code == 303
    assert (await browser.post(f"{AT}/delete", data={"name": HOSTILE})).status_code == 404
    assert (await Member.get()).attrs == {HOSTILE: "x"}


async def test_what_is_wrong_with_a_field_stands_beside_what_was_typed(browser: httpx.AsyncClient) -> None:
    for data in ({"name": " ", "label": "园区"}, {"name": "x" * 65, "label": "园区", "kind": "text"}):
        answer = await browser.post(AT, data=data)
        assert answer.status_code == 422
        assert 'value="园区"' in answer.text
    assert (await browser.post(AT, data={"name": "园区", "kind": "odd"})).status_code == 422


async def test_a_field_is_shown_at_the_places_that_were_chosen_and_nowhere_else(browser: httpx.AsyncClient) -> None:
    await add_member("Q1", attrs={"园区": "北区", "票种": "专票"})
    form = {"source": "blank", "title": "新的", "kind": "service", "channel": "email"}
    await browser.post("/campaigns/new", data=form)
    places = (["member", "segment", "words"], True), (["list"], False)
    for shown, there in places:
        await browser.post(AT, data={"name": "园区", "label": "所在园区", "kind": "text", "shown": shown})
        member = (await browser.get("/members/Q1")).text
        assert ("所在园区" in member) is there
        assert "票种" in member  # not described: by its name
        builder = (await browser.get("/segments/new")).text
        assert ("所在园区" in builder) is there
        assert "票种" in builder
        words = (await browser.get("/campaigns/xin_de/make/words")).text
        assert ("所在园区" in words) is there
        assert ("member.attr[&#34;园区&#34;]" in words) is there


def test_a_field_in_words_is_empty_where_a_member_lacks_it() -> None:
    (own,) = [one for one in offered({}, {"票种": "开票", HOSTILE: "坏的"}) if "attr" in one.insert]
    text = Workshop({}).text(own.insert, "email.txt")
    assert own.label == "开票"
    assert text.fill({"member": {"attr": {"票种": "专票"}}}) == "专票"
    assert text.fill({"member": {"attr": {}}}) == ""
