"""SMS templates of campaigns made while the sandbox runs are reviewed like those of the first day."""

from pathlib import Path

from bot.clock import ProductClock
from bot.sandbox.run import Sandbox

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_FILE = """
template_code = "SMS_299000001"
text = "${company}有${count}份简历没看。"

[params]
company = "a"
count = "b"

[tencent]
template_id = "2990001"
params = ["company", "count"]
"""


def test_a_template_is_known_to_both_clouds_once_it_was_handed_in() -> None:
    sandbox = Sandbox(ProductClock(), templates=_TEMPLATES)
    assert "SMS_299000001" not in sandbox.sms.account.templates
    assert sandbox.hand_in([_FILE]) == []
    assert sandbox.sms.account.templates["SMS_299000001"].text == "${company}有${count}份简历没看。"
    assert sandbox.tencent_sms.account.templates["2990001"].text == "{1}有{2}份简历没看。"


def test_a_file_that_is_none_is_turned_down_by_name_and_the_others_stand() -> None:
    sandbox = Sandbox(ProductClock(), templates=_TEMPLATES)
    assert len(sandbox.hand_in(["no = [", 'text = "x"', _FILE])) == 2
    assert "SMS_299000001" in sandbox.sms.account.templates
