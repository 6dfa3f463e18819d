"""WeCom towards our own people: the word that a customer answered, and the mass messages they are asked to confirm."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from bot.channels.wecom_api import Answer, WecomApi, result_of
from campaigns.terms import Reaction, SendResult

MOST_CUSTOMERS = 10_000
_TITLE, _DESCRIPTION, _TEXT, _LINK_TITLE = 128, 512, 4000, 128  # bytes
_PAGE = 500
_LISTED = 100
_PAGES = 100


async def notify(
    api: WecomApi,
    number: int,
    userid: str,
    title: str,
    description: str,
    url: str,
    *,
    button: str = "去处理",
    again: bool = False,
) -> SendResult:
    """A card to one person of ours. The answer may be 0 though this person cannot be reached: it says so elsewhere.

    `again`: the same card may go twice within half an hour.
    """
    card = {"title": cut(title, _TITLE), "description": cut(description, _DESCRIPTION), "url": url, "btntxt": button}
    answer = await api.call(
        "message/send",
        {
            "touser": userid,
            "msgtype": "textcard",
            "agentid": api.settings.agentid,
            "textcard": card,
            "enable_duplicate_check": int(not again),
        },
    )
    if answer.ok and userid.lower() in _listed(answer, "invaliduser"):
        return SendResult(number, Reaction.SUPPRESS, code="invaliduser", detail="no such person, or not in the app")
    if answer.ok and userid.lower() in _listed(answer, "unlicenseduser"):
        return SendResult(number, Reaction.SUPPRESS, code="unlicenseduser", detail="no licence for this person")
    return result_of(number, answer, provider_id=answer.text("msgid"))


def _listed(answer: Answer, name: str) -> set[str]:
    """WeCom writes userids in lower case there, with | between them."""
    return {one.strip().lower() for one in answer.text(name).split("|") if one.strip()}


def cut(text: str, most: int) -> str:
    """To so many bytes of UTF-8: over them WeCom cuts, or refuses."""
    whole = text.encode("utf-8", "replace")
    return text if len(whole) <= most else whole[: most - 3].decode("utf-8", "ignore") + "…"


# ---- mass messages --------------------------------------------------------------------------------------------------


class Fate(IntEnum):
    """What became of one customer's copy, as WeCom numbers it."""

    NOT_SENT = 0
    SENT = 1
    NO_FRIEND = 2
    OTHER_CAME_FIRST = 3


@dataclass(frozen=True, slots=True)
class Created:
    """The task stands in WeCom under `result.provider_id`, but for those it refused."""

    result: SendResult
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Copy:
    customer: str = field(repr=False)
    fate: Fate


@dataclass(frozen=True, slots=True)
class Looked:
    """`problem` None: all that WeCom knows of the task now. `confirmed`: a person has sent it."""

    copies: Sequence[Copy] = ()
    confirmed: bool = False
    problem: SendResult | None = None


async def create_task(
    api: WecomApi, number: int, sender: str, customers: Sequence[str], text: str, link: str = "", link_title: str = ""
) -> Created:
    """Ask `sender` to send these words to their customers. Nobody is written to before that person confirms."""
    if not text.strip() or len(text.encode()) > _TEXT or not 0 < len(customers) <= MOST_CUSTOMERS:
        return Created(SendResult(number, Reaction.DROP, code="task", detail="not made: words or customers"))
    body: dict[str, object] = {
        "chat_type": "single",
        "external_userid": list(customers),
        "sender": sender,
        "text": {"content": text},
    }
    if link:
        shown = cut(link_title or link, _LINK_TITLE)
        body["attachments"] = [{"msgtype": "link", "link": {"title": shown, "url": link}}]
    answer = await api.call("externalcontact/add_msg_template", body)
    refused = answer.fields.get("fail_list")
    named = {one for one in refused if isinstance(one, str)} if isinstance(refused, list) else set()
    return Created(result_of(number, answer, provider_id=answer.text("msgid")), frozenset(named))


async def look_at_task(api: WecomApi, msgid: str, sender: str) -> Looked:
    """What became of each copy, page by page."""
    copies: list[Copy] = []
    cursor = ""
    for _ in range(_PAGES):
        asked = {"msgid": msgid, "userid": sender, "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
        answer = await api.call("externalcontact/get_groupmsg_send_result", asked)
        if not answer.ok:
            return Looked(problem=result_of(0, answer))
        copies += [copy for item in answer.items("send_list") if (copy := _copy(item))]
        following = answer.text("next_cursor")
        if not following or following == cursor:
            break
        cursor = following
    return Looked(copies, confirmed=any(copy.fate is not Fate.NOT_SENT for copy in copies))


async def was_confirmed(api: WecomApi, msgid: str, sender: str) -> bool | SendResult:
    """Whether that person has sent the task; what stopped the question otherwise."""
    answer = await api.call("externalcontact/get_groupmsg_task", {"msgid": msgid, "limit": _PAGE})
    if not answer.ok:
        return result_of(0, answer)
    # 0: not yet, 2: sent; not the numbers of a copy
    theirs = [item for item in answer.items("task_list") if item.get("userid") == sender]
    return any(item.get("status") not in (0, None) for item in theirs)


async def cancel_task(api: WecomApi, msgid: str) -> SendResult:
    """What was confirmed before stands."""
    return result_of(0, await api.call("externalcontact/cancel_groupmsg_send", {"msgid": msgid}))


async def remind(api: WecomApi, msgid: str) -> SendResult:
    """At most three times in 24 hours."""
    return result_of(0, await api.call("externalcontact/remind_groupmsg_send", {"msgid": msgid}))


async def find_task(
    api: WecomApi, sender: str, text: str, since: datetime, until: datetime, known: Collection[str]
) -> str | SendResult:
    """The msgid of a task with these words for that person, whose answer was lost; "" where none was made."""
    asked = {
        "chat_type": "single", "start_time": int(since.timestamp()), "end_time": int(until.timestamp()),
        "filter_type": 2, "limit": _LISTED,
    }  # fmt: skip
    cursor = ""
    for _ in range(_PAGES):
        answer = await api.call(
            "externalcontact/get_groupmsg_list_v2", {**asked, **({"cursor": cursor} if cursor else {})}
        )
        if not answer.ok:
            return result_of(0, answer)
        for item in answer.items("group_msg_list"):
            msgid, words = item.get("msgid"), item.get("text")
            if (
                isinstance(msgid, str)
                and msgid not in known
                and isinstance(words, dict)
                and words.get("content") == text
            ):
                theirs = await _is_for(api, msgid, sender)
                if theirs is not False:
                    return msgid if theirs is True else theirs
        following = answer.text("next_cursor")
        if not following or following == cursor:
            break
        cursor = following
    return ""


async def _is_for(api: WecomApi, msgid: str, sender: str) -> bool | SendResult:
    answer = await api.call("externalcontact/get_groupmsg_task", {"msgid": msgid, "limit": _PAGE})
    if not answer.ok:
        return result_of(0, answer)
    return any(item.get("userid") == sender for item in answer.items("task_list"))


def _copy(item: Mapping[str, object]) -> Copy | None:
    customer, status = item.get("external_userid"), item.get("status")
    if not isinstance(customer, str) or not isinstance(status, int) or status not in list(Fate):
        return None
    return Copy(customer, Fate(status))
