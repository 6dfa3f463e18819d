"""One thing has one name where staff read it: the sandbox is 演练环境 (docs/glossary.md)."""

from pathlib import Path

from tests.web.test_language import used

ROOT = Path(__file__).parents[2]
OTHERS = ("沙箱", "沙盒")


def test_staff_read_one_word_for_the_sandbox() -> None:
    assert [text for text in used() if any(one in text for one in OTHERS)] == []
    places = [ROOT / "README.md", *(ROOT / "bot").rglob("*.py"), *(ROOT / "bot").rglob("*.html")]
    places += [*(ROOT / "templates").rglob("*.toml"), *(ROOT / "docs" / "zh").rglob("*.md"), ROOT / "docs/glossary.md"]
    assert [path.name for path in places if any(one in path.read_text("utf-8") for one in OTHERS)] == []
