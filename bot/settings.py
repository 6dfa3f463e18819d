"""The environment, read once into one frozen object. A bad value is refused by its name."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaigns.errors import ConfigError

PROJECT = Path(__file__).resolve().parent.parent

_Text = Annotated[str, BeforeValidator(lambda value: value.strip() if isinstance(value, str) else value)]


class Settings(BaseSettings):
    """Every setting there is; `.env.example` explains each. Fields are the variables' names in lower case."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", env_file_encoding="utf-8")

    huifang_var: Path = Path("var")
    huifang_templates: Path = PROJECT / "templates"
    huifang_secret: _Text = ""
    database_url: _Text = ""
    redis_url: _Text = ""
    log_level: _Text = "WARNING"

    web_host: _Text = "127.0.0.1"
    web_port: int = Field(8750, ge=0, le=65535)
    public_url: _Text = ""
    mail_door_host: _Text = "127.0.0.1"
    mail_door_port: int = Field(8751, ge=0, le=65535)
    hook_secret: _Text = ""

    lease_seconds: int = Field(60, ge=1, le=3600)

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

    wechat_base_url: _Text = "https://api.weixin.qq.com"
    wechat_appid: _Text = ""
    wechat_secret: _Text = ""
    wechat_token: _Text = ""
    wechat_encoding_aes_key: _Text = ""

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgres://")):
            raise ValueError("sqlite:///ABSOLUTE/PATH or postgres://USER:PASSWORD@HOST:PORT/NAME")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("redis://HOST:PORT/0, rediss://… or unix://PATH")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("DEBUG, INFO, WARNING or ERROR")
        return value.upper()

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
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def real_channels(self) -> tuple[str, ...]:
        """Channels that have credentials and so would reach real people."""
        given = {
            "email": self.smtp_host,
            "sms": self.aliyun_sms_access_key_id,
            "wechat": self.wechat_appid,
        }
        return tuple(name for name, value in given.items() if value)


def load_settings(*, env_file: Path | None = Path(".env"), **overrides: object) -> Settings:
    """Raises ConfigError naming the variable and what was expected."""
    try:
        return Settings(_env_file=env_file, **overrides)  # type: ignore[call-arg,arg-type]
    except ValidationError as exc:
        first = exc.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name}: {problem}; see .env.example") from None
