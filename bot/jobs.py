"""How jobs travel through Redis: JSON, never pickle, so that a Redis others can write to cannot run code here."""

from typing import Any

import orjson


def job_bytes(value: dict[str, Any]) -> bytes:
    # default=str: arq puts a failed job's exception into its result
    return orjson.dumps(value, default=str)


def job_value(data: bytes) -> dict[str, Any]:
    value = orjson.loads(data)
    assert isinstance(value, dict)
    return value
