"""What a mail is, asked of the reader alone: no database, no account."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.channels.returned import Kind, Read, as_found, inspect_mail
from bot.commands.printing import Shown, table

_LIMIT = 32 * 1024 * 1024  # more than a mail server takes; the rest of a larger file is nobody's words


def read_mails(files: Sequence[Path]) -> list[dict[str, Any]]:
    """One entry a file, in order, `-` the standard input; what is no mail, or cannot be read, is "other"."""
    return [as_found(str(file), _read(file)) for file in files]


def mail_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    return [table(("文件", "种类", "地址", "永久", "状态", "原因", "新写的话"), list(_rows(found)))]


def _read(file: Path) -> Read:
    try:
        if str(file) == "-":
            return inspect_mail(sys.stdin.buffer.read(_LIMIT))
        with file.open("rb") as opened:
            return inspect_mail(opened.read(_LIMIT))
    except (OSError, ValueError) as exc:
        print(f"huifang: {file}: 读不了 (cannot be read: {type(exc).__name__})", file=sys.stderr)
        return Read(Kind.OTHER)


def _rows(found: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
    for entry in found:
        for one in entry["recipients"] or [{}]:
            shown = [one.get(name, "") for name in ("address", "permanence", "status", "reason")]
            yield [entry["file"], entry["kind"], *shown, " ".join(entry["text"].split())[:40]]
