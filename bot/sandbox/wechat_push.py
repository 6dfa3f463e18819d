"""WeChat's callbacks: messages and events in XML or JSON, signed and encrypted, repeated until our door answers."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.sandbox.wechat_bodies import Fields, ReplyUnreadable, from_json, from_xml, to_json, to_xml
from campaigns.errors import InputError

Mode = Literal["plain", "compat", "secure"]
Form = Literal["xml", "json"]
At = Callable[[datetime, Callable[[], Awaitable[None]], str], datetime]

PASSIVE = ("text", "image", "voice", "video", "music", "news", "transfer_customer_service")
TRIES, APART = 3, timedelta(seconds=5)
BLOCK: Final = 32  # PKCS#7 over twice the cipher's own block


@dataclass(slots=True)
class Push:
    """One callback, the same bytes and the same query through all its tries."""

    openid: str
    query: dict[str, str]
    body: bytes
    media_type: str = "text/xml"
    tries: int = 0
    taken: bool = False

    @property
    def lost(self) -> bool:
        return not self.taken and self.tries >= TRIES


class Envelope:
    """What the account pushes and what it may be answered: signed and, outside the plain mode, encrypted.

    In JSON numbers are sometimes written as strings, in the whole push. Raises InputError for a key that is none.
    """

    def __init__(
        self,
        mode: Mode,
        *,
        token: str,
        encoding_aes_key: str,
        appid: str,
        original_id: str,
        dice: random.Random,
        form: Form = "xml",
    ) -> None:
        self._form = form
        self._mode, self._token, self._appid, self._original_id = mode, token, appid, original_id
        self._key = b"" if mode == "plain" else aes_key(encoding_aes_key)
        self._dice = dice

    def wrap(self, openid: str, msgtype: str, fields: Fields, moment: datetime) -> Push:
        query = self.signed(moment) | {"openid": openid}
        head = {"ToUserName": self._original_id, "FromUserName": openid}
        whole = {**head, "CreateTime": int(moment.timestamp()), "MsgType": msgtype, **fields}
        if self._mode == "plain":
            return Push(openid, query, self._written(whole).encode(), self._media_type)
        return self.seal(openid, self._written(whole), query, whole if self._mode == "compat" else {})

    def seal(self, openid: str, text: str, query: Mapping[str, str], seen: Fields, appid: str | None = None) -> Push:
        """Any text, encrypted for our door, with the fields of `seen` legible beside it."""
        receiver = self._appid if appid is None else appid
        return self.enclose(openid, encrypt(self._key, receiver, text, self._dice.randbytes(16)), query, seen)

    def enclose(self, openid: str, encrypted: str, query: Mapping[str, str], seen: Fields) -> Push:
        """Signed as it must be, whatever is in it."""
        signature = sign(self._token, query["timestamp"], query["nonce"], encrypted)
        outer = {"ToUserName": self._original_id, **seen, "Encrypt": encrypted}
        signed = {**query, "encrypt_type": "aes", "msg_signature": signature}
        return Push(openid, signed, self._written(outer).encode(), self._media_type)

    def challenge(self, moment: datetime) -> dict[str, str]:
        """The query of the URL verification."""
        return self.signed(moment) | {"echostr": str(self._dice.randrange(10**18, 10**19))}

    def read_reply(self, openid: str, body: bytes) -> tuple[str, str]:
        """MsgType and, of a text, Content of a passive reply to this follower. Raises ReplyUnreadable."""
        fields = self._opened(body)
        msgtype, content = fields.get("MsgType", ""), fields.get("Content", "")
        if (fields.get("ToUserName"), fields.get("FromUserName")) != (openid, self._original_id):
            raise ReplyUnreadable("passive reply: names")
        if msgtype not in PASSIVE or not fields.get("CreateTime", "").isdigit():
            raise ReplyUnreadable("passive reply: MsgType or CreateTime")
        if msgtype == "text" and not content:
            raise ReplyUnreadable("passive reply: Content")
        return msgtype, content

    def _opened(self, body: bytes) -> dict[str, str]:
        read = from_xml if self._form == "xml" else from_json
        fields = read(body)
        # In compat mode an unencrypted reply is as good.
        if self._mode == "plain" or (self._mode == "compat" and "MsgType" in fields):
            return fields
        try:
            return self._decrypted(fields)
        except (KeyError, ValueError) as error:
            raise ReplyUnreadable(f"passive reply: {type(error).__name__}") from error

    def _decrypted(self, fields: Mapping[str, str]) -> dict[str, str]:
        ours = sign(self._token, fields["TimeStamp"], fields["Nonce"], fields["Encrypt"])
        if not hmac.compare_digest(ours.encode(), fields["MsgSignature"].encode()):
            raise ReplyUnreadable("passive reply: MsgSignature")
        text, appid = decrypt(self._key, fields["Encrypt"])
        if appid != self._appid:
            raise ReplyUnreadable("passive reply: appid")
        return (from_xml if self._form == "xml" else from_json)(text.encode())

    @property
    def _media_type(self) -> str:
        return "text/xml" if self._form == "xml" else "application/json"

    def _written(self, fields: Fields) -> str:
        if self._form == "xml":
            return to_xml(fields)
        return to_json(fields, numbers_as_strings=self._dice.random() < 0.5)

    def signed(self, moment: datetime) -> dict[str, str]:
        timestamp, nonce = str(int(moment.timestamp())), str(self._dice.randrange(10**8, 10**10))
        return {"signature": sign(self._token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}


class Door:
    """Our address that the provider calls; without one (`url` None) it keeps things to itself.

    `at` runs an action at a moment of the stage's time. `heard` gets the answer to a push that was taken, or
    None where all tries have failed; those pushes stand in `lost`.
    """

    def __init__(self, url: str | None, now: Callable[[], datetime], at: At, heard: "Heard") -> None:
        self.url = url
        self.answer_seconds = 5.0  # real time
        self.lost: list[Push] = []
        self._now, self._at, self._heard = now, at, heard
        self._client: httpx.AsyncClient | None = None

    def open(self) -> None:
        # A proxy named in this machine's environment must neither see nor lose a push to loopback.
        self._client = httpx.AsyncClient(trust_env=False, timeout=60)  # `answer_seconds` is the limit

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def deliver(self, push: Push) -> None:
        """Push once; where it is not taken, again five seconds after this try began."""
        next_try = self._now() + APART
        push.tries += 1
        answer = b"" if self.url is None else await self._post(push)
        push.taken = answer is not None
        if push.taken or push.lost:
            self._conclude(push, answer)
        else:
            self._at(next_try, partial(self.deliver, push), "wechat push repeated")

    async def repeat(self, push: Push) -> None:
        """Once more although it was answered, as where the answer gets lost on its way."""
        await self._post(push)

    async def ask(self, query: Mapping[str, str]) -> bytes | None:
        """GET with this query: what came back with 200 in time, else None."""
        return await self._call("GET", query)

    async def _post(self, push: Push) -> bytes | None:
        return await self._call("POST", push.query, push.body, {"content-type": push.media_type})

    async def _call(
        self, method: str, query: Mapping[str, str], body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes | None:
        if self.url is None or self._client is None:
            return None
        told: dict[str, Any] = {"params": dict(query), "content": body, "headers": dict(headers or {})}
        try:
            async with asyncio.timeout(self.answer_seconds):
                answer = await self._client.request(method, self.url, **told)
        except (httpx.HTTPError, TimeoutError):
            return None
        return answer.content if answer.status_code == 200 else None

    def _conclude(self, push: Push, answer: bytes | None) -> None:
        if push.lost:
            self.lost.append(push)
        self._heard(push, answer)


Heard = Callable[[Push, bytes | None], None]


def aes_key(encoding_aes_key: str) -> bytes:
    """Raises InputError."""
    if not re.fullmatch(r"[A-Za-z0-9]{43}", encoding_aes_key):
        raise InputError("EncodingAESKey must be 43 letters and digits")
    return base64.b64decode(encoding_aes_key + "=")


def sign(*parts: str) -> str:
    return hashlib.sha1(b"".join(sorted(part.encode() for part in parts))).hexdigest()  # noqa: S324


def encrypt(key: bytes, appid: str, text: str, prefix: bytes) -> str:
    """`prefix`: 16 random bytes. Returns base64."""
    message = text.encode()
    whole = prefix + len(message).to_bytes(4, "big") + message + appid.encode()
    pad = BLOCK - len(whole) % BLOCK
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(cipher.update(whole + bytes([pad]) * pad) + cipher.finalize()).decode("ascii")


def decrypt(key: bytes, encrypted: str) -> tuple[str, str]:
    """The message and the appid behind it. Raises ValueError for whatever nobody encrypted."""
    try:
        sealed = base64.b64decode(encrypted, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    padded = cipher.update(sealed) + cipher.finalize()
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise ValueError("wrong padding")
    whole = padded[:-pad]
    end = 20 + int.from_bytes(whole[16:20], "big")
    if len(whole) < end:
        raise ValueError("wrong length")
    return whole[20:end].decode("utf-8"), whole[end:].decode("utf-8")
