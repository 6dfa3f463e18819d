"""`huifang brief` prints what to know and say before a visit, and gives the same as JSON."""

from pathlib import Path

from tests.days.conftest import Call

_POSTINGS = (
    "职位编号,会员编号,职位名称,职位类别,工作地区,月薪下限,月薪上限,招聘人数,工作时间,联系电话,发布时间,状态,职位描述\n"
    "P1,Q1,电焊工,焊工,大同,3000,9000,2,,0352-0000000,2026-11-01,在招,会焊\n"
)


def test_a_brief_is_printed_and_given_as_json(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称,负责客服\nQ1,大同机械,程雪\n", encoding="utf-8")
    (folder / "contacts.csv").write_text("联系人编号,会员编号,姓名,职务\nL1,Q1,佟佳,总经理\n", encoding="utf-8")
    (folder / "postings.csv").write_text(_POSTINGS, encoding="utf-8")
    rows = "".join(f"A{number},P1,2026-11-02\n" for number in range(5))
    (folder / "applications.csv").write_text(f"投递编号,职位编号,投递时间\n{rows}", encoding="utf-8")
    assert call("import", str(folder)).code == 0

    found = call("brief", "Q1", "--as-of", "2026-11-21", "--json").found
    assert (found["member"], found["unread"], found["stopped"], found["promises"]) == ("Q1", 5, None, [])
    assert [(one["name"], one["role"], one["role_guessed"]) for one in found["contacts"]] == [("佟佳", "decides", True)]
    assert ("unread", "") in [(one["code"], one["posting"]) for one in found["findings"]]
    [posting] = found["postings"]
    assert (posting["no"], posting["pay"], posting["unread"]) == ("P1", None, 5)
    assert set(found["script"]) == {"opening", "ask", "offer", "closing"}
    [opening] = found["script"]["opening"]
    assert opening["zh"].startswith("佟总您好，我是")
    assert "程雪" in opening["zh"]
    assert any(one["about"] == "unread" and "5份" in one["zh"] and "5 " in one["en"] for one in found["script"]["ask"])

    shown = call("brief", "Q1", "--as-of", "2026-11-21").out
    for words in ("大同机械", "佟佳拍板", "5份简历没看", "要问的：", "收尾："):
        assert words in shown, words
    assert call("brief", "Q2").code == 1
