"""The environment, read once into one frozen object. A bad value is refused by its name."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaigns.errors import ConfigError

PROJECT = Path(__file__).resolve().parent.parent
_HOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_EXPECTED = {
    "int_parsing": "要写成整数",
    "int_from_float": "要写成整数",
    "float_parsing": "要写成小数，如 0.5",
    "decimal_parsing": "要写成小数，如 0.05",
    "bool_parsing": "只能是 true 或 false",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
}


Network = IPv4Network | IPv6Network


def home() -> Path:
    """Where `.env` lies and what relative folders count from, whatever folder a command is typed in.

    The checkout this package lies in; for a package installed without one the working directory. HUIFANG_HOME, which
    only the environment can give, names another.
    """
    if given := os.environ.get("HUIFANG_HOME"):
        return Path(given).resolve()
    return PROJECT if (PROJECT / "templates").is_dir() else Path.cwd()


_Text = Annotated[str, BeforeValidator(lambda value: value.strip() if isinstance(value, str) else value)]
_Networks = Annotated[_Text, AfterValidator(lambda value: _checked_networks(value))]
_Folder = Annotated[Path, AfterValidator(lambda path: home() / path), Field(validate_default=True)]


class Settings(BaseSettings):
    """Every setting there is; `.env.example` explains each. Fields are the variables' names in lower case."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", env_file_encoding="utf-8-sig")

    huifang_var: _Folder = Path("var")
    huifang_templates: _Folder = PROJECT / "templates"
    huifang_secret: _Text = ""
    database_url: _Text = ""
    redis_url: _Text = ""
    huifang_site_dsn: _Text = ""
    log_level: _Text = "WARNING"

    web_host: _Text = "127.0.0.1"
    web_port: int = Field(8750, ge=0, le=65535)
    public_url: _Text = ""
    mail_door_host: _Text = "127.0.0.1"
    mail_door_port: int = Field(8751, ge=0, le=65535)
    hook_secret: _Text = ""

    imap_host: _Text = ""
    imap_port: int = Field(993, ge=1, le=65535)
    imap_username: _Text = ""
    imap_password: _Text = ""
    imap_tls: bool = True
    imap_folder: _Text = "INBOX"
    imap_done_folder: _Text = ""
    imap_aside_folder: _Text = "huifang-aside"
    imap_every_seconds: int = Field(30, ge=5, le=3600)

    activity_active: float = Field(0.5, ge=0, le=1)
    activity_cooling: float = Field(0.2, ge=0, le=1)
    activity_never_in_days: int = Field(14, ge=0, le=3650)
    activity_active_days: int = Field(30, ge=0, le=3650)
    activity_cooling_days: int = Field(90, ge=0, le=3650)
    activity_horizon_days: int = Field(30, ge=1, le=3650)
    stage_renewal_days: int = Field(60, ge=1, le=366)

    visit_a_day: int = Field(4, ge=0, le=50)
    visit_ahead_days: int = Field(75, ge=60, le=400)
    visit_per_month: int = Field(1, ge=1, le=10)
    visit_urgent_per_month: int = Field(2, ge=1, le=15)
    visit_rest_days: int = Field(10, ge=0, le=60)
    visit_care_gap: int = Field(3, ge=1, le=30)
    visit_missed_days: int = Field(7, ge=1, le=90)

    lease_seconds: int = Field(60, ge=1, le=3600)

    webhook_networks: _Networks = ""

    sandbox_url: _Text = ""

    smtp_host: _Text = ""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_username: _Text = ""
    smtp_password: _Text = ""
    smtp_starttls: bool = True
    smtp_connections: int = Field(10, ge=1, le=100)
    smtp_per_connection: int = Field(50, ge=1)
    mail_sender_name: _Text = "人才网"
    mail_sender_address: _Text = ""
    mail_reply_domain: _Text = ""
    dkim_domain: _Text = ""
    dkim_selector: _Text = ""
    dkim_private_key: _Text = ""

    aliyun_sms_endpoint: _Text = "https://dysmsapi.aliyuncs.com"
    aliyun_sms_access_key_id: _Text = ""
    aliyun_sms_access_key_secret: _Text = ""
    aliyun_sms_push_from: _Networks = ""

    tencent_sms_endpoint: _Text = "https://sms.tencentcloudapi.com"
    tencent_sms_region: _Text = "ap-guangzhou"
    tencent_sms_secret_id: _Text = ""
    tencent_sms_secret_key: _Text = ""
    tencent_sms_sdk_app_id: _Text = ""
    tencent_sms_push_from: _Networks = ""

    sms_gateway_file: _Text = ""
    sms_gateway_push_from: _Networks = ""

    sms_segment_yuan: Decimal = Field(Decimal("0.05"), ge=0, le=10)

    wechat_base_url: _Text = "https://api.weixin.qq.com"
    wechat_appid: _Text = ""
    wechat_secret: _Text = ""
    wechat_token: _Text = ""
    wechat_encoding_aes_key: _Text = ""

    wecom_base_url: _Text = "https://qyapi.weixin.qq.com"
    wecom_corpid: _Text = ""
    wecom_agentid: int = Field(0, ge=0)
    wecom_secret: _Text = ""
    wecom_token: _Text = ""
    wecom_encoding_aes_key: _Text = ""

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgres://")):
            raise _wrong("sqlite:///ABSOLUTE/PATH", "postgres://USER:PASSWORD@HOST:PORT/NAME")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise _wrong("redis://HOST:PORT/0", "rediss://…", "unix://PATH")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise _wrong("DEBUG", "INFO", "WARNING", "ERROR")
        return value.upper()

    @field_validator("public_url")
    @classmethod
    def _address_for_links(cls, value: str) -> str:
        if value and not _is_address(value):
            raise _wrong("https://HOST", "https://HOST:PORT/PATH", "http://…")
        return value

    @field_validator("hook_secret")
    @classmethod
    def _secret_for_a_path(cls, value: str) -> str:
        if value and not _HOOK_SECRET.fullmatch(value):
            raise ValueError("只用字母、数字、- 和 _，至少 16 个 (letters, digits, - and _, at least 16)")
        return value

    @field_validator("imap_folder", "imap_done_folder", "imap_aside_folder")
    @classmethod
    def _folder_in_ascii(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()):
            raise ValueError("只能用英文字母写的文件夹 (a folder named in ASCII is expected)")
        return value

    @property
    def var(self) -> Path:
        return self.huifang_var.resolve()

    @property
    def secret_file(self) -> Path:
        """Where the signing secret lies while HUIFANG_SECRET is empty."""
        return self.var / "secret"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite://{self.var / 'huifang.sqlite3'}"

    @property
    def database_file(self) -> Path | None:
        """SQLite's; None on a server."""
        return Path(self.database.removeprefix("sqlite://")) if self.database.startswith("sqlite://") else None

    @property
    def database_shown(self) -> str:
        """Which database this is, for a person: its file, or its server without user and password."""
        return str(self.database_file or f"postgres://{self.database.partition('?')[0].rpartition('@')[2]}")

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def real_channels(self) -> tuple[str, ...]:
        """Channels that have credentials and so would reach real people."""
        given = {
            "email": self.smtp_host,
            "sms": self.aliyun_sms_access_key_id or self.tencent_sms_secret_id or self.sms_gateway_file,
            "wechat": self.wechat_appid,
            "wecom": self.wecom_corpid,
        }
        return tuple(name for name, value in given.items() if value)


def load_settings(*, env_file: Path | None = None, **overrides: object) -> Settings:
    """Raises ConfigError naming the variable, or the file, and what was expected."""
    try:
        return Settings(_env_file=env_file, **overrides)  # type: ignore[call-arg,arg-type]
    except UnicodeDecodeError:
        raise ConfigError(f"{env_file}: 要存成 UTF-8 (save it as UTF-8)") from None
    except OSError as exc:
        raise ConfigError(f"{env_file}: 读不出 (cannot be read: {exc.strerror})") from None
    except ValidationError as exc:
        raise ConfigError(_problem(exc.errors()[0])) from None


def check_templates(settings: Settings) -> None:
    """Raises ConfigError where there is no campaign to be found."""
    folder = settings.huifang_templates
    if not folder.is_dir():
        raise ConfigError(f"HUIFANG_TEMPLATES: 没有这个文件夹：{folder} (no such folder)")
    if not any(folder.glob("*/campaign.toml")):
        raise ConfigError(f"HUIFANG_TEMPLATES: {folder} 里面没有营销活动 (no campaign in this folder)")


def unknown_keys(env_file: Path) -> dict[str, str]:
    """Names in a `.env` that are no setting, each with the setting it may be meant for, or nothing."""
    known = [name.upper() for name in Settings.model_fields]
    strange = [key for key in dotenv_values(env_file, encoding="utf-8-sig") if key.upper() not in known]
    return {key: next(iter(get_close_matches(key.upper(), known, 1, 0.7)), "") for key in strange}


def _problem(error: Mapping[str, Any]) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else "settings"
    if error["type"] == "value_error":
        return f"{name}: {error['msg'].removeprefix('Value error, ')}；见 .env.example"
    return f"{name}: {_EXPECTED.get(error['type'], '写得不对')} ({error['msg']})；见 .env.example"


def _wrong(*forms: str) -> ValueError:
    return ValueError(f"要写成 {' 或 '.join(forms)} (expected {' or '.join(forms)})")


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks, parted by commas or blanks. Raises ValueError."""
    return tuple(ip_network(one) for one in text.replace(",", " ").split())


def _checked_networks(text: str) -> str:
    try:
        networks(text)
    except ValueError:
        raise _wrong("203.0.113.7", "203.0.113.0/24, 203.0.113.7") from None
    return text


def _is_address(url: str) -> bool:
    """http(s)://host[:port][/path]: what links can be put behind."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and not set("?#@\\") & set(url)
    return plain and has_port and parts.scheme in ("http", "https") and bool(parts.hostname)
