"""What the pages of gifts say: states, manners, why a gift, what a better one lost to."""

from collections.abc import Mapping

from bot.language import say
from campaigns.gifts import Manner, Obstacle, Why
from campaigns.gifts.values import APPROVED, CLOSED, DRAFT, DROPPED, HANDED, PLANNED, REFUSED

_PLANS = {DRAFT: "草稿", APPROVED: "已批准", CLOSED: "结束了"}
_LINES = {PLANNED: "要送", HANDED: "送到了", REFUSED: "没有收", DROPPED: "不送"}
_MANNERS = {Manner.VISIT: "上门", Manner.CALL: "电话", Manner.MESSAGE: "消息问候"}
_WHY = {Why.TASTE: "合口味", Why.NEW: "没送过", Why.AGAIN: "送过，满两年了", Why.HOUSE: "第一次上门，带见面礼"}
_OBSTACLES = {
    Obstacle.LEVEL: "这一级没有合适价位的礼品",
    Obstacle.BUDGET: "预算",
    Obstacle.STOCK: "库存",
    Obstacle.HISTORY: "两年里都送过",
    Obstacle.TASTE: "剩下的他们不收",
    Obstacle.HIGHER: "不能高过上一级",
    Obstacle.MANNER: "只发问候消息",
}


def plan_words(state: str) -> str:
    return say(_PLANS[state])


def line_words(state: str) -> str:
    return say(_LINES[state])


def manner_words(manner: str) -> str:
    return say(_MANNERS[Manner(manner)])


def why_words(why: str) -> str:
    return say(_WHY[Why(why)])


def obstacle_words(obstacle: str) -> str:
    return say(_OBSTACLES[Obstacle(obstacle)])


def manners() -> Mapping[str, str]:
    return {str(key): say(words) for key, words in _MANNERS.items()}
