"""What WeChat's API says when it says no: the words of each errcode, and a call that is refused."""

from collections.abc import Mapping
from typing import Any

# Whatever the account may be answered; the words are nothing to compare with, the real ones change.
ERRORS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40015: "invalid button type",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40022: "invalid sub button level",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40035: "invalid parameter",
    40036: "invalid template_id size",
    40037: "invalid template_id",
    40052: "invalid action name",
    40053: "invalid action info",
    40054: "invalid sub button url domain",
    40055: "invalid button url domain",
    40059: "invalid msg id",
    40066: "invalid url",
    40125: "invalid appsecret",
    40130: "invalid openid list size, at least two openid",
    40132: "invalid username",
    40164: "invalid ip",
    40200: "invalid account type",
    40241: "the same message was sent within 60 seconds",
    41001: "access_token missing",
    41002: "appid missing",
    41003: "refresh_token missing",
    41004: "appsecret missing",
    41030: "invalid page",
    42001: "access_token expired",
    42007: "access_token invalid, the user changed the password",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "user is in the blacklist",
    43101: "user refuse to accept the msg",
    43102: "invalid template type",
    43104: "appid does not match the openid",
    43106: "adding templates is forbidden",
    43107: "the ability to send is banned",
    43108: "concurrent sending to the same user",
    43116: "this template is banned",
    43117: "too frequent to this user",
    44001: "empty media data",
    44002: "empty post data",
    44003: "empty news data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45005: "url size out of limit",
    45007: "playtime out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45026: "template num exceeds limit",
    45027: "template conflict with industry",
    45028: "has no masssend quota",
    45035: "access clientip is not registered",
    45047: "out of response count limit",
    45065: "clientmsgid exist",
    45066: "same clientmsgid retry too fast",
    45067: "clientmsgid size out of limit",
    45159: "invalid tag id",
    45168: "the content holds sensitive words",
    46003: "menu no exist",
    46004: "user no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48002: "user block receiving message",
    48003: "not agree mass-send protocol",
    48004: "api forbidden for irregularities",
    48006: "forbid to clear quota because of reaching the limit",
    48008: "no permission for this msgtype",
    50001: "user unauthorized",
    50002: "user limited",
    61004: "access clientip is not registered",
    61452: "invalid kf_account",
    70000: "the user is protected as a minor",
    87014: "risky content",
}


class Refused(Exception):
    """A call that is answered with an errcode; `detail` goes into errmsg (the field of 47003, the IP of 40164).

    `more` stands beside errcode and errmsg in the answer.
    """

    def __init__(self, errcode: int, detail: str = "", more: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{errcode} {detail}")
        self.errcode, self.detail, self.more = errcode, detail, dict(more or {})

    @property
    def errmsg(self) -> str:
        return f"{ERRORS[self.errcode]} {self.detail}".strip()


def refuse_by(errcode: int) -> None:
    """0 is no refusal."""
    if errcode:
        raise Refused(errcode)
