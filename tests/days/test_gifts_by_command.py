"""`huifang gift`, from an empty store to an approved plan."""

from pathlib import Path

from tests.days.conftest import Call


def test_a_plan_is_reckoned_and_approved_from_the_machine_itself(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称\nQ1,大同机械\n", encoding="utf-8")
    assert call("import", str(folder)).code == 0
    assert "礼品库是空的" in call("gift", "plan", "春节", "--budget", "100", "--rule", "all").err
    assert (
        call("gift", "add", "保温杯", "--value", "45", "--stock", "9", "--taste", "用品", "--json").found[0]["free"]
        == 9
    )
    assert call("gift", "add", "台历", "--value", "20", "--stock", "9", "--house").code == 0
    draft = call("gift", "plan", "春节", "--budget", "100", "--rule", "all", "--json").found
    (line,) = draft["lines"]
    assert (line["member"], sorted(line["gifts"])) == ("Q1", ["保温杯", "台历"])
    assert draft["total"] == line["value"] <= 100
    assert "大同机械" in call("gift", "show", str(draft["id"])).out
    approved = call("gift", "approve", str(draft["id"]), "--json").found
    assert (approved["state"], approved["tasks"]) == ("approved", 1)
    assert call("gift", "approve", str(draft["id"])).code == 1
    assert call("gift", "show", "99").code == 1
    assert "春节" in call("gift", "plans").out
    assert {one["name"]: one["free"] for one in call("gift", "store", "--json").found}["台历"] == 8
