"""The carriers behind Tencent Cloud SMS, in the formats of its callbacks, and what waits there to be pulled."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from bot.sandbox.pushing import local
from bot.sandbox.sms_carrier import EMPTY_NUMBER, Fate, Item, Quirks, SmsCarrier
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.tencent_account import Account
from campaigns.terms import ChannelName

DELIVERED = "DELIVRD"
DESCRIPTIONS = {
    DELIVERED: "用户短信送达成功",
    EMPTY_NUMBER: "空号",
    "MK:0005": "停机",
    "MK:0010": "关机",
    "MK:0023": "不在服务区",
    "EXPIRED": "短信超过有效期",
    "UNDELIV": "短信无法送达",
}


class Carrier(SmsCarrier):
    """What comes in is pushed, and waits until it is pulled as well: a client may do either or both."""

    def __init__(
        self, stage: Stage, account: Account, quirks: Quirks, is_empty: Callable[[str], bool] | None = None
    ) -> None:
        super().__init__(stage, quirks, is_empty, name="tencent sms", good=DELIVERED, yes="result")
        self.pull_enabled = True  # False: nothing but one number's can be pulled
        self._account = account
        self._statuses = deque[Accepted]()
        self._replies = deque[dict[str, Any]]()

    def sent(self, row: Accepted) -> bool:
        return "template_id" in row.words

    def report_item(self, row: Accepted, fate: Fate, newer: bool) -> Item:
        item = {
            "user_receive_time": local(fate.at),
            "nationcode": "86",
            "mobile": row.to,
            "report_status": "SUCCESS" if fate.delivered else "FAIL",
            "errmsg": fate.code,
            "description": DESCRIPTIONS[fate.code],
            "sid": row.provider_id,
        }
        return item | ({"ext": row.key} if newer else {})

    def reply_body(self, phone: str, text: str, answering: Accepted | None, number: int) -> Item:
        """No id: two of them differ by number, second and words, or not at all."""
        words = answering.words if answering else {}
        body = {
            "extend": words.get("extend_code", ""),
            "mobile": phone,
            "nationcode": "86",
            "sign": words.get("sign", ""),
            "text": text,
            "time": int(self._stage.now().timestamp()),
        }
        self._replies.append(body)
        return body

    def refuse(self, phone: str, signs: Sequence[str] | None) -> None:
        self._account.blocked.update((sign, phone) for sign in (self._account.signs if signs is None else signs))

    async def push_reports(self, rows: Sequence[Accepted]) -> None:
        self._statuses.extend(rows)
        await super().push_reports(rows)

    def rows(self) -> list[Accepted]:
        """Everything that went out here, oldest first."""
        return [row for row in self._stage.ledger.rows(ChannelName.SMS) if self.sent(row)]

    def rows_of(self, phone: str) -> list[Accepted]:
        return [row for row in self._stage.ledger.sent_to(ChannelName.SMS, phone) if self.sent(row)]

    def pull_statuses(self, limit: int) -> list[Item]:
        """The oldest, once each: what is read here is gone."""
        return [self.status_of(self._statuses.popleft()) for _ in range(min(limit, len(self._statuses)))]

    def pull_replies(self, limit: int) -> list[Item]:
        return [_as_pulled(self._replies.popleft()) for _ in range(min(limit, len(self._replies)))]

    def status_of(self, row: Accepted) -> Item:
        fate = self.fate_of(row)
        return {
            "UserReceiveTime": int(fate.at.timestamp()),
            "CountryCode": "86",
            "SubscriberNumber": row.to,
            "PhoneNumber": f"+86{row.to}",
            "SerialNo": row.provider_id,
            "ReportStatus": "SUCCESS" if fate.delivered else "FAIL",
            "Description": fate.code,
            "SessionContext": row.key,
        }

    def replies_of(self, phone: str) -> list[Item]:
        """Those of one number, whether pulled or not, oldest first."""
        said = (delivery.body for delivery in self._said.values())
        return [_as_pulled(body) for body in said if isinstance(body, dict) and body["mobile"] == phone]


def _as_pulled(body: dict[str, Any]) -> Item:
    return {
        "ExtendCode": body["extend"],
        "CountryCode": body["nationcode"],
        "PhoneNumber": f"+86{body['mobile']}",
        "SignName": body["sign"],
        "ReplyContent": body["text"],
        "ReplyTime": body["time"],
        "SubscriberNumber": body["mobile"],
    }
