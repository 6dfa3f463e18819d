"""`huifang diagnose` says in words and as JSON why a member's postings bring it nothing."""

from pathlib import Path

from tests.days.conftest import Call

_POSTINGS = (
    "职位编号,会员编号,职位名称,职位类别,工作地区,月薪下限,月薪上限,招聘人数,工作时间,联系电话,发布时间,状态,职位描述\n"
    "P1,Q1,电焊工,焊工,大同,3000,9000,2,,0352-0000000,2026-11-01,在招,会焊\n"
)


def _import(call: Call, folder: Path) -> None:
    (folder / "members.csv").write_text("会员编号,企业名称\nQ1,大同机械\n", encoding="utf-8")
    (folder / "postings.csv").write_text(_POSTINGS, encoding="utf-8")
    rows = "".join(f"A{number},P1,2026-11-02\n" for number in range(5))
    (folder / "applications.csv").write_text(f"投递编号,职位编号,投递时间\n{rows}", encoding="utf-8")
    assert call("import", str(folder)).code == 0


def test_a_member_is_diagnosed_with_figures_and_words_in_both_languages(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    _import(call, folder)
    found = call("diagnose", "Q1", "--as-of", "2026-11-21", "--json").found
    assert [(one["code"], one["posting"]) for one in found["findings"]] == [
        ("unread", ""), ("unread", "P1"), ("never_looked", ""), ("never_looked", "P1"), ("post_incomplete", "P1"),
        ("pay_unclear", "P1"), ("stale", "P1"),
    ]  # fmt: skip
    incomplete = found["findings"][4]
    assert incomplete["figures"] == {"missing": ["hours", "duties"], "duties_length": 2}
    assert (incomplete["zh"], incomplete["script"]) == ("没写上班时间、岗位职责", "list_missing")
    assert incomplete["en"] == "Missing: working hours, the duties"
    shown = call("diagnose", "Q1", "--as-of", "2026-11-21").out
    assert "一份也没看过" in shown
    assert call("diagnose", "Q2").code == 1
