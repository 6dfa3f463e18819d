"""`huifang inspect mail`: one entry a file, whatever the file is."""

import json
from pathlib import Path

from typer.testing import CliRunner

from bot.cli import app


def inspected(*files: Path) -> list[dict[str, object]]:
    done = CliRunner().invoke(app, ["inspect", "mail", *map(str, files), "--json"])
    assert done.exit_code == 0
    return json.loads(done.stdout)


def test_a_reply_a_folder_a_picture_and_nothing_at_all_are_each_one_entry(tmp_path):
    (tmp_path / "a.eml").write_bytes("From: li@datong.example\nSubject: Re: x\n\n好的\n\n> 退订\n".encode())
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    files = [tmp_path / "a.eml", tmp_path / "b.png", tmp_path, tmp_path / "none"]
    entries = inspected(*files)
    assert [entry["file"] for entry in entries] == [str(file) for file in files]
    assert [(entry["kind"], entry["text"]) for entry in entries] == [("reply", "好的"), *[("other", "")] * 3]
    assert all(entry["recipients"] == [] for entry in entries)


def test_a_mail_comes_by_the_pipe_too():
    raw = "From: li@datong.example\nSubject: Re: x\n\n好的\n".encode()
    done = CliRunner().invoke(app, ["inspect", "mail", "-", "--json"], input=raw)
    assert done.exit_code == 0
    [entry] = json.loads(done.stdout)
    assert (entry["file"], entry["kind"], entry["text"]) == ("-", "reply", "好的")


def test_a_file_whose_name_is_no_text_is_an_entry_too(tmp_path):
    (odd := tmp_path / "邮件\udcff.eml").write_bytes(b"From: a@x.example\nSubject: x\n\nhi\n")
    done = CliRunner().invoke(app, ["inspect", "mail", str(odd), "--json"])
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)) == 1


def test_people_see_a_table(tmp_path):
    (tmp_path / "a.eml").write_bytes(b"From: li@datong.example\nSubject: Re: x\n\nok\n\n> x\n")
    done = CliRunner().invoke(app, ["inspect", "mail", str(tmp_path / "a.eml")])
    assert done.exit_code == 0
    assert "reply" in done.stdout
