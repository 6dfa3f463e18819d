"""A value of a TOML file changed in its place."""

import tomllib
from pathlib import Path

import pytest

from campaigns.errors import InputError
from campaigns.toml_lines import Scalar, set_value

POLICY = (Path(__file__).parents[2] / "templates" / "policy.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [("hours.marketing", "from", "10:30"), ("company.touches", "高端", 1), ("company", "apart_hours", 24)],
)
def test_one_line_changes_and_everything_else_stays(table: str, key: str, value: Scalar) -> None:
    changed = set_value(POLICY, table, key, value)
    different = [(a, b) for a, b in zip(POLICY.split("\n"), changed.split("\n"), strict=True) if a != b]
    assert len(different) == 1
    assert different[0][0].partition("#")[2] == different[0][1].partition("#")[2]


def test_what_is_missing_is_added_where_it_belongs() -> None:
    text = "# head\n[off]\n# 如 1\n\n[work]\n"
    text = set_value(text, "off", "2026-11-24", '停电"检修" # 真的')
    text = set_value(text, "work", "2026-11-28", "加班")
    assert tomllib.loads(text) == {"off": {"2026-11-24": '停电"检修" # 真的'}, "work": {"2026-11-28": "加班"}}
    assert text.startswith("# head\n[off]\n# 如 1\n2026-11-24")
    assert set_value(set_value("", "off", "2026-11-24", "x"), "off", "2026-11-24", None) == "\n[off]\n"


def test_a_line_is_taken_out() -> None:
    text = '[off]\n"2026-11-24" = "停电"  # 电业局说的\n2026-11-25 = "停水"\n'
    assert set_value(text, "off", "2026-11-24", None) == '[off]\n2026-11-25 = "停水"\n'


@pytest.mark.parametrize(
    "text",
    [
        "[company]\nsms = { most = 1 }\n",
        "company = { sms = 1 }\n",
        '[company]\nsms = """\nx"""\n',
        "[company]\nsms = [1]\n",
    ],
)
def test_what_no_line_holds_is_refused_and_not_broken(text: str) -> None:
    with pytest.raises(InputError):
        set_value(text, "company", "sms", 2)


def test_a_value_cannot_break_out_of_its_line() -> None:
    changed = set_value("[off]\n", "off", "2026-11-24", '"\n[work]\n2026-11-25 = "x')
    assert list(tomllib.loads(changed)) == ["off"]
