"""The carriers behind Aliyun, in the formats of its HTTP batch push: SmsReport and SmsUp."""

from collections.abc import Callable, Sequence

from bot.sandbox.aliyun_account import Account
from bot.sandbox.pushing import local
from bot.sandbox.sms_carrier import EMPTY_NUMBER, Fate, Item, Quirks, SmsCarrier, segments
from bot.sandbox.stage import Accepted, Stage

DELIVERED = "DELIVERED"
CARRIER_WORDS = {
    DELIVERED: "用户接收成功",
    EMPTY_NUMBER: "空号",
    "MK:0005": "停机",
    "MK:0010": "关机",
    "MK:0023": "不在服务区",
    "EXPIRED": "超时",
    "UNDELIV": "未送达",
}
NUMBER_SEEN = "10690811"  # the sender on the customer's phone, our extension behind it


class Carrier(SmsCarrier):
    def __init__(
        self, stage: Stage, account: Account, quirks: Quirks, is_empty: Callable[[str], bool] | None = None
    ) -> None:
        super().__init__(stage, quirks, is_empty, name="sms", good=DELIVERED, yes="code")
        self._account = account

    def sent(self, row: Accepted) -> bool:
        return "template_code" in row.words

    def report_item(self, row: Accepted, fate: Fate, newer: bool) -> Item:
        item = {
            "phone_number": row.to,
            "send_time": local(row.at),
            "report_time": local(fate.at),
            "success": fate.delivered,
            "err_code": fate.code,
            "err_msg": CARRIER_WORDS[fate.code],
            "sms_size": str(segments(row.words["text"])),
            "biz_id": row.provider_id,
        }
        if row.key or newer:  # who gave none finds an empty one in newer pushes
            item["out_id"] = row.key
        return item | ({"sign_name": row.words["sign"], "template_code": row.words["template_code"]} if newer else {})

    def reply_body(self, phone: str, text: str, answering: Accepted | None, number: int) -> list[Item]:
        sequence_id = number % 10**15
        item = {
            "phone_number": phone,
            "send_time": local(self._stage.now()),
            "content": text,
            "dest_code": f"{NUMBER_SEEN}{answering.words.get('extend_code', '') if answering else ''}",
            "sequence_id": sequence_id if self._dice.random() < 0.5 else str(sequence_id),
        }
        newer = self._dice.random() < 0.5
        return [item | ({"sign_name": answering.words["sign"]} if newer and answering else {})]

    def repeated(self, body: object) -> object:
        assert isinstance(body, list)
        return [item | {"sequence_id": other_type(item["sequence_id"])} for item in body]

    def refuse(self, phone: str, signs: Sequence[str] | None) -> None:
        self._account.blocked.update((sign, phone) for sign in (self._account.signs if signs is None else signs))


def other_type(sequence_id: int | str) -> int | str:
    """The older page has it as a number, the newer as a string."""
    return int(sequence_id) if isinstance(sequence_id, str) else str(sequence_id)
