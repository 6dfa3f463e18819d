"""What colleagues decided about a member stands against the next import: whose it is, and who speaks for it."""

from pathlib import Path

from bot.commands.importing import import_paths
from bot.importing import FileReport
from bot.settings import Settings
from campaigns import transfers, visits
from campaigns.members.browse import Sieve
from campaigns.members.people import make_primary
from campaigns.models import AuditEntry, Contact, Member, Visit
from campaigns.rights import Role
from tests.cast import NOW
from tests.web_cast import add_colleague


async def _import(settings: Settings, path: Path) -> list[FileReport]:
    return await import_paths(settings, [path], NOW, lambda name, done, total: None)


# ---- whose a member is ----------------------------------------------------------------------------------------------

OWNED = "会员编号,企业名称,客户经理\n"


async def _owned(settings: Settings, folder: Path, owner: str) -> FileReport:
    (folder / "members.csv").write_text(f"{OWNED}Y1,大同机械,{owner}\n", encoding="utf-8")
    (report,) = await _import(settings, folder / "members.csv")
    return report


async def test_who_was_given_a_member_here_keeps_it_whatever_the_site_says(database: Settings, tmp_path: Path) -> None:
    await _owned(database, tmp_path, "林晓芸")
    made = await transfers.transfer(Sieve(owner="林晓芸"), "王强", by="主管", now=NOW)
    assert made is not None
    assert (await _owned(database, tmp_path, "林晓芸")).unchanged == 1
    await _owned(database, tmp_path, "")
    await _owned(database, tmp_path, "石磊")
    assert (await _owned(database, tmp_path, "石磊")).unchanged == 1
    assert (await Member.get(no="Y1")).owner == "王强"


async def test_whom_the_site_gives_a_member_to_gets_all_that_is_under_way(database: Settings, tmp_path: Path) -> None:
    await add_colleague(Role.AGENT, name="王强")
    await _owned(database, tmp_path, "林晓芸")
    member = await Member.get(no="Y1")
    task = await visits.open_visit(member.id, category="call_me", cause="a", opened_at=NOW, due_at=NOW, owner="林晓芸")
    await _owned(database, tmp_path, "王强")
    assert (await Member.get(no="Y1")).owner == "王强"
    moved = await visits.find_visit(task)
    assert moved is not None
    assert moved.owner == "王强"
    told = await Visit.get(category="handover")
    assert (told.owner, told.note) == ("王强", "招聘网站移交1家会员，一起来的有1个任务")
    entry = await AuditEntry.get(action="members_assigned")
    assert (entry.who, entry.detail) == ("招聘网站", {"count": 1, "owner": "王强"})
    assert (await _owned(database, tmp_path, "王强")).unchanged == 1
    assert await Visit.filter(category="handover").count() == 1


async def test_nobody_is_given_a_member_by_an_empty_cell_and_one_without_owner_takes_the_sites(
    database: Settings, tmp_path: Path
) -> None:
    await _owned(database, tmp_path, "")
    assert (await Member.get(no="Y1")).owner == ""
    await _owned(database, tmp_path, "林晓芸")
    await _owned(database, tmp_path, "")
    assert (await Member.get(no="Y1")).owner == "林晓芸"


# ---- who speaks for a member ----------------------------------------------------------------------------------------

CONTACTS = "联系人编号,会员编号,姓名,手机,首要联系人\n"


async def _contacts(settings: Settings, folder: Path, rows: str) -> FileReport:
    (folder / "contacts.csv").write_text(f"{CONTACTS}{rows}", encoding="utf-8")
    (report,) = await _import(settings, folder / "contacts.csv")
    return report


async def test_whom_a_colleague_made_the_primary_contact_stays_it(database: Settings, tmp_path: Path) -> None:
    await _owned(database, tmp_path, "")
    rows = "C1,Y1,张晓燕,15483503031,是\nC2,Y1,李刚,15483503032,否\n"
    await _contacts(database, tmp_path, rows)
    member, chosen = await Member.get(no="Y1"), await Contact.get(no="C2")
    assert await make_primary(chosen.id, member.id)
    assert (await _contacts(database, tmp_path, rows)).unchanged == 2
    await _contacts(database, tmp_path, f"{rows}C3,Y1,赵新,15483503033,是\n")
    assert (await _contacts(database, tmp_path, f"{rows}C3,Y1,赵新,15483503033,是\n")).unchanged == 3
    assert await Contact.filter(member_id=member.id, is_primary=True).values_list("no", flat=True) == ["C2"]


async def test_of_two_primary_contacts_the_site_tells_the_first_is_it(database: Settings, tmp_path: Path) -> None:
    await _owned(database, tmp_path, "")
    await _contacts(database, tmp_path, "C1,Y1,张晓燕,15483503031,是\nC2,Y1,李刚,15483503032,是\n")
    assert await Contact.filter(is_primary=True).values_list("no", flat=True) == ["C1"]
    await _contacts(database, tmp_path, "C1,Y1,张晓燕,15483503031,否\nC2,Y1,李刚,15483503032,是\n")
    assert await Contact.filter(is_primary=True).values_list("no", flat=True) == ["C2"]
