"""`huifang up`: one on a folder, and it names its database."""

import json
from pathlib import Path

from tests.days.conftest import Call
from tests.fleet import started


def test_a_second_one_on_the_same_folder_refuses_and_names_the_first(call: Call, tmp_path: Path) -> None:
    var = tmp_path / "var"
    settings = {"huifang_var": var, "web_port": 0, "mail_door_port": 0}
    with started("up", "--json", settings=settings, folder=tmp_path) as first:
        found = json.loads(first.line_now())
        assert found["database"] == str(var / "huifang.sqlite3")
        second = call("up", "--exit")
        assert second.code == 1
        assert found["web"] in second.err
        assert call("up", "--exit", HUIFANG_VAR=str(tmp_path / "other")).code == 0
        first.kill()
    assert call("up", "--exit").code == 0
