"""What a contact is to us, in the reader's words."""

from collections.abc import Iterable

from bot.language import say
from campaigns.briefing.people import Person, deciders
from campaigns.terms import ContactRole

CONTACT_ROLES: dict[str, str] = {
    ContactRole.DECIDES: "拍板人",
    ContactRole.PAYS: "付款人",
    ContactRole.ADVISES: "参谋",
    ContactRole.USES: "使用人",
    ContactRole.GATEKEEPER: "把关人",
}
INFLUENCES = {1: "影响小", 2: "影响中等", 3: "影响大"}


def role_words(person: Person) -> str:
    """Where nobody wrote it down and the title makes it likely: 可能是拍板人."""
    if person.role is None:
        return ""
    role = say(CONTACT_ROLES[person.role])
    return say("可能是{role}").format(role=role) if person.guessed else role


def influence_words(influence: int | None) -> str:
    return say(INFLUENCES[influence]) if influence in INFLUENCES else ""


def decider_words(people: Iterable[Person]) -> str:
    """Who decides, or that nobody knows."""
    found = deciders(people)
    names = say("、").join(one.name or say("（没有名字）") for one in found)
    if not names:
        return say("还不知道谁拍板，下次问清楚")
    if found[0].guessed:
        return say("按职务看可能是{names}拍板，问一句再记下").format(names=names)
    return say("{names}拍板").format(names=names)
