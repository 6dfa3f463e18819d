"""huifang score FILE: one JSON document with what the model says, or one line that names the place and the remedy."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.commands.scoring import file_lines, score_file
from campaigns.activity import SHIPPED, Parameters, histories, log_likelihood
from campaigns.errors import InputError

_HEADER = "id,frequency,recency,age\n"
_TABLE = _HEADER + "A,0,0,38.86\nB,2,30.43,38.86\nC,7,29.43,38.86\n"


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "histories.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _scored(path: Path, *options: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["score", "--json", str(path), *options])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_published_table_comes_out_of_the_command(tmp_path: Path) -> None:
    found = _scored(_file(tmp_path, _TABLE))
    assert found["model"] == "MBG/NBD"
    assert found["fitted"] is False
    assert "only 2 ever came back" in str(found["note"])
    assert found["horizon"] == 39
    rows = found["rows"]
    assert isinstance(rows, list)
    assert [row["id"] for row in rows] == ["A", "B", "C"]
    assert [row["p_active"] for row in rows] == pytest.approx([0.389716, 0.706126, 0.622639], abs=5e-7)
    assert [row["expected"] for row in rows] == pytest.approx([0.153954, 1.262671, 3.166805], abs=5e-7)


def test_the_likelihood_is_the_total_over_rows_of_the_parameters_it_names(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    x = random.poisson(1.2, 700)
    age = random.uniform(10, 60, 700)
    last = np.where(x > 0, age * random.random(700), 0)
    lines = [f"{n},{a},{b!r},{c!r}" for n, (a, b, c) in enumerate(zip(x, last.tolist(), age.tolist(), strict=True))]
    found = _scored(_file(tmp_path, _HEADER + "\n".join(lines)))
    assert found["fitted"] is True
    known = Parameters(**found["parameters"])  # type: ignore[arg-type]
    assert found["log_likelihood"] == pytest.approx(log_likelihood(known, histories(x, last, age)).sum(), abs=1e-9)


def test_shipped_parameters_follow_the_unit_of_the_file(tmp_path: Path) -> None:
    days = _HEADER + f"B,2,{30.43 * 7},{38.86 * 7}\n"
    found = _scored(_file(tmp_path, days), "--unit", "day", "--horizon", str(39 * 7))
    assert found["parameters"]["alpha"] == pytest.approx(SHIPPED.alpha * 7)  # type: ignore[index]
    assert found["rows"][0]["expected"] == pytest.approx(1.262671, abs=5e-7)  # type: ignore[index]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + _TABLE,
        _TABLE.replace("\n", "\r\n"),
        _TABLE.replace(",", ";"),
        _TABLE.replace(",", "\t"),
        _TABLE.replace("id,frequency,recency,age", "ID, Frequency ,RECENCY,T"),
        _TABLE.replace("A,0", "企业甲,0").encode("gb18030"),
        _TABLE + "\n\n",
        "note,age,recency,frequency,id\n,38.86,0,0,A\nx,38.86,30.43,2,B\n,38.86,29.43,7e0,C\n",
    ],
)
def test_it_is_read_whatever_wrote_it(text: str | bytes, tmp_path: Path) -> None:
    rows = score_file(_file(tmp_path, text), 39, 200, "week")["rows"]
    assert [row["p_active"] for row in rows] == pytest.approx([0.389716, 0.706126, 0.622639], abs=5e-7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (_HEADER, "no rows"),
        ("1,2,3,4\n", "no known header"),
        ("id,frequency,age\nA,1,2\n", "missing columns.*"),
        ("id,frequency,recency,age,age\nA,1,2,3,3\n", "column twice"),
        (_TABLE + "D,-1,0,9\n", "line 5.*negative"),
        (_TABLE + "D,1,-2,9\n", "line 5.*negative"),
        (_TABLE + "D,1,9.5,9\n", "line 5.*greater than age"),
        (_TABLE + "D,0,3,9\n", "line 5.*no return visit"),
        (_TABLE + "D,1,nan,9\n", "line 5.*not a finite number"),
        (_TABLE + "D,1,3,inf\n", "line 5.*not a finite number"),
        (_TABLE + "D,1,,9\n", "line 5: recency is not a number"),
        (_TABLE + "D,一次,3,9\n", "line 5: frequency is not a number"),
        (_TABLE + "D,1_0,3,9\n", "line 5: frequency is not a number"),
        (_TABLE + "D,1.5,3,9\n", "line 5.*not a whole number"),
        (_TABLE + "D,1,3,1e300\n", "line 5.*over 1e\\+09"),
        (_TABLE + "D,1,3,5,9\n", "line 5: wrong number of cells"),
        (_TABLE + "D,1,3\n", "line 5: wrong number of cells"),
        (_TABLE + ",1,3,9\n", "line 5: no id"),
        (_TABLE + "A,1,3,9\n", "line 5: id was on line 2"),
        (b"%PDF-1.4 nothing", "not a table"),
    ],
)
def test_a_wrong_file_is_one_line_with_the_place_and_the_remedy(text: str | bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"histories.csv.*{words}.*[；;]"):
        score_file(_file(tmp_path, text), 39, 200, "week")


@pytest.mark.parametrize(
    ("horizon", "unit", "words"), [(0, "week", "horizon"), (float("nan"), "day", "horizon"), (1, "year", "unit")]
)
def test_a_wrong_option_is_refused(horizon: float, unit: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^--{words}"):
        score_file(_file(tmp_path, _TABLE), horizon, 200, unit)


def test_the_largest_values_give_finite_figures(tmp_path: Path) -> None:
    rows = score_file(_file(tmp_path, _HEADER + "A,1e9,1e9,1e9\nB,1,0,1e9\nC,0,0,0\n"), 39, 200, "week")["rows"]
    assert all(0 <= row["p_active"] <= 1 and np.isfinite(row["expected"]) for row in rows)


def test_a_person_sees_parameters_rows_and_a_picture(tmp_path: Path) -> None:
    shown = file_lines(score_file(_file(tmp_path, _TABLE), 39, 200, "week"))
    text = "\n".join(one for one in shown if isinstance(one, str))
    assert "alpha 6.18299" in text
    assert "0.3–0.4 ████" in text
