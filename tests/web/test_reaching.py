"""What the doctor tries outside: a real IMAP server's log-in, and the DKIM record in a DNS of the test's."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.channels.dkim_record import make_key
from bot.commands.reaching import NOT_SET, try_dkim, try_mailbox
from bot.commands.signing import shown_record
from bot.settings import Settings
from campaigns.errors import OutreachError
from tests.servers import MissingServer
from tests.web.imap_front import PASSWORD, USER, Front, front


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Front]:
    try:
        async with front(tmp_path) as opened:
            yield opened
    except MissingServer as exc:
        pytest.skip(str(exc))


def given(settings: Settings, port: int, **changes: object) -> Settings:
    to = {"imap_host": "localhost", "imap_port": port, "imap_username": USER, "imap_password": PASSWORD}
    return settings.model_copy(update={**to, **changes})


async def test_a_log_in_that_works_is_said(settings: Settings, mailbox: Front) -> None:
    assert "logged in" in await try_mailbox(given(settings, mailbox.port), mailbox.trusted())


async def test_a_wrong_password_names_the_setting_and_not_the_password(settings: Settings, mailbox: Front) -> None:
    with pytest.raises(OutreachError, match="IMAP_PASSWORD") as found:
        await try_mailbox(given(settings, mailbox.port, imap_password="wrong one"), mailbox.trusted())
    assert "授权码" in str(found.value)
    assert "wrong one" not in str(found.value)


async def test_a_certificate_nobody_trusts_and_a_port_nobody_serves_are_told_apart(
    settings: Settings, mailbox: Front
) -> None:
    with pytest.raises(OutreachError, match="证书"):
        await try_mailbox(given(settings, mailbox.port))
    with pytest.raises(OutreachError, match="IMAP_PORT"):
        await try_mailbox(given(settings, 9))


async def test_what_is_not_set_is_not_tried(settings: Settings) -> None:
    assert await try_mailbox(settings) == await try_dkim(settings) == NOT_SET


async def test_a_record_that_is_published_is_said_and_any_other_names_the_remedy(settings: Settings) -> None:
    keyed = settings.model_copy(
        update={"dkim_domain": "talent.example", "dkim_selector": "s1", "dkim_private_key": make_key("ed25519")}
    )
    record = shown_record(keyed)["value"]
    assert "published" in await try_dkim(keyed, lambda name: [record])
    none: list[str] = []
    for wrong in (none, ["v=DKIM1; k=ed25519; p="], [record, record], [record.replace("p=", "p=AAAA")]):

        def published(name: str, found: Sequence[str] = wrong) -> Sequence[str]:
            return found

        with pytest.raises(OutreachError, match="huifang dkim show"):
            await try_dkim(keyed, published)
