"""Keys for programs, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns import api_tokens
from campaigns.errors import InputError
from campaigns.models import ApiToken
from campaigns.rights import Right

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("database")


async def test_a_token_is_found_by_its_secret_and_kept_as_a_digest() -> None:
    secret, made = await api_tokens.make_token(" 招聘  网站 ", [Right.SEE, Right.EXPORT], by="林", now=NOW)
    found = await api_tokens.find(secret, NOW)
    assert found is not None
    assert (found.id, found.name, found.by, found.hint) == (made.id, "招聘 网站", "林", secret[-4:])
    assert found.may(Right.EXPORT)
    assert not found.may(Right.ADDRESSES)
    row = await ApiToken.get(id=made.id)
    assert secret not in str(dict(row))
    assert secret.startswith("hf_")
    assert len(secret) > 40


async def test_an_unknown_or_revoked_token_is_nobody() -> None:
    secret, made = await api_tokens.make_token("甲", [Right.SEE], by="林", now=NOW)
    for wrong in ("", "hf_", secret[:-1], secret + "x", secret.upper(), made.hint, "hf_" + "x" * 10_000):
        assert await api_tokens.find(wrong, NOW) is None
    await api_tokens.revoke_token(made.id, NOW)
    assert await api_tokens.find(secret, NOW) is None
    again = await api_tokens.revoke_token(made.id, NOW + timedelta(days=1))
    assert again is not None
    assert again.revoked_at == NOW
    assert await api_tokens.revoke_token(10**30, NOW) is None


async def test_a_token_gets_nothing_that_would_make_more_of_it() -> None:
    _, made = await api_tokens.make_token("甲", list(Right), by="林", now=NOW)
    assert made.rights == api_tokens.GIVEN
    await ApiToken.filter(id=made.id).update(rights=["staff", "settings", "nonsense", "see"])
    assert (await api_tokens.list_tokens())[0].rights == {Right.SEE}


async def test_its_use_is_noted_once_a_minute() -> None:
    secret, _ = await api_tokens.make_token("甲", [Right.SEE], by="林", now=NOW)
    for seconds, noted in ((0, 0), (30, 0), (61, 61)):
        await api_tokens.find(secret, NOW + timedelta(seconds=seconds))
        assert (await api_tokens.list_tokens())[0].used_at == NOW + timedelta(seconds=noted)


@pytest.mark.parametrize(("name", "rights"), [("", [Right.SEE]), ("长" * 65, [Right.SEE]), ("乙", [])])
async def test_a_token_without_a_name_or_rights_is_refused(name: str, rights: list[Right]) -> None:
    with pytest.raises(InputError):
        await api_tokens.make_token(name, rights, by="林", now=NOW)


async def test_two_tokens_have_two_names() -> None:
    await api_tokens.make_token("甲", [Right.SEE], by="林", now=NOW)
    with pytest.raises(InputError, match="换个名字"):
        await api_tokens.make_token("甲", [Right.SEE], by="林", now=NOW)
    assert len(await api_tokens.list_tokens()) == 1
