"""A mail server's replies, out of whatever pieces the network brings."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_REPLY_LIMIT = 32_768  # RFC 5321 allows 512 a line; an EHLO reply takes a few hundred
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(-|(?=[ \r]|\Z))([^\n]*)")


class NotSmtp(Exception):
    """What the server said is no reply."""


class ReplyReader:
    """Replies out of the pieces the network brings. Of an unfinished one it keeps 32 kB at most."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0

    def read(self, data: bytes) -> Iterator[tuple[int, list[bytes]]]:
        """Each finished reply as its code and the lines of its words. Raises NotSmtp."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            code, more, words = _parsed(line)
            self._lines.append(words)
            self._size += len(words)
            if self._size > _REPLY_LIMIT:
                raise NotSmtp
            if not more:
                lines, self._lines, self._size = self._lines, [], 0
                yield code, lines
        if len(self._rest) > _REPLY_LIMIT:
            raise NotSmtp


@lru_cache(maxsize=64)  # a server says the same few lines to every mail
def _parsed(line: bytes) -> tuple[int, bool, bytes]:
    """Code, whether more lines follow, words; of a line without its LF. Raises NotSmtp."""
    found = _REPLY_LINE.fullmatch(line)
    if found is None:
        raise NotSmtp
    code, more, words = found.groups()
    return int(code), bool(more), words


def reply_text(lines: Iterable[bytes]) -> str:
    """The words of a reply, its lines parted by LF. Chinese servers answer in UTF-8 or in GB18030."""
    words = b"\n".join(line.strip() for line in lines)
    try:
        return words.decode()
    except UnicodeDecodeError:
        return words.decode("gb18030", "replace")
