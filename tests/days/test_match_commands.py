"""`huifang match` proposes seekers with reasons in both languages, `huifang introduce` writes to the company once."""

from pathlib import Path

from tests.days.conftest import Call

_TABLES = {
    "members": "会员编号,企业名称,地区\nQ1,大同机械,大同\n",
    "contacts": "联系人编号,会员编号,姓名,邮箱,主联系人,同意接收营销\nC1,Q1,张晓燕,zhang@datong.example.com,是,是\n",
    "postings": "职位编号,会员编号,职位名称,工作地区,月薪下限,月薪上限,状态\nP1,Q1,仓库管理员,大同,3000,5000,在招\n",
    "seekers": (
        "求职者编号,姓名,意向职位,意向地区,期望月薪,工作年限,注册时间,视频简历,同意推荐,手机,邮箱\n"
        "S1,徐芳,库管,大同,4000,5,2026-11-14,https://v.example.com/1,是,15483503099,\n"
        "S2,郭涛,仓库管理员,大同市,5500,,2026-11-20,,,,guo@example.com\n"
        "S3,李平,护士,大同,4000,5,2026-11-20,,是,,\n"
    ),
}


def _import(call: Call, folder: Path) -> None:
    folder.mkdir()
    for name, text in _TABLES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    assert call("import", str(folder)).code == 0


def test_a_member_is_matched_with_reasons_and_introduced_once(call: Call, tmp_path: Path) -> None:
    _import(call, tmp_path / "export")
    found = call("match", "Q1", "--as-of", "2026-11-23", "--json").found
    first, second = found["proposals"]
    assert (first["seeker"], first["posting"], first["consent"], first["hindrance"]) == ("S1", "P1", "yes", "")
    assert [one["kind"] for one in first["grounds"]] == ["occupation", "city", "pay", "years", "fresh"]
    assert first["points"] == sum(one["points"] for one in first["grounds"]) == 91
    assert first["grounds"][0]["zh"] == "想做库管，同属仓管"
    assert first["grounds"][0]["en"] == "wants 库管, the same occupation: 仓管"
    assert (second["seeker"], second["hindrance"]) == ("S2", "not_asked")
    assert second["why_en"] == "not known whether they are willing: ask first"
    assert "徐芳" in call("match", "Q1", "--as-of", "2026-11-23").out
    assert call("match", "Q2").code == 1


def test_what_cannot_be_introduced_is_said_and_nothing_is_sent(call: Call, tmp_path: Path) -> None:
    _import(call, tmp_path / "export")
    refused = call("introduce", "Q1", "S9")
    assert (refused.code, "没有编号是 S9 的求职者" in refused.err) == (1, True)
    assert "不再合适" in call("introduce", "Q1", "S3").err


def test_similar_companies_become_a_fair_that_invites_each_once(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    numbers = [f"Q{number}" for number in range(1, 5)]
    members = "".join(f"{one},第{one}餐饮,餐饮酒店,大同\n" for one in numbers)
    (folder / "members.csv").write_text(f"会员编号,企业名称,行业,地区\n{members}", encoding="utf-8")
    postings = "".join(f"P{one},{one},厨师,2,在招\n" for one in numbers[:3])
    (folder / "postings.csv").write_text(f"职位编号,会员编号,职位名称,招聘人数,状态\n{postings}", encoding="utf-8")
    assert call("import", str(folder)).code == 0
    [group] = call("fairs", "clusters", "--json").found
    assert (group["members"], group["heads"]) == (numbers[:3], 6)
    assert group["en"] == "餐饮酒店 · 大同 · 厨师: 3 companies, 6 people in all"
    made = call("fairs", "make", "厨师专场", "--on", "2026-12-12", "--cluster", group["key"], "--json").found
    assert (made["kind"], made["occupations"], made["invitations"]) == ("joint", ["厨师"], [])
    for _ in range(2):
        found = call("fairs", "invite", str(made["id"]), *numbers[:2], "--json").found
        assert [(one["member"], one["state"]) for one in found["invitations"]] == [("Q1", "invited"), ("Q2", "invited")]
    assert call("fairs", "--json").found[0]["counts"] == {"invited": 2}
    assert "厨师专场" in call("fairs", "show", str(made["id"])).out
    said = call("fairs", "answer", str(made["id"]), "Q1", "yes", "--note", "来三个人", "--json").found
    assert [(one["state"], one["note"]) for one in said["invitations"]] == [("yes", "来三个人"), ("invited", "")]
    refused = call("fairs", "invite", str(made["id"]), "Q3", "--message")
    assert (refused.code, "一家也发不了" in refused.err) == (1, True)  # nobody there to write to
    for words in (
        ["show", "99"], ["invite", "1", "Q9"], ["make", "x", "--on", "2026-12-12", "--cluster", "x"],
        ["answer", str(made["id"]), "Q3", "yes"], ["answer", str(made["id"]), "Q1", "perhaps"], ["end", "99", "held"],
    ):  # fmt: skip
        assert call("fairs", *words).code == 1
    assert call("fairs", "end", str(made["id"]), "called_off", "--json").found["state"] == "called_off"
    assert call("fairs", "answer", str(made["id"]), "Q1", "no").code == 1


def test_what_comes_of_a_proposal_is_written_down(call: Call, tmp_path: Path) -> None:
    _import(call, tmp_path / "export")
    assert call("introductions", "list", "Q1", "--json").found == []
    assert call("introductions", "consent", "S2", "yes", "--json").found == {"seeker": "S2", "consent": "yes"}
    [one] = call("introductions", "ask", "Q1", "S2", "--json").found
    assert (one["seeker"], one["state"], one["name"]) == ("S2", "asked", "郭涛")
    early = call("introductions", "change", str(one["id"]), "told")
    assert (early.code, "还没有介绍" in early.err) == (1, True)
    [after] = call("introductions", "change", str(one["id"]), "withdrawn", "--reason", "不合适", "--json").found
    assert (after["state"], after["reason"]) == ("withdrawn", "不合适")
    for words in (["change", "99", "told"], ["change", str(one["id"]), "sold"], ["consent", "S9", "yes"],
                  ["consent", "S2", "perhaps"], ["ask", "Q1", "S3"], ["list", "Q9"]):  # fmt: skip
        assert call("introductions", *words).code == 1
