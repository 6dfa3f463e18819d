"""Callbacks that nobody at WeChat sent, or that they garbled: what our door must refuse, each with its name."""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.hostile import BOMB, DEEP, DEEP_JSON, MEGABYTE, READS_A_FILE, Outcome, attempt, ciphered
from bot.sandbox.wechat_bodies import to_xml
from bot.sandbox.wechat_push import Envelope, Push, aes_key

STRANGER = "wx0000000000000000"


@dataclass(frozen=True, slots=True)
class Target:
    """What the account at our door is set up with. `text` is a real message of it as it would be pushed."""

    appid: str
    encoding_aes_key: str
    text: str


class Attacker:
    """Against a door in the secure mode. Every attack is made of the target's real message where it can be."""

    def __init__(self, envelope: Envelope, dice: random.Random, target: Target) -> None:
        self._envelope, self._dice, self._target = envelope, dice, target
        self._key = aes_key(target.encoding_aes_key)
        self._kept: Push | None = None

    async def attempt(self, name: str, url: str, moment: datetime) -> Outcome:
        """One of ATTACKS, or of REPEATS, against the door at this address."""
        push = (ATTACKS | REPEATS)[name](self, moment)
        method = "GET" if name.startswith("verify") else "POST"
        return await attempt(method, url, push.query, push.body)

    def good(self, moment: datetime) -> Push:
        """The message itself, as the provider pushes it."""
        return self._sealed(self._target.text, moment)

    # ---- signed wrongly, or not at all

    def wrong_signature(self, moment: datetime) -> Push:
        return self._resigned(moment, lambda signature: signature[::-1])

    def empty_signature(self, moment: datetime) -> Push:
        return self._resigned(moment, lambda _signature: "")

    def signature_not_ascii(self, moment: datetime) -> Push:
        return self._resigned(moment, lambda _signature: "签" * 20)

    def only_the_shorter_signature(self, moment: datetime) -> Push:
        """That one is good, but it does not cover the body."""
        push = self.good(moment)
        return Push("", {name: value for name, value in push.query.items() if name != "msg_signature"}, push.body)

    def no_query(self, moment: datetime) -> Push:
        return Push("", {}, self.good(moment).body)

    def signature_of_another_body(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, self.good(moment).body)

    def other_timestamp(self, moment: datetime) -> Push:
        push = self.good(moment)
        return Push("", push.query | {"timestamp": str(int(push.query["timestamp"]) + 1)}, push.body)

    def other_nonce(self, moment: datetime) -> Push:
        push = self.good(moment)
        return Push("", push.query | {"nonce": push.query["nonce"] + "1"}, push.body)

    def not_encrypted(self, moment: datetime) -> Push:
        """As an account in the plain mode is pushed to: whoever has seen one signature can write it."""
        return Push("", self._envelope.signed(moment), self._target.text.encode())

    def not_encrypted_beside_an_old_one(self, moment: datetime) -> Push:
        """The legible fields of the compat mode are signed by nobody."""
        push = self.good(moment)
        forged = self._target.text.replace("</xml>", "<Forged>1</Forged></xml>")
        return Push("", self._envelope.signed(moment), forged.encode() + push.body)

    # ---- signed as it must be, by somebody who has only the token

    def wrong_appid(self, moment: datetime) -> Push:
        return self._sealed(self._target.text, moment, STRANGER)

    def no_appid(self, moment: datetime) -> Push:
        return self._sealed(self._target.text, moment, "")

    def garbage_ciphertext(self, moment: datetime) -> Push:
        return self._enclosed(self._dice.randbytes(256), moment)

    def truncated_ciphertext(self, moment: datetime) -> Push:
        return self._enclosed(ciphered(self._key, self._whole())[:-16], moment)

    def half_a_block(self, moment: datetime) -> Push:
        return self._enclosed(self._dice.randbytes(23), moment)

    def bad_padding(self, moment: datetime) -> Push:
        whole = self._whole()
        missing = 32 - len(whole) % 32
        return self._enclosed(ciphered(self._key, whole, bytes(missing - 1) + b"\x21"), moment)

    def padding_of_nothing(self, moment: datetime) -> Push:
        whole = self._whole()
        return self._enclosed(ciphered(self._key, whole, bytes(32 - len(whole) % 32)), moment)

    def empty_ciphertext(self, moment: datetime) -> Push:
        return self._envelope.enclose("", "", self._envelope.signed(moment), {})

    def no_base64(self, moment: datetime) -> Push:
        return self._envelope.enclose("", "!!!!不是", self._envelope.signed(moment), {})

    def wrong_length(self, moment: datetime) -> Push:
        """The length inside is beyond the end."""
        whole = b"r" * 16 + (2**31).to_bytes(4, "big") + self._target.text.encode()
        return self._enclosed(ciphered(self._key, whole), moment)

    def no_utf8(self, moment: datetime) -> Push:
        whole = b"r" * 16 + (4).to_bytes(4, "big") + b"\xff\xfe\xfd\xfc" + self._target.appid.encode()
        return self._enclosed(ciphered(self._key, whole), moment)

    # ---- encrypted as it must be, with something else inside

    def no_xml_inside(self, moment: datetime) -> Push:
        return self._sealed("您好", moment)

    def empty_inside(self, moment: datetime) -> Push:
        return self._sealed("", moment)

    def empty_element_inside(self, moment: datetime) -> Push:
        return self._sealed("<xml></xml>", moment)

    def entity_bomb_inside(self, moment: datetime) -> Push:
        return self._sealed(BOMB, moment)

    def file_inside(self, moment: datetime) -> Push:
        return self._sealed(READS_A_FILE, moment)

    def deep_inside(self, moment: datetime) -> Push:
        return self._sealed(DEEP, moment)

    def deep_json_inside(self, moment: datetime) -> Push:
        return self._sealed(DEEP_JSON, moment)

    # ---- no callback at all

    def entity_bomb(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, BOMB.encode())

    def file(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, READS_A_FILE.encode())

    def deep(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, DEEP.encode())

    def deep_json(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, DEEP_JSON.encode())

    def no_xml(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, b"\x00\x01 no xml")

    def empty_body(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, b"")

    def megabyte(self, moment: datetime) -> Push:
        return Push("", self.good(moment).query, to_xml({"Encrypt": "A" * MEGABYTE}).encode())

    # ---- the verification of the address

    def verify_wrong_signature(self, moment: datetime) -> Push:
        return Push("", self._envelope.challenge(moment) | {"signature": "0" * 40}, b"")

    def verify_without_signature(self, moment: datetime) -> Push:
        query = self._envelope.challenge(moment)
        return Push("", {name: value for name, value in query.items() if name != "signature"}, b"")

    def verify_with_the_signature_of_another_time(self, moment: datetime) -> Push:
        return Push("", self._envelope.challenge(moment) | {"timestamp": str(int(moment.timestamp()) + 1)}, b"")

    # ---- what is real and comes again: to be taken, and without effect

    def again(self, moment: datetime) -> Push:
        """The same push, whenever the first was."""
        self._kept = self._kept or self.good(moment)
        return self._kept

    # ---- inside

    def _sealed(self, text: str, moment: datetime, appid: str | None = None) -> Push:
        return self._envelope.seal("", text, self._envelope.signed(moment), {}, appid)

    def _whole(self) -> bytes:
        text = self._target.text.encode()
        return self._dice.randbytes(16) + len(text).to_bytes(4, "big") + text + self._target.appid.encode()

    def _resigned(self, moment: datetime, change: Callable[[str], str]) -> Push:
        push = self.good(moment)
        return Push("", push.query | {"msg_signature": change(push.query["msg_signature"])}, push.body)

    def _enclosed(self, sealed: bytes, moment: datetime) -> Push:
        encrypted = base64.b64encode(sealed).decode("ascii")
        return self._envelope.enclose("", encrypted, self._envelope.signed(moment), {})


Make = Callable[[Attacker, datetime], Push]
REPEATS: dict[str, Make] = {"again": Attacker.again}
ATTACKS: dict[str, Make] = {
    name: attack
    for name, attack in vars(Attacker).items()
    if not name.startswith("_") and name not in ("attempt", "good", *REPEATS)
}
