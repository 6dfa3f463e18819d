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
    draft = call("gift", "plan", "春节", "--budget", "100", "--rule", "all", "--manner", "一般=visit", "--json").found
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


def test_a_plan_is_ended_from_the_machine_itself(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称\nQ1,大同机械\nQ2,左云农业\nQ3,云州贸易\n", encoding="utf-8")
    assert call("import", str(folder)).code == 0
    assert call("gift", "add", "保温杯", "--value", "45", "--stock", "9", "--taste", "用品").code == 0
    again = call("gift", "add", "保温杯", "--stock", "20", "--json").found[0]
    assert (again["value"], again["stock"], again["tastes"]) == (45, 20, ["用品"])
    assert "--value" in call("gift", "add", "台历", "--stock", "20").err
    assert call("gift", "tastes", "Q1", "--like", "用品", "--json").found["likes"] == ["用品"]
    assert "高端=300" in call("gift", "plan", "春节", "--budget", "1", "--rule", "all", "--level", "高端=x").err
    wish = ("gift", "plan", "春节", "--budget", "500", "--rule", "all")
    given = [f"{tier}={{}}" for tier in ("高端", "优质", "一般", "低端")]
    levels = [part for one in given for part in ("--level", one.format(50), "--manner", one.format("visit"))]
    plan = str(call(*wish, *levels, "--json").found["id"])
    assert call("gift", "drop", plan, "Q3").code == 1
    assert "不送：老板换人了" in call("gift", "drop", plan, "Q3", "--note", "老板换人了").out
    back = call("gift", "take-back", plan, "Q3", "--json").found
    assert {one["state"] for one in back["lines"]} == {"planned"}
    assert call("gift", "approve", plan).code == 0
    sheet = call("gift", "sheet", plan, "--csv").out
    assert "大同机械" in sheet
    assert sheet.startswith("负责人,")
    handed = call("gift", "hand-over", plan, "Q1", "--note", "张总收的", "--json").found
    assert {one["member"]: one["state"] for one in handed["lines"]}["Q1"] == "handed"
    assert call("gift", "not-taken", plan, "Q2").code == 0
    assert call("gift", "hand-over", plan, "Q9").code == 1
    assert list(call("gift", "tastes", "Q1", "--json").found["had"]) == ["保温杯"]
    assert "结束了" in call("gift", "call-off", plan).out
    assert "approved" not in call("gift", "plans").out
