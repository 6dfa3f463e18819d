"""The words a colleague sends at the push of a button are in order, as a campaign's are."""

import json
import tomllib
from pathlib import Path

import pytest

from campaigns.folders import folder_of, lint_folder, lint_together, read_files, read_folder, render_sample

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
KEYS = ("introduction", "fair_invitation", "problem_solved")


def folder(key: str):  # type: ignore[no-untyped-def]
    files = read_files(TEMPLATES / key)
    table = {**tomllib.loads(files.pop(f"{key}.toml")), "by_hand": True}
    what = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in table.items())
    return folder_of(key, {**files, "campaign.toml": what})


@pytest.mark.parametrize("key", KEYS)
def test_they_pass_the_lint_of_their_class(key: str) -> None:
    assert lint_folder(folder(key)) == []


def test_they_share_no_template_with_another() -> None:
    every = [read_folder(path.parent) for path in TEMPLATES.glob("*/campaign.toml")]
    assert lint_together({one.key: one.files.get("sms.toml", "") for one in [*every, *map(folder, KEYS)]}) == []


def test_an_introduction_names_the_seekers_and_their_video() -> None:
    words = render_sample(folder("introduction"))
    assert {"email", "sms", "wechat.custom"} <= set(words)
    assert "视频简历：https://video.example.com/7" in words["email"].text
    assert "陈志强，想做理货员，适合" in words["email"].text
