"""Callbacks that nobody at WeCom sent, or that they garbled: what our door must refuse, each with its name."""

import base64
import random
from collections.abc import Callable
from datetime import datetime

from bot.sandbox.hostile import BOMB, DEEP, MEGABYTE, READS_A_FILE, Outcome, attempt, ciphered
from bot.sandbox.wechat_bodies import to_xml
from bot.sandbox.wechat_push import Push
from bot.sandbox.wecom.push import Envelope

STRANGER = "ww00000000000000000000"


class Attacker:
    """`text` is a real event as it would be pushed; every attack is made of it where it can be."""

    def __init__(self, envelope: Envelope, dice: random.Random, text: str) -> None:
        self._envelope, self._dice, self._text = envelope, dice, text

    async def attempt(self, name: str, url: str, moment: datetime) -> Outcome:
        """One of ATTACKS against the door at this address."""
        push = ATTACKS[name](self, moment)
        return await attempt("POST" if push.body else "GET", url, push.query, push.body)

    # ---- signed wrongly, or not at all

    def wrong_signature(self, moment: datetime) -> Push:
        return self._resigned(moment, lambda signature: signature[::-1])

    def empty_signature(self, moment: datetime) -> Push:
        return self._resigned(moment, lambda _signature: "")

    def signature_not_ascii(self, moment: datetime) -> Push:
        return self._resigned(moment, lambda _signature: "签" * 20)

    def no_query(self, moment: datetime) -> Push:
        return Push("", {}, self._good(moment).body)

    def signature_of_another_body(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, self._good(moment).body)

    def not_encrypted(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, self._text.encode())

    # ---- signed as it must be, by somebody who has only the token

    def wrong_corpid(self, moment: datetime) -> Push:
        return self._envelope.seal("", self._text, moment, STRANGER)

    def no_corpid(self, moment: datetime) -> Push:
        return self._envelope.seal("", self._text, moment, "")

    def garbage_ciphertext(self, moment: datetime) -> Push:
        return self._enclosed(self._dice.randbytes(256), moment)

    def half_a_block(self, moment: datetime) -> Push:
        return self._enclosed(self._dice.randbytes(23), moment)

    def empty_ciphertext(self, moment: datetime) -> Push:
        return self._envelope.enclose("", "", moment)

    def no_base64(self, moment: datetime) -> Push:
        return self._envelope.enclose("", "!!!!不是", moment)

    def wrong_length(self, moment: datetime) -> Push:
        """The length inside is beyond the end."""
        return self._encrypted(b"r" * 16 + (2**31).to_bytes(4, "big") + self._text.encode(), moment)

    def no_utf8(self, moment: datetime) -> Push:
        return self._encrypted(
            b"r" * 16 + (4).to_bytes(4, "big") + b"\xff\xfe\xfd\xfc" + self._envelope.corpid.encode(), moment
        )

    # ---- encrypted as it must be, with something else inside

    def no_xml_inside(self, moment: datetime) -> Push:
        return self._envelope.seal("", "您好", moment)

    def empty_inside(self, moment: datetime) -> Push:
        return self._envelope.seal("", "", moment)

    def empty_element_inside(self, moment: datetime) -> Push:
        return self._envelope.seal("", "<xml></xml>", moment)

    def entity_bomb_inside(self, moment: datetime) -> Push:
        return self._envelope.seal("", BOMB, moment)

    def file_inside(self, moment: datetime) -> Push:
        return self._envelope.seal("", READS_A_FILE, moment)

    def deep_inside(self, moment: datetime) -> Push:
        return self._envelope.seal("", DEEP, moment)

    def other_corpid_named_inside(self, moment: datetime) -> Push:
        """The receiver behind the message is us, the one named in it is not."""
        return self._envelope.seal("", self._text.replace(self._envelope.corpid, STRANGER), moment)

    # ---- no callback at all

    def entity_bomb(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, BOMB.encode())

    def file(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, READS_A_FILE.encode())

    def deep(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, DEEP.encode())

    def no_xml(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, b"\x00\x01 no xml")

    def megabyte(self, moment: datetime) -> Push:
        return Push("", self._good(moment).query, to_xml({"Encrypt": "A" * MEGABYTE}).encode())

    # ---- the verification of the address

    def verify_wrong_signature(self, moment: datetime) -> Push:
        query, _ = self._envelope.challenge(moment)
        return Push("", query | {"msg_signature": "0" * 40}, b"")

    def verify_wrong_corpid(self, moment: datetime) -> Push:
        sealed = self._envelope.seal("", "123456", moment, STRANGER)
        echo = sealed.body.decode().split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        return Push("", sealed.query | {"echostr": echo}, b"")

    def verify_without_echo(self, moment: datetime) -> Push:
        query, _ = self._envelope.challenge(moment)
        return Push("", {name: value for name, value in query.items() if name != "echostr"}, b"")

    def verify_in_plain(self, moment: datetime) -> Push:
        """An echo that was never encrypted must not come back, though signed."""
        return Push("", self._envelope.signed("1234567890", moment) | {"echostr": "1234567890"}, b"")

    # ---- inside

    def _good(self, moment: datetime) -> Push:
        return self._envelope.seal("", self._text, moment)

    def _resigned(self, moment: datetime, change: Callable[[str], str]) -> Push:
        push = self._good(moment)
        return Push("", push.query | {"msg_signature": change(push.query["msg_signature"])}, push.body)

    def _enclosed(self, sealed: bytes, moment: datetime) -> Push:
        return self._envelope.enclose("", base64.b64encode(sealed).decode("ascii"), moment)

    def _encrypted(self, whole: bytes, moment: datetime) -> Push:
        return self._enclosed(ciphered(self._envelope.key, whole), moment)


ATTACKS: dict[str, Callable[[Attacker, datetime], Push]] = {
    name: attack for name, attack in vars(Attacker).items() if not name.startswith("_") and name != "attempt"
}
