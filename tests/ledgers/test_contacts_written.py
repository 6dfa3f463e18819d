"""On both databases: what colleagues write down about contacts, and what an import leaves of it."""

from pathlib import Path

import pytest

from bot.commands.importing import import_paths
from bot.settings import Settings
from campaigns.errors import InputError
from campaigns.members import find
from campaigns.members.people import UnfitContact, add_contact, describe_contact, make_primary, people_of
from campaigns.models import Contact, Member
from campaigns.terms import ContactRole
from tests.web_cast import NOW, add_member
from tests.web_cast import add_contact as stored_contact

pytestmark = pytest.mark.usefixtures("database")


async def _three() -> tuple[Member, list[Contact]]:
    """甲 above 乙 above 丙."""
    member = await add_member("Q1")
    people = [
        await stored_contact(member, no, name=name, parent_no=above, mobile=f"1548350303{place}", email=None,
                             is_primary=not place)
        for place, (no, name, above) in enumerate((("C1", "甲", ""), ("C2", "乙", "C1"), ("C3", "丙", "C2")))
    ]  # fmt: skip
    return member, people


async def test_what_is_typed_is_read_as_an_import_reads_it_and_the_changes_are_told() -> None:
    member, (_, second, _) = await _three()
    typed = {"role": "拍板人", "influence": "３", "interests": "钓鱼，孩子高考", "title": " 老板 ", "parent_no": ""}
    assert await describe_contact(second.id, member.id, typed) == {
        "role": {"was": "", "now": "decides"},
        "influence": {"was": "", "now": 3},
        "interests": {"was": "", "now": "钓鱼、孩子高考"},
        "title": {"was": "", "now": "老板"},
        "parent_no": {"was": "C1", "now": ""},
    }
    assert await describe_contact(second.id, member.id, typed) == {}
    first = (await people_of(member.id))[0]
    assert (first.no, first.role, first.guessed) == ("C2", ContactRole.DECIDES, False)
    assert (first.influence, first.interests) == (3, ("钓鱼", "孩子高考"))
    await describe_contact(second.id, member.id, {"role": ""})
    first = (await people_of(member.id))[0]
    assert (first.role, first.guessed, first.influence) == (ContactRole.DECIDES, True, 3)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("role", "大老板"),
        ("influence", "9"),
        ("interests", "长" * 256),
        ("title", "长" * 129),
        ("parent_no", "C404"),
        ("parent_no", "C9"),
        ("parent_no", "C1"),
        ("parent_no", "c3"),
    ],
)
async def test_what_does_not_fit_is_named_and_nothing_is_written(field: str, text: str) -> None:
    member, (first, *_) = await _three()
    await stored_contact(await add_member("Q2"), "C9", mobile=None, email=None)
    before = await Contact.all().order_by("id").values()
    with pytest.raises(UnfitContact) as caught:
        await describe_contact(first.id, member.id, {"interests": "钓鱼", field: text})
    assert list(caught.value.faults) == [field]
    assert await Contact.all().order_by("id").values() == before


async def test_a_circle_that_came_with_an_import_hinders_no_other_change() -> None:
    member, (first, *_) = await _three()
    await Contact.filter(id=first.id).update(parent_no="C3")
    assert list(await describe_contact(first.id, member.id, {"parent_no": "C3", "title": "经理"})) == ["title"]


async def test_a_contact_of_another_member_is_not_described() -> None:
    member, _ = await _three()
    other = await stored_contact(await add_member("Q2"), "C9")
    for number in (other.id, 2**40):
        with pytest.raises(InputError):
            await describe_contact(number, member.id, {"role": "decides"})
    assert (await Contact.get(no="C9")).role is None


async def test_somebody_added_by_hand_has_no_consent_and_a_number_of_ours() -> None:
    member, _ = await _three()
    made = await add_contact(
        member.id, {"name": "丁", "mobile": "+86 154-8350-3099", "email": "DING@Example.com", "parent_no": "C3"}
    )
    row = await Contact.get(id=made.id)
    assert (row.no, row.name, row.mobile, row.email) == (f"HF-{row.id}", "丁", "15483503099", "ding@example.com")
    assert (row.consent, row.consent_at, row.consent_source) == (None, None, "")
    assert (row.is_primary, row.active, row.parent_no) == (False, True, "C3")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "长" * 129}, "name"),
        ({"name": "丁", "mobile": "12345"}, "mobile"),
        ({"name": "丁", "mobile": "15483503031"}, "mobile"),
        ({"name": "丁", "email": "不是"}, "email"),
        ({"name": "丁", "parent_no": "C404"}, "parent_no"),
    ],
)
async def test_somebody_who_cannot_be_added_is_not(typed: dict[str, str], field: str) -> None:
    member, _ = await _three()
    with pytest.raises(UnfitContact) as caught:
        await add_contact(member.id, typed)
    assert list(caught.value.faults) == [field]
    assert await Contact.all().count() == 3


async def test_there_is_one_primary_contact_and_never_one_who_left() -> None:
    member, (_, second, third) = await _three()
    other = await stored_contact(await add_member("Q2"), "C9")
    await Contact.filter(id=third.id).update(active=False)
    assert await make_primary(second.id, member.id)
    assert await Contact.filter(member_id=member.id, is_primary=True).values_list("no", flat=True) == ["C2"]
    for number in (second.id, third.id, other.id, 2**40):
        assert not await make_primary(number, member.id)
    assert (await Contact.get(no="C9")).is_primary


async def test_an_import_brings_the_three_and_an_empty_cell_takes_none_away(database: Settings, tmp_path: Path) -> None:
    member, (first, *_) = await _three()
    await describe_contact(first.id, member.id, {"influence": "3", "title": "老板"})
    await Contact.filter(no="C2").update(role="uses", interests="钓鱼")
    file = tmp_path / "contacts.csv"
    file.write_text(
        "联系人编号,会员编号,姓名,职务,上级联系人编号,角色,影响力,兴趣\n"
        "C1,Q1,甲,,,拍板人,,\"钓鱼,茶\"\nC2,Q1,乙,,,,2,\nC3,Q1,丙,,,大老板,7,\n",
        encoding="utf-8",
    )  # fmt: skip
    [report] = await import_paths(database, [file], NOW, lambda *_: None)
    assert (report.changed, report.problems) == (2, 2)
    rows = {one.no: one for one in await Contact.filter(member_id=member.id)}
    assert [(one.role, one.influence, one.interests) for _, one in sorted(rows.items())] == [
        ("decides", 3, "钓鱼、茶"), ("uses", 2, "钓鱼"), (None, None, None),
    ]  # fmt: skip
    assert (rows["C1"].title, rows["C2"].parent_no) == ("老板", "C1")


async def test_the_dossier_holds_what_was_written_down() -> None:
    member, (first, *_) = await _three()
    await describe_contact(first.id, member.id, {"role": "pays", "influence": "1", "interests": "茶"})
    found = await find.describe_member(member.no)
    assert found is not None
    held = next(one for one in found["contacts"] if one["no"] == "C1")
    assert (held["role"], held["influence"], held["interests"]) == ("pays", 1, "茶")
