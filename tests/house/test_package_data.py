"""The wheel carries every file the program reads beside its modules."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_that_is_no_module_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    carried = {
        path
        for package, patterns in declared.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert data_files() - carried == set()


def data_files() -> set[Path]:
    files = {path for top in ("bot", "campaigns") for path in (ROOT / top).rglob("*") if path.is_file()}
    return {path for path in files if path.suffix not in (".py", ".pyc")}
