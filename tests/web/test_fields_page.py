"""自定义字段: described, changed, and forgotten again."""

import httpx

from campaigns import custom_fields
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
