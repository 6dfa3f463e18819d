"""What may be asked of Tencent Cloud SMS after sending: receipts and replies to pull, one number's, counts by hours."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.sms_carrier import segments
from bot.sandbox.stage import Stage
from bot.sandbox.tencent_account import Account, mobile_of, refusal
from bot.sandbox.tencent_calls import Call
from bot.sandbox.tencent_carrier import Carrier
from bot.sandbox.tencent_signature import Refused
from campaigns.terms import SHANGHAI

MOST_PULLED = 100
REMEMBERED = timedelta(days=7)  # by number


class Enquiries:
    """`asked` is kept by who sends: when a SendSms came and how many numbers it named."""

    def __init__(self, stage: Stage, account: Account, carrier: Carrier) -> None:
        self.asked: list[tuple[datetime, int]] = []
        self._stage, self._account, self._carrier = stage, account, carrier

    def answer(self, call: Call) -> dict[str, Any]:
        """What stands in Response. Raises Refused."""
        given = call.given
        self._account.check_app(given)
        match call.action:
            case "PullSmsSendStatus":
                return {"PullSmsSendStatusSet": self._carrier.pull_statuses(self._pull_limit(given))}
            case "PullSmsReplyStatus":
                return {"PullSmsReplyStatusSet": self._carrier.pull_replies(self._pull_limit(given))}
            case "PullSmsSendStatusByPhoneNumber":
                return {"PullSmsSendStatusSet": self._statuses_of_number(given)}
            case "PullSmsReplyStatusByPhoneNumber":
                return {"PullSmsReplyStatusSet": self._replies_of_number(given)}
            case _:
                return {"SendStatusStatistics": self._statistics(given)}

    def _pull_limit(self, given: Mapping[str, Any]) -> int:
        if not self._carrier.pull_enabled:
            raise refusal("UnauthorizedOperation.RequestPermissionDeny")
        return _limit(given)

    def _statuses_of_number(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Of what was sent in the time asked for: only what the carrier has spoken of by now."""
        phone, begin, end = self._question(given)
        rows = [row for row in self._carrier.rows_of(phone) if begin <= row.at.replace(microsecond=0) <= end]
        known = [row for row in rows if self._carrier.fate_of(row).at <= self._stage.now()]
        return [self._carrier.status_of(row) for row in known[: _limit(given)]]

    def _replies_of_number(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        phone, begin, end = self._question(given)
        replies = self._carrier.replies_of(phone)
        return [one for one in replies if begin.timestamp() <= one["ReplyTime"] <= end.timestamp()][: _limit(given)]

    def _question(self, given: Mapping[str, Any]) -> tuple[str, datetime, datetime]:
        now = self._stage.now()
        begin = _moment(given["BeginTime"], "InvalidParameterValue.BeginTimeVerifyFail")
        end = _moment(given["EndTime"], "InvalidParameterValue.EndTimeVerifyFail") if given.get("EndTime") else now
        if begin < now - REMEMBERED:
            raise Refused("InvalidParameterValue.BeginTimeVerifyFail", "BeginTime is more than 7 days ago.")
        if end < begin:
            raise Refused("InvalidParameterValue.EndTimeVerifyFail", "EndTime is before BeginTime.")
        _check_zero("Offset", given)
        return mobile_of(given["PhoneNumber"]), begin, end

    def _statistics(self, given: Mapping[str, Any]) -> dict[str, int]:
        """By hours of Shanghai, the last one whole."""
        begin = _hour(given["BeginTime"], "InvalidParameterValue.BeginTimeVerifyFail")
        end = _hour(given["EndTime"], "InvalidParameterValue.EndTimeVerifyFail") + timedelta(hours=1)
        if end <= begin:
            raise Refused("InvalidParameterValue.EndTimeVerifyFail", "EndTime is before BeginTime.")
        _check_zero("Limit", given)
        _check_zero("Offset", given)
        rows = [row for row in self._carrier.rows() if begin <= row.at < end]
        return {
            "FeeCount": sum(segments(row.words["text"]) for row in rows),
            "RequestCount": sum(count for at, count in self.asked if begin <= at < end),
            "RequestSuccessCount": len(rows),
        }


def _limit(given: Mapping[str, Any]) -> int:
    limit: int = given["Limit"]
    if not 1 <= limit <= MOST_PULLED:
        raise Refused("InvalidParameterValue.LimitVerifyFail", f"Limit must be 1 to {MOST_PULLED}.")
    return limit


def _check_zero(name: str, given: Mapping[str, Any]) -> None:
    if given[name] != 0:
        raise Refused(f"InvalidParameterValue.{name}VerifyFail", f"{name} must be 0.")


def _moment(seconds: int, code: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused(code, "Not a UNIX time in seconds.") from error


def _hour(value: str, code: str) -> datetime:
    try:
        moment = datetime.strptime(value, "%Y%m%d%H").replace(tzinfo=SHANGHAI)
    except ValueError:
        moment = None
    if moment is None or not re.fullmatch(r"\d{10}", value, re.ASCII):
        raise Refused(code, "Not an hour as yyyymmddhh.")
    return moment
