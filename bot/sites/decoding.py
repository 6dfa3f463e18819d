"""Bytes of a site's texts to words. Old sites keep GBK or UTF-8 in tables that declare something else."""

import codecs
from collections.abc import Sequence

from bot.sites.dsn import codec_of
from campaigns.errors import InputError


class Decoder:
    """Tries what the person said, then what the table declares, then the two that Chinese sites use.

    `broken` counts values that are in none of them; they go in with � for what cannot be read.
    """

    def __init__(self, said: str = "") -> None:
        self._said = said
        self.broken = 0

    def texts(self, values: Sequence[bytes | str | None], declared: str) -> list[str]:
        """One column of a page."""
        codings = self._codings(declared)
        return [self._text(value, codings) if isinstance(value, bytes) else value or "" for value in values]

    def _text(self, value: bytes, codings: Sequence[str]) -> str:
        if value.isascii():
            return value.decode("ascii")
        for coding in codings:
            try:
                # not final: a text that was cut may end within a character
                return codecs.getincrementaldecoder(coding)("strict").decode(value, final=False)
            except UnicodeDecodeError:
                continue
        self.broken += 1
        return value.decode(codings[0], "replace")

    def _codings(self, declared: str) -> list[str]:
        own = _declared(declared)
        return list(dict.fromkeys(one for one in (self._said, own, "utf-8", "gb18030") if one))


def _declared(charset: str) -> str:
    """latin1 says nothing: it is what MySQL took where nobody said anything."""
    if charset in ("", "latin1", "ascii", "binary"):
        return ""
    try:
        return codec_of(charset)
    except InputError:
        return ""
