"""By which channels each contact can be reached now, as a mark and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.language import say
from bot.wording import channel_words, reach_left, refusal_words
from campaigns.terms import ChannelName, Reason

CAN, LATER, SHUT, NONE = "can", "later", "shut", "none"
_MARKS = (CAN, LATER, SHUT, NONE)
_ORDER = (ChannelName.WECHAT, ChannelName.WECOM, ChannelName.SMS, ChannelName.EMAIL)
_COMPANY = (Reason.REFUSED, Reason.PAUSED)  # told at the head of the page, of everybody
_LATER = (
    Reason.PAUSED,
    Reason.NO_WINDOW,
    Reason.NO_CREDIT,
    Reason.MONTH_QUOTA,
    Reason.OUTSIDE_HOURS,
    Reason.FREQUENCY_CAP,
    Reason.TEMPLATE_NOT_APPROVED,
)


@dataclass(frozen=True, slots=True)
class Way:
    """`mark`: it can go now, not now but another time, not till somebody mends it, there is no address.

    `wrong`: what is the matter with this very address, in words; empty where nothing is.
    """

    channel: str
    mark: str
    said: str
    wrong: str = ""


def ways_of(reach: Sequence[Mapping[str, Any]]) -> dict[int, list[Way]]:
    """Contact id → a way for each channel, in the order of the page. Who left has none."""
    ways: dict[int, list[Way]] = {}
    for one in sorted(reach, key=lambda one: _ORDER.index(one["channel"])):
        ways.setdefault(one["contact_id"], []).append(_way(one))
    return ways


def best_ways(reach: Sequence[Mapping[str, Any]]) -> list[Way]:
    """By each channel the contact who is reached best. WeCom is told of only where somebody is known to have it."""
    best: dict[str, Way] = {}
    unknown = (*_COMPANY, Reason.NO_ADDRESS)
    told = [one for one in reach if one["channel"] != ChannelName.WECOM or one["service"] not in unknown]
    for way in map(_way, sorted(told, key=lambda one: _ORDER.index(one["channel"]))):
        if way.channel not in best or _MARKS.index(way.mark) < _MARKS.index(best[way.channel].mark):
            best[way.channel] = way
    return list(best.values())


def _way(one: Mapping[str, Any]) -> Way:
    channel, mark, why = channel_words(one["channel"]), _mark(one), one["service"]
    said = say("，").join(part for part in (_said(one, channel), reach_left(one)) if part)
    wrong = say("{what}：{why}").format(what=channel, why=refusal_words(why)) if mark == SHUT else ""
    return Way(str(one["channel"]), mark, said, "" if why in _COMPANY else wrong)


def _mark(one: Mapping[str, Any]) -> str:
    if one["service"] is None or one["marketing"] is None:
        return CAN
    if one["service"] == Reason.NO_ADDRESS:
        return NONE
    return LATER if one["service"] in _LATER else SHUT


def _said(one: Mapping[str, Any], channel: str) -> str:
    service, marketing = one["service"], one["marketing"]
    if service is None and marketing is None:
        return say("{channel}：能发").format(channel=channel)
    if service is None:
        return say("{channel}：服务能发，营销不能（{why}）").format(channel=channel, why=refusal_words(marketing))
    if marketing is None:
        return say("{channel}：营销能发，服务不能（{why}）").format(channel=channel, why=refusal_words(service))
    return say("{channel}：现在发不了（{why}）").format(channel=channel, why=refusal_words(service))
