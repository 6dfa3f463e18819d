"""One process at a time in a folder. The lock goes with its process, however that ends."""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

from campaigns.errors import StateError


@contextlib.contextmanager
def alone(lock: Path, what: str) -> Iterator[Callable[[str], None]]:
    """Hold the lock file for `huifang WHAT`. Call what it yields with the address the next one is to be told.

    Raises StateError naming the address of whoever holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = lock.read_text(encoding="utf-8") or "正在启动 (just starting)"
            raise StateError(
                f"{lock.parent} 已经有一个 huifang {what} 在跑：{where}。用它，或者先停掉它 "
                f"(`huifang {what}` already runs here: use that one, or stop it first)"
            ) from None
        file.truncate(0)

        def tell(address: str) -> None:
            file.write(address)
            file.flush()

        yield tell
