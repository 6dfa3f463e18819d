"""A mail server's replies, out of whatever pieces the network brings."""

import re
from collections.abc import Iterable, Iterator

_REPLY_LIMIT = 32_768  # RFC 5321 allows 512 a line; an EHLO reply takes a few hundred
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(-|(?=[ \r\n]))([^\n]*)\n")


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
        data, at = self._rest + data, 0
        while line := _REPLY_LINE.match(data, at):
            code, more, words = line.groups()
            at = line.end()
            self._lines.append(words)
            self._size += len(words)
            if self._size > _REPLY_LIMIT:
                raise NotSmtp
            if not more:
                lines, self._lines, self._size = self._lines, [], 0
                yield int(code), lines
        self._rest = data[at:]
        if b"\n" in self._rest or len(self._rest) > _REPLY_LIMIT:
            raise NotSmtp


def reply_text(lines: Iterable[bytes]) -> str:
    """The words of a reply, its lines parted by LF. Chinese servers answer in UTF-8 or in GB18030."""
    words = b"\n".join(line.strip() for line in lines)
    try:
        return words.decode()
    except UnicodeDecodeError:
        return words.decode("gb18030", "replace")
