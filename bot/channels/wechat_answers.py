"""What WeChat's answer means for one message."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from bot.channels.restraint import NO_CONNECTION
from bot.channels.wechat_api import Answer, said
from bot.channels.wechat_codes import DUPLICATE, TOKEN_CODES, read_errcode, read_token_errcode
from bot.channels.wechat_token import TokenUnavailable
from campaigns.terms import Outbound, Reaction, SendResult

log = logging.getLogger(__name__)


def result_of(outbound: Outbound, answer: Answer, repeated: bool = False) -> SendResult:
    if answer.errcode is None:
        if answer.too_many:
            return SendResult(outbound.id, Reaction.SLOW, code="http 429", detail=answer.why, retry_after=answer.wait)
        if answer.left:
            return SendResult(outbound.id, Reaction.UNKNOWN, code="no answer", detail=answer.why)
        return SendResult(outbound.id, Reaction.RETRY, code=NO_CONNECTION, detail=answer.why)
    name = sent_as(answer.fields)
    if answer.errcode == 0:
        return SendResult(outbound.id, provider_id=name, code="0")
    reaction, retry_after = read_reaction(answer.errcode, repeated)
    return SendResult(
        outbound.id,
        reaction,
        provider_id=name if reaction is Reaction.OK_DUP else "",
        code=str(answer.errcode),
        detail=said(answer, outbound.address),
        retry_after=retry_after,
    )


def read_reaction(errcode: int, repeated: bool) -> tuple[Reaction, timedelta | None]:
    if errcode in TOKEN_CODES:  # a new token did not mend it
        return Reaction.PAUSE_CHANNEL, None
    if errcode == DUPLICATE and repeated:
        return Reaction.OK_DUP, None
    meaning = read_errcode(errcode)
    if meaning is None:
        log.warning("WeChat errcode %d is in no table", errcode)
        return Reaction.DROP, None
    return meaning.reaction, meaning.retry_after


def sent_as(fields: Mapping[str, object]) -> str:
    value = fields.get("msgid", fields.get("msg_id", ""))
    return str(value)[:64] if isinstance(value, int | str) and not isinstance(value, bool) else ""


def without_token(outbound: Outbound, problem: TokenUnavailable) -> SendResult:
    """Refused for its token, so it is not delivered; and there was no new one."""
    if problem.code is None:
        return SendResult(outbound.id, Reaction.SLOW, code="no token", detail=str(problem)[:120])
    meaning = read_token_errcode(problem.code)
    return SendResult(
        outbound.id,
        meaning.reaction,
        code=str(problem.code),
        detail=str(problem)[:120],
        retry_after=meaning.retry_after,
    )
