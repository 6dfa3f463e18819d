"""The library of WeChat templates that the sandbox holds: a customer reads the template's own words."""

from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.sandbox.run import Sandbox

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_NOTICE = """
[template]
template_id = "T1"
text = {text!r}
[template.data]
thing1 = "a"
number2 = "b"
"""


def test_a_follower_reads_the_labels_of_the_template() -> None:
    sandbox = Sandbox(ProductClock(), templates=_TEMPLATES)
    values = {"thing1": "大同机械", "number2": "5", "thing3": "点开就看"}
    read = sandbox.wechat.templates["TM_UNREAD_RESUMES"].read_as_customer(values)
    assert read == "未读简历提醒\n企业：大同机械\n未读：5份\n说明：点开就看"
    assert "thing1" not in sandbox.wechat.subscribe_templates["SUB_UNREAD_RESUMES"].read_as_customer(values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "企业：{{ data.thing1 }}",
        "{{ data.thing1 }}{{ data.number2 }}{{ site.name }}",
        "{{data.thing1}} {{data.thing1}}",
    ],
)
def test_words_that_lack_a_field_are_left_and_the_values_stand_alone(tmp_path: Path, text: str) -> None:
    for one in ("site.toml",):
        (tmp_path / one).write_text((_TEMPLATES / one).read_text("utf-8"), "utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "wechat.toml").write_text(_NOTICE.format(text=text), "utf-8")
    sandbox = Sandbox(ProductClock(), templates=tmp_path)
    assert sandbox.wechat.templates["T1"].read_as_customer({"thing1": "大同", "number2": "5"}) == "大同\n5"
