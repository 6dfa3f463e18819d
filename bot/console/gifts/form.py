"""What a form of gifts says: a number where one belongs, and beside the field what is wrong with it."""

import re
from collections.abc import Mapping

from bot.language import say
from campaigns.gifting import Wish
from campaigns.gifts import Manner
from campaigns.terms import Tier

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_SPLIT = re.compile(r"[,，、;；\s]+")
_LONGEST_RULE = 4000

Typed = Mapping[str, str]


def read_wish(form: Typed) -> tuple[Wish | None, dict[str, str]]:
    """The wish, or what is wrong by field."""
    faults: dict[str, str] = {}
    budget = read_number(form, "budget", faults)
    levels = {tier: read_number(form, f"level.{tier.name}", faults) for tier in Tier}
    manners = {tier: _manner(form.get(f"manner.{tier.name}", "")) for tier in Tier}
    if not form.get("rule", "").strip():
        faults["rule"] = say("写一条规则；all是所有会员")
    if faults:
        return None, faults
    rule = form["rule"].strip()[:_LONGEST_RULE]
    return Wish(form.get("festival", "").strip()[:32], rule, budget, levels, manners), faults


def typed_of(wish: Wish) -> dict[str, str]:
    """What the fields of a form hold for it."""
    levels = {f"level.{tier.name}": str(wish.levels.get(tier, 0)) for tier in Tier}
    manners = {f"manner.{tier.name}": str(wish.manners.get(tier, Manner.MESSAGE)) for tier in Tier}
    return {"festival": wish.festival, "rule": wish.rule, "budget": str(wish.budget), **levels, **manners}


def read_number(form: Typed, name: str, faults: dict[str, str]) -> int:
    text = form.get(name, "").strip().replace(",", "")
    if not _NUMBER.fullmatch(text):
        faults[name] = say("写一个整数，没有就写0")
        return 0
    return int(text)


def read_words(text: str) -> list[str]:
    return [one for one in _SPLIT.split(text[:400]) if one]


def _manner(text: str) -> Manner:
    return Manner(text) if text in list(Manner) else Manner.MESSAGE
