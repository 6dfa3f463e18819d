"""Idempotency keys: a program that asks twice under one key is answered once.

The answer is written by the transaction of what the request did, so that a crash leaves both or neither.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from campaigns.models import ApiAnswer

KEPT_FOR = timedelta(hours=24)
DEAD_AFTER = timedelta(seconds=60)
"""A request that is worked at for longer has died: the next one under its key does the work."""
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was answered."""

    status: int
    body: str


class KeyInUse(Exception):
    """Another request under this key is being worked at."""


class OtherRequest(Exception):
    """This key was another request's."""


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def digest_of(path: str, body: bytes) -> str:
    return hashlib.sha256(path.encode() + b"\n" + body).hexdigest()


async def begin(token_id: int, key: str, digest: str, now: datetime) -> Stored | None:
    """The answer this request had; None where it is to be done now, by who asks. `now` is this machine's own time.

    Raises KeyInUse, OtherRequest.
    """
    await ApiAnswer.filter(made_at__lt=now - KEPT_FOR).delete()
    try:
        async with in_transaction():
            await ApiAnswer.create(token_id=token_id, key=key, digest=digest, made_at=now)
    except IntegrityError:
        return await _known(token_id, key, digest, now)
    return None


async def _known(token_id: int, key: str, digest: str, now: datetime) -> Stored | None:
    row = await ApiAnswer.get_or_none(token_id=token_id, key=key)
    if row is None:  # given up in this very moment
        raise KeyInUse
    if row.digest != digest:
        raise OtherRequest
    if row.status is not None:
        return Stored(row.status, row.body)
    dead = ApiAnswer.filter(id=row.id, status=None, made_at=row.made_at, made_at__lt=now - DEAD_AFTER)
    if not await dead.update(made_at=now):
        raise KeyInUse
    return None


async def finish(token_id: int, key: str, begun: datetime, status: int, body: str) -> None:
    """In the transaction of what was done. Raises KeyInUse where it took so long that another does it now."""
    mine = ApiAnswer.filter(token_id=token_id, key=key, status=None, made_at=begun)
    if not await mine.update(status=status, body=body):
        raise KeyInUse


async def give_up(token_id: int, key: str, begun: datetime) -> None:
    """Nothing was done: the key is free again."""
    await ApiAnswer.filter(token_id=token_id, key=key, status=None, made_at=begun).delete()
