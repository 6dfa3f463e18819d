"""`huifang transfer`, `funnel`, `targets` and `advice`, each as one JSON document."""

from pathlib import Path

from tests.days.conftest import Call


def test_members_are_handed_over_counted_and_cared_for(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text(
        "会员编号,企业名称,负责客服,登录次数\nQ1,大同机械,甲,3\nQ2,朔州食品,甲,0\n", encoding="utf-8"
    )
    assert call("import", str(folder)).code == 0
    assert call("staff", "add", "yi", "乙", "--department", "东区").code == 0
    steps = {one["stage"]: one["reached"] for one in call("funnel", "--json").found}
    assert (steps["registered"], steps["activated"], steps["posting"]) == (2, 1, 0)
    assert call("segment", "count", "stage = activated", "--json").found["count"] == 1
    assert call("transfer", "--from", "甲", "--to", "谁", "--json").code == 1
    [made] = call("transfer", "--from", "甲", "--to", "乙", "--json").found
    assert (made["members"], made["before"], made["owner"]) == (2, {"甲": 2}, "乙")
    assert call("transfer", "--undo", str(made["id"]), "--json").found["members"] == 2
    assert call("transfer", "--undo", str(made["id"])).code == 1
    found = call("targets", "--set", "乙", "--goal", "4", "--as-of", "2026-11-21", "--json").found
    assert {"who": "乙", "is_department": False, "kind": "visits", "goal": 4, "done": 0, "behind": True} in found[
        "targets"
    ]
    assert found["days_left"] == 9
    assert call("targets", "--month", "2026-13").code == 1
    first = call("advice", "Q2", "--json").found["advice"][0]
    assert (first["act"], first["why"], first["campaign"]) == ("message", "nothing_posted", "who_is_hiring")
    assert first["zh"] != first["en"]
    assert "who_is_hiring" in call("advice", "Q2").out
    assert call("advice", "Q9").code == 1
