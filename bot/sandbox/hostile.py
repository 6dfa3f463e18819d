"""Bodies that must never be parsed, and an attack as it is made against our door and answered."""

from dataclasses import dataclass
from typing import Final

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TIMEOUT_SECONDS = 60  # real time
MEGABYTE: Final = 1_000_000
DEPTH = 20_000
BLOCK = 32
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><xml><ToUserName>&j;</ToUserName></xml>"
)
READS_A_FILE = (
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    "<xml><ToUserName>&a;</ToUserName><MsgType>event</MsgType></xml>"
)
DEEP = f"<xml>{'<a>' * DEPTH}{'</a>' * DEPTH}</xml>"
DEEP_JSON = '{"a":' * DEPTH + "1" + "}" * DEPTH


@dataclass(frozen=True, slots=True)
class Outcome:
    """What our door answered; `status` 0 where it did not."""

    status: int
    body: bytes

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500


async def attempt(method: str, url: str, query: dict[str, str], body: bytes) -> Outcome:
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
        try:
            answer = await client.request(method, url, params=query, content=body or None)
        except httpx.HTTPError:
            return Outcome(0, b"")
    return Outcome(answer.status_code, answer.content)


def ciphered(key: bytes, whole: bytes, pad: bytes | None = None) -> bytes:
    """AES-256-CBC of anything; `pad` in place of the right one."""
    count = BLOCK - len(whole) % BLOCK
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return cipher.update(whole + (bytes([count]) * count if pad is None else pad)) + cipher.finalize()
