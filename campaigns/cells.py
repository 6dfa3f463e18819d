"""The parsing of one cell: text as it stands, keys, moments, mobiles, e-mail, yes and no, counts.

Every function takes the text of one cell. `parse_moment`, `parse_day` and `parse_count` raise ValueError for
what they cannot read; the other parsers answer None or False.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

KEY_WIDTH = 64

_ZONE = ZoneInfo("Asia/Shanghai")
_EARLIEST_YEAR = 1900
_SERIAL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  day 0 of a spreadsheet, in the sheet's own time
_LARGEST_COUNT = 2**31 - 1  # an integer column

_NEWLINE = re.compile(r"\r\n|\r|\n")
# What sites and spreadsheets write where there is nothing.
_NOTHING = frozenset(("", "-", "--", "—", "——", "/", "无", "空", "null", "none", "nan", "nat", "n/a", "#n/a", "\\n"))
# Python's strip() leaves zero-width characters, which copying from chats and web pages brings along.
_EDGES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\u180e\u200b\u2060\ufeff"

_TIME = r"(?:[T ]*(\d{1,2})[:时点](\d{1,2})分?(?::?(\d{1,2})秒?(?:[.,]\d+)?)?)?"
_OFFSET = r" *(Z|[+-]\d{2}:?\d{2})?"
_DATE_FORM = re.compile(
    rf"(\d{{4}})[-/.年] ?(\d{{1,2}})[-/.月] ?(\d{{1,2}})日?{_TIME}{_OFFSET}", re.ASCII | re.IGNORECASE
)
_COMPACT_FORM = re.compile(
    rf"(\d{{4}})(\d\d)(\d\d)(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d))?)?{_OFFSET}", re.ASCII | re.IGNORECASE
)
_USUAL_FORM = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?", re.ASCII)
_SETTLED_YEAR = 1992  # since then Shanghai has had no summer time
_SETTLED = str(_SETTLED_YEAR)
_SHANGHAI_OFFSET = timedelta(hours=8)
_SERIAL_FORM = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)
_WHOLE_FLOAT = re.compile(r"\d+\.0", re.ASCII)  # a number that went through a spreadsheet

# "+86 138-0013-8000": any white space and any dash that NFKC leaves standing.
_MOBILE_NOISE = re.compile(r"[\s\-\u2010-\u2015\u2212]")
_MOBILE_FORM = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})", re.ASCII)

_PLAIN_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)

# Addresses of which only the domain needs a closer look.
_PLAIN_ADDRESS = re.compile(r"([A-Za-z0-9_-]{1,64}|[A-Za-z0-9_-]{1,30}\.[A-Za-z0-9_-]{1,30})@([A-Za-z0-9.-]{1,190})")
_LONGEST_ADDRESS = 254  # with the @

_BETWEEN = re.compile(r"[、,，;；/|\n]")  # the things of a list in one cell
_COUNT_FORM = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.0+)?", re.ASCII)
_TRUE_WORDS = frozenset(("是", "yes", "y", "true", "t", "1", "√", "✓"))


def clean_text(text: str) -> str:
    """The text as it stands: trimmed, a line break folded to one blank, NUL (no database takes it) gone."""
    if not text.isprintable():  # one look for what few cells have
        text = _NEWLINE.sub(" ", text.replace("\0", ""))
    return text.strip(_EDGES)


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing: empty, 无, NULL and the like."""
    return fold(text).lower() in _NOTHING


def fold(text: str) -> str:
    """NFKC and trimmed: full-width forms become plain ones."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return clean_text(plain)


def parse_key(text: str) -> str | None:
    """A number that names a thing (会员编号 …) in its one spelling: NFKC, trimmed, capitals, no ".0".

    None where it is unusable: empty, a word for nothing, without any letter or digit, or over 64 characters.
    Capitals because sites' databases compare such keys without case.
    """
    key = text.upper() if text.isascii() and text.isalnum() else _folded_key(text)
    return None if key.lower() in _NOTHING or len(key) > KEY_WIDTH else key


def _folded_key(text: str) -> str:
    key = fold(text).upper()
    if _WHOLE_FLOAT.fullmatch(key):
        key = key[:-2]
    return key if any(map(str.isalnum, key)) else ""


def parse_moment(text: str) -> datetime:
    """A moment in UTC. Without a zone it is Asia/Shanghai; without a time it is the start of that day.

    Forms: 2025-03-01 08:00:00, 2025/3/1 8:00, 2025.3.1, 2025年3月1日 08:00, 2025-03-01T08:00:00+08:00,
    20250301, a spreadsheet's day number. ValueError for anything else and for a day that does not exist.
    """
    if _USUAL_FORM.fullmatch(text) and text >= _SETTLED:
        return _usual_moment(text)
    plain = fold(text)
    if _WHOLE_FLOAT.fullmatch(plain):
        plain = plain[:-2]
    try:
        return _read_moment(plain).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a possible date") from None


def _usual_moment(plain: str) -> datetime:
    """What nearly every export writes, in a fifth of the time. ValueError as above."""
    try:
        return (datetime.fromisoformat(plain) - _SHANGHAI_OFFSET).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("not a possible date") from None


def _read_moment(plain: str) -> datetime:
    if form := _DATE_FORM.fullmatch(plain) or _COMPACT_FORM.fullmatch(plain):
        return _from_parts(form)
    if _SERIAL_FORM.fullmatch(plain):
        return _from_serial(float(plain))
    raise ValueError("no form of a date")


def _from_parts(form: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in form.groups()[:6])
    if year < _EARLIEST_YEAR:
        raise ValueError("before 1900")
    local = datetime(year, month, day, hour, minute, second, tzinfo=_ZONE)
    if offset := form[7]:
        local = local.replace(tzinfo=datetime.strptime(offset.upper(), "%z").tzinfo)
    return local


def _from_serial(days: float) -> datetime:
    # A day number holds a time of day as a fraction, a few milliseconds off.
    return (_SERIAL_EPOCH + timedelta(seconds=round(days * 86400))).replace(tzinfo=_ZONE)


def parse_day(text: str) -> date:
    """A day in Asia/Shanghai, from any form of `parse_moment`. ValueError as there."""
    moment = parse_moment(text)
    if moment.year >= _SETTLED_YEAR:
        return (moment + _SHANGHAI_OFFSET).date()
    return moment.astimezone(_ZONE).date()


def parse_mobile(text: str) -> str | None:
    """Eleven digits, or None. Only the pattern decides: a library's list of ranges lags behind new ones."""
    if _PLAIN_MOBILE.fullmatch(text):
        return text
    plain = _MOBILE_NOISE.sub("", unicodedata.normalize("NFKC", text)).removesuffix(".0")
    form = _MOBILE_FORM.fullmatch(plain)
    return form[1] if form else None


def parse_email(text: str) -> str | None:
    """An address in lower case that any mail server takes, or None. Nothing is asked of the network.

    The local part is lowered too: two spellings are one mailbox wherever our customers are. A Chinese domain
    comes in its ASCII form; a Chinese local part would need SMTPUTF8, which most servers lack. Domains under
    .test pass.
    """
    address = fold(text)
    if plain := _PLAIN_ADDRESS.fullmatch(address):
        domain = _mail_domain(plain[2])
        return f"{plain[1]}@{domain}".lower() if domain and len(plain[1]) + len(domain) < _LONGEST_ADDRESS else None
    return _valid_address(address)


@lru_cache(maxsize=4096)
def _mail_domain(domain: str) -> str | None:
    """A domain as mail servers take it. Many people share one, and looking at it is most of the work."""
    found = _valid_address(f"a@{domain}")
    return found.removeprefix("a@") if found else None


def _valid_address(address: str) -> str | None:
    try:
        found = validate_email(address, allow_smtputf8=False, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return (found.ascii_email or found.normalized).lower()


def parse_yes(text: str) -> bool | None:
    """A recorded permission: 是 is True, 否 is False, everything else (yes, 1, empty) is no record at all."""
    return {"是": True, "否": False}.get(fold(text))


def parse_flag(text: str) -> bool:
    """A plain mark that is no permission (主联系人): 是, yes, true, 1 in any case."""
    return fold(text).lower() in _TRUE_WORDS


def parse_words(text: str) -> tuple[str, ...]:
    """A list in one cell, parted by commas of any kind (钓鱼，喝茶): each thing once, in its order."""
    parts = (" ".join(clean_text(one).split()) for one in _BETWEEN.split(text))
    return tuple(dict.fromkeys(filter(None, parts)))


def parse_count(text: str) -> int:
    """A whole number from 0 that fits an integer column; 1,200 and 53.0 are read. Else ValueError."""
    form = _COUNT_FORM.fullmatch(fold(text))
    digits = form[1].replace(",", "") if form else ""
    if not 0 < len(digits) <= 10 or int(digits) > _LARGEST_COUNT:
        raise ValueError("not a whole number")
    return int(digits)
