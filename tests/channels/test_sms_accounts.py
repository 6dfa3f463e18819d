"""Which SMS providers there are follows from the settings; rules that name one without an account are refused."""

from pathlib import Path

import pytest

from bot.channels.sms_router import SmsRouter
from bot.clock import ProductClock
from bot.settings import Settings, load_settings
from bot.sms_providers import real_sms, sandbox_sms
from campaigns.errors import ConfigError, OutreachError
from campaigns.terms import SmsProvider
from tests.channels.contract import GATEWAY

ALIYUN = {"aliyun_sms_access_key_id": "id", "aliyun_sms_access_key_secret": "secret"}
TENCENT = {"tencent_sms_secret_id": "id", "tencent_sms_secret_key": "key", "tencent_sms_sdk_app_id": "1400006666"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def settings(folder: Path, **given: str) -> Settings:
    return load_settings(env_file=None, huifang_templates=folder, **given)


def providers(folder: Path, **given: str) -> list[SmsProvider]:
    found = real_sms(settings(folder, **given), ProductClock())
    assert isinstance(found, SmsRouter)
    return list(found.providers)


async def test_each_account_is_a_provider(folder: Path) -> None:
    assert real_sms(settings(folder), ProductClock()) is None
    assert providers(folder, **ALIYUN) == [SmsProvider.ALIYUN]
    assert providers(folder, **TENCENT) == [SmsProvider.TENCENT]
    assert providers(folder, **ALIYUN, **TENCENT) == [SmsProvider.ALIYUN, SmsProvider.TENCENT]


async def test_a_gateway_of_a_file_is_one_too_with_its_secrets_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "gateway.toml").write_text(GATEWAY.format(url="https://sms.example.com"), encoding="utf-8")
    given = {"sms_gateway_file": str(folder / "gateway.toml")}
    with pytest.raises(OutreachError, match="TOKEN"):
        providers(folder, **given)
    monkeypatch.setenv("KEY", "k")
    monkeypatch.setenv("TOKEN", "t")
    assert providers(folder, **given) == [SmsProvider.GENERIC]
    assert settings(folder, **given).real_channels == ("sms",)


async def test_a_rule_that_names_a_provider_without_an_account_is_refused(folder: Path) -> None:
    (folder / "sms_providers.toml").write_text("[share]\naliyun = 50\ntencent = 50\n", encoding="utf-8")
    assert providers(folder, **ALIYUN, **TENCENT)
    with pytest.raises(ConfigError, match=r"sms_providers\.toml: tencent"):
        providers(folder, **ALIYUN)


async def test_an_account_that_is_filled_in_by_half_is_refused_by_its_setting(folder: Path) -> None:
    with pytest.raises(ConfigError, match="TENCENT_SMS_SECRET_KEY"):
        providers(folder, tencent_sms_secret_id="id")


@pytest.mark.parametrize("name", ["aliyun_sms_push_from", "tencent_sms_push_from", "sms_gateway_push_from"])
def test_addresses_of_pushes_are_checked_when_they_are_read(name: str, folder: Path) -> None:
    settings(folder, **{name: "203.0.113.7, 198.51.100.0/24 2001:db8::/32"})
    with pytest.raises(ConfigError, match=name.upper()):
        settings(folder, **{name: "203.0.113.7/8"})


def test_a_price_is_a_decimal(folder: Path) -> None:
    assert str(settings(folder, sms_segment_yuan="0.045").sms_segment_yuan) == "0.045"
    for wrong in ("cheap", "-1", "NaN"):
        with pytest.raises(ConfigError, match="SMS_SEGMENT_YUAN"):
            settings(folder, sms_segment_yuan=wrong)


async def test_the_sandboxs_stand_ins_are_providers_too(folder: Path) -> None:
    tencent = {"endpoint": "127.0.0.1:9", "secret_id": "id", "secret_key": "key", "sdk_app_id": "1400006666"}
    found = sandbox_sms(folder, {}, tencent, ProductClock())
    assert found is not None
    assert list(found.providers) == [SmsProvider.TENCENT]
    assert sandbox_sms(folder, {}, {}, ProductClock()) is None
