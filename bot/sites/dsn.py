"""Where a site's database is: mysql://user:password@host:port/database?charset=gbk. Its password is never shown."""

import codecs
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from campaigns.errors import InputError

_SCHEMES = ("mysql", "mariadb", "mysql+pymysql")
_KNOWN = frozenset(("charset", "tls"))


@dataclass(frozen=True, slots=True)
class Dsn:
    """`charset`: what the site's texts are, where that is not what its tables declare."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    charset: str = ""
    tls: bool = False

    @property
    def shown(self) -> str:
        return f"mysql://{self.user}:***@{self.host}:{self.port}/{self.database}"


def parse_dsn(text: str) -> Dsn:
    """InputError, which never quotes the text, where it is none."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port or 3306
    except ValueError:
        raise _wrong("端口或主机写错了") from None
    if parts.scheme not in _SCHEMES:
        raise _wrong("要以 mysql:// 开头")
    database = unquote(parts.path.strip("/"))
    if not (host and parts.username and database):
        raise _wrong("要有用户、主机和库名")
    if "/" in database:
        raise _wrong("库名里有 /；密码里的 / @ # ? 要写成 %2F %40 %23 %3F")
    options = dict(parse_qsl(parts.query))
    if unknown := sorted(set(options) - _KNOWN):
        raise _wrong(f"不认识的参数 {'、'.join(unknown)}，只有 charset 和 tls")
    charset = options.get("charset", "")
    return Dsn(
        host=host,
        port=port,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=database,
        charset=codec_of(charset) if charset else "",
        tls=options.get("tls", "").lower() in ("1", "true", "yes", "on"),
    )


def codec_of(charset: str) -> str:
    """Python's name for a character set as MySQL or a person writes it."""
    plain = charset.strip().lower()
    if plain.startswith("utf8"):
        return "utf-8"
    if plain in ("gbk", "gb2312", "gb18030", "cp936"):
        return "gb18030"
    try:
        return codecs.lookup(plain).name
    except LookupError:
        raise InputError(f"不认识的编码 {plain}，可用 gbk、utf8、big5、latin1 (unknown charset)") from None


def _wrong(why: str) -> InputError:
    return InputError(f"连接串不对：{why}。格式：mysql://用户:密码@主机:3306/库名?charset=gbk (not a usable DSN)")
