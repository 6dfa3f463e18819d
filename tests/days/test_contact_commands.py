"""`huifang member contacts` and `member contact`, each as one JSON document."""

from pathlib import Path

from tests.days.conftest import Call


def test_the_tree_is_shown_and_written_by_command(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称\nQ1,大同机械\nQ2,朔州食品\n", encoding="utf-8")
    (folder / "contacts.csv").write_text(
        "联系人编号,会员编号,姓名,职务,手机,上级联系人编号,主联系人\n"
        "C1,Q1,佟佳,总经理,15483503031,,是\nC2,Q1,李敏,会计,,C1,\nC9,Q2,外人,,,,\n",
        encoding="utf-8",
    )
    assert call("import", str(folder)).code == 0
    found = call("member", "contacts", "q1", "--json").found
    [top] = found["contacts"]
    assert (found["decides"], top["role"], top["role_guessed"], top["mobile"]) == (
        ["C1"],
        "decides",
        True,
        "154****3031",
    )
    assert [(one["no"], one["reports_to"]) for one in top["below"]] == [("C2", "C1")]
    told = ("--role", "付款人", "--influence", "2", "--interests", "茶,书法", "--reports-to", "", "--primary", "--json")
    done = call("member", "contact", "Q1", "c2", *told).found
    assert done["changes"] == {
        "role": {"was": "", "now": "pays"},
        "influence": {"was": "", "now": 2},
        "interests": {"was": "", "now": "茶、书法"},
        "parent_no": {"was": "C1", "now": ""},
    }
    assert call("member", "contact", "Q1", "C2", "--influence", "", "--json").found["changes"] == {
        "influence": {"was": 2, "now": ""}
    }
    people = {one["no"]: one for one in call("member", "contacts", "Q1", "--json").found["contacts"]}
    assert (people["C2"]["is_primary"], people["C1"]["is_primary"]) == (True, False)
    assert (people["C2"]["role"], people["C2"]["interests"]) == ("pays", ["茶", "书法"])
    lines = call("member", "contacts", "Q1").out
    assert "付款人" in lines
    assert "可能是佟佳拍板" in lines
    assert [one["role"] for one in call("member", "show", "Q1", "--json").found["contacts"]] == ["pays", None]


def test_what_cannot_be_written_is_refused_in_one_line(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称\nQ1,大同机械\nQ2,朔州食品\n", encoding="utf-8")
    (folder / "contacts.csv").write_text(
        "联系人编号,会员编号,姓名,上级联系人编号\nC1,Q1,佟佳,\nC2,Q1,李敏,C1\nC9,Q2,外人,\n", encoding="utf-8"
    )
    assert call("import", str(folder)).code == 0
    for words in (
        ("Q1", "C2"),
        ("Q1", "C9", "--role", "pays"),
        ("Q1", "C404", "--role", "pays"),
        ("Q404", "C1", "--role", "pays"),
        ("Q1", "C1", "--role", "老大"),
        ("Q1", "C1", "--influence", "5"),
        ("Q1", "C1", "--reports-to", "C2"),
        ("Q1", "C1", "--reports-to", "C9"),
    ):
        refused = call("member", "contact", *words)
        assert refused.code == 1, words
        assert refused.err.strip().count("\n") == 0
    assert call("member", "contacts", "Q404").code == 1
    people = call("member", "contacts", "Q1", "--json").found["contacts"]
    assert [(one["no"], one["role"]) for one in people] == [("C1", None)]


def test_a_contact_is_added_leaves_and_comes_back_by_command(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称\nQ1,大同机械\n", encoding="utf-8")
    (folder / "contacts.csv").write_text("联系人编号,会员编号,姓名\nC1,Q1,佟佳\n", encoding="utf-8")
    assert call("import", str(folder)).code == 0
    told = ("--mobile", "15483503032", "--title", "总经理", "--role", "拍板人", "--reports-to", "C1", "--json")
    made = call("member", "add-contact", "q1", "--name", "周平", *told).found
    assert (made["member"], made["name"]) == ("Q1", "周平")
    again = call("member", "add-contact", "Q1", "--name", "周平平", "--mobile", "15483503032")
    assert "已经有这一位" in again.err
    [top] = call("member", "contacts", "Q1", "--json").found["contacts"]
    assert [(one["no"], one["role"]) for one in top["below"]] == [(made["contact"], "decides")]
    assert call("member", "contact-left", "Q1", made["contact"], "--json").found["active"] is False
    assert "已经离开" in call("member", "contact-left", "Q1", made["contact"]).err
    assert call("member", "contact-left", "Q1", made["contact"], "--back", "--json").found["active"] is True
    assert "还在" in call("member", "contact-left", "Q1", "C1", "--back").err
    assert call("member", "contact-left", "Q1", "C9").code == 1
