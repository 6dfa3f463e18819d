"""Words as they look to who gets them, on every page that shows a campaign's words."""

import httpx
import pytest

from bot.console.previews import pieces_of
from bot.runtime import Runtime
from tests.web_cast import approved


@pytest.mark.parametrize("page", ["/campaigns/forgotten_account", "/templates/forgotten_account?file=wechat.toml"])
async def test_a_link_in_a_wechat_message_is_its_words_and_no_markup(
    runtime: Runtime, browser: httpx.AsyncClient, page: str
) -> None:
    await approved(runtime, "forgotten_account")
    shown = (await browser.get(page)).text
    assert '<span class="wx-link">直接进去，不用密码</span>' in shown
    preview = shown[shown.index('class="wx-bub"') :]
    assert "&lt;a href" not in preview[: preview.index("</figure>")]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("没有", [("没有", False)]),
        ('看<a href="https://a.example">这里</a>吧', [("看", False), ("这里", True), ("吧", False)]),
        ("<a>不是</a> <script>", [("<a>不是</a> <script>", False)]),
    ],
)
def test_only_a_whole_link_is_one(text: str, pieces: list[tuple[str, bool]]) -> None:
    assert pieces_of(text) == pieces
