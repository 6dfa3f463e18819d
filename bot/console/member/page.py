"""One member: everything about it on one page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.advice_words import act_words, stage_words, why_words
from bot.console.member.narrowing import lines_url, narrowing, only_of
from bot.console.member.postings import show_postings
from bot.console.member.reaching import ways_of
from bot.console.members.walking import walk_of
from bot.console.shell import day, not_found, staff_page, weekday
from bot.console.writing import Composer, composer_for
from bot.contact_words import influence_words, role_words
from bot.dossier import describe_page
from bot.language import say
from bot.runtime import Runtime
from bot.visit_words import conflict_line, kind_words, what_to_do
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.pages import masked
from campaigns import definitions, outbox, remarks, visit_calendar
from campaigns.audit import Action, read_audit
from campaigns.briefing.people import tree_of
from campaigns.caring import advise_member
from campaigns.custom_fields import Shown, labels_of
from campaigns.errors import InputError
from campaigns.members import find
from campaigns.members.overrides import Override, override_of
from campaigns.members.people import people_of
from campaigns.members.signs import held_parts
from campaigns.rights import Right
from campaigns.staff import StaffMember, list_staff
from campaigns.terms import SHANGHAI, ChannelName, Tier
from campaigns.touches import ALL_LINES

_LINES = 50  # of the timeline on one page
_PHONE = {"mobile": ChannelName.SMS, "email": ChannelName.EMAIL, "openid": ChannelName.WECHAT}


async def member(request: Request) -> Response:
    return await show(request)


async def numbers(request: Request) -> Response:
    """The page with phone numbers and addresses in full; who saw them is written down."""
    return await show(request, whole=True)


@dataclass(frozen=True, slots=True)
class Refused:
    """A form of this page that was sent and not taken: which, why, and what was typed."""

    form: str
    fault: str
    typed: Mapping[str, str]

    def kept(self, form: str, name: str, otherwise: object = "") -> object:
        return self.typed.get(name, otherwise) if form == self.form else otherwise


_NOTHING_REFUSED = Refused("", "", {})


async def show(request: Request, *, whole: bool = False, refused: Refused = _NOTHING_REFUSED) -> Response:
    runtime: Runtime = request.app.state.runtime
    visitor, now, skip, only = visitor_of(request), runtime.clock(), _skip(request), only_of(request.query_params)
    number = request.path_params["number"]
    try:
        found = await describe_page(runtime, number, limit=_LINES, skip=skip, only=only)
    except InputError:
        found = None
    if found is None or not visitor.staff.sees_owner(found["owner"]):
        return await not_found(request, here="members", what=say("没有编号是{number}的企业会员").format(number=number))
    await log(request, Action.NUMBERS_SEEN if whole else Action.MEMBER_SEEN, f"member/{found['no']}")
    contacts, blocks = found["contacts"], [one for one in found["suppressions"] if _in_force(one, now)]
    stops = [one for one in blocks if one["channel"] is None]
    left = {one["name"] for one in contacts if not one["active"]} - {one["name"] for one in contacts if one["active"]}
    done = refused.fault or request.query_params.get("done", "")
    waiting = await find.waiting_by_posting(found["id"])
    override = await override_of(found["id"])
    people = await people_of(found["id"])
    return await staff_page(
        request,
        "member/page.html",
        here="members",
        status_code=422 if refused.fault else 200,
        kept=refused.kept,
        member=found,
        attrs=await _attrs(found["attrs"]),
        path=_path(found["no"]),
        walk=await walk_of(request),
        tree=tree_of(people),
        role_of=role_words,
        influence_of=influence_words,
        ways=ways_of(found["reach"]),
        days=_days(found["timeline"]),
        newer=lines_url(found["no"], only, max(0, skip - _LINES)) if skip else "",
        older=lines_url(found["no"], only, skip + _LINES) if found["more"] else "",
        narrow=narrowing(found["no"], only, found["media"], [(key, await _title(key)) for key in found["keys"]]),
        narrowed=only != ALL_LINES,
        people={one["id"]: one["name"] or say("（没有名字）") for one in contacts},
        titles={key: await _title(key) for key in {row["campaign"] for row in found["timeline"]} if key},
        open_tasks=[one for one in found["visits"] if one["state"] == "open"],
        stops=[(one, _told(one["source"])) for one in stops],
        shut=[one for one in blocks if one["channel"] is not None],
        refused=any(one["reason"] == "refused" for one in stops),
        stopped=bool(stops),
        paused=bool(stops) and all(one["until"] and _told(one["source"])[0] for one in stops),
        queued=await outbox.count_queued_to(found["id"]),
        address=_whole if whole else masked,
        marked_left=await marked_left(found["no"]) if any(not one["active"] for one in contacts) else frozenset(),
        whole=whole,
        phones=_phones(contacts) if runtime.sandboxed and whole else {},
        idle_days=_idle_days(found, now),
        advice=[
            (act_words(one.act), why_words(one), one.campaign)
            for one in await advise_member(found["id"], now, policy=runtime.rulebook.policy)
        ],
        stage=stage_words(found["stage"]),
        posts=show_postings(found["posts"], waiting, left, await held_parts(), now, runtime.rulebook.policy.diagnosis),
        remarks=await remarks.remarks_of(found["id"]),
        care=await visit_calendar.care_of(found["id"], now.astimezone(SHANGHAI).date()),
        coming=await visit_calendar.entries_of(found["id"], now.astimezone(SHANGHAI).date()),
        lost=[
            (conflict_line(one.lost, one.won, one.figures), what_to_do(one.won))
            for one in await visit_calendar.conflicts_of(found["id"])
        ],
        kind_words=kind_words,
        composer=await _composer(request, found, whole=whole),
        colleagues=await colleagues(visitor.staff, found["owner"]) if visitor.may(Right.ASSIGN) else [],
        may_answer=visitor.may(Right.ANSWER),
        may_assign=visitor.may(Right.ASSIGN),
        may_plan=visitor.may(Right.PLAN),
        may_approve=visitor.may(Right.APPROVE),
        override=override,
        service=_service(runtime, Tier(found["tier"])),
        tiers=list(Tier),
        tier_until=_tier_until(override, now),
        may_see_numbers=visitor.may(Right.ADDRESSES),
        done=done,
        undo=await _undo(request, done, found),
    )


async def _attrs(held: Mapping[str, str]) -> list[tuple[str, str]]:
    """(what staff call it, value) of the site's own columns that this page shows."""
    labels = await labels_of(held, Shown.MEMBER)
    return sorted((label, held[name]) for name, label in labels.items())


async def _undo(request: Request, done: str, found: Mapping[str, Any]) -> dict[str, str] | None:
    """Of what was just done: the form that takes it back, its address and what it carries."""
    path, key = _path(found["no"]), request.query_params.get("id", "")
    if done == "paused":
        return {"action": f"{path}/resume", "name": "", "value": ""}
    if (
        done == "owner"
        and visitor_of(request).may(Right.ASSIGN)
        and (was := await owner_before(found["no"])) is not None
    ):
        return {"action": f"{path}/owner", "name": "owner", "value": was}
    if not (key.isascii() and key.isdigit() and len(key) < 10):
        return None
    actions = {"left": f"{path}/contacts/{key}/back", "note-gone": f"{path}/notes/{key}/back"}
    return {"action": actions[done], "name": "", "value": ""} if done in actions else None


async def owner_before(number: str) -> str | None:
    """Whose member it was before the last change made here; None where nobody changed it."""
    entries, _ = await read_audit(action=Action.OWNER_CHANGED, subject=f"member/{number}")
    return str(entries[0].detail.get("was", "")) if entries else None


async def marked_left(number: str) -> frozenset[int]:
    """Contacts a colleague marked as gone; who said himself that he is the wrong person is not among them."""
    entries, _ = await read_audit(action=Action.CONTACT_LEFT, subject=f"member/{number}")
    return frozenset(int(one.detail["contact"]) for one in entries if "contact" in one.detail)


async def colleagues(who: StaffMember, owner: str) -> list[str]:
    """Whom it can be given to: whoever answers, and whose members the giver goes on seeing."""
    everybody = [one.name for one in await list_staff() if one.active and one.may(Right.ANSWER)]
    return sorted({name for name in everybody if who.sees_owner(name)} - {owner})


async def _composer(request: Request, found: Mapping[str, Any], *, whole: bool) -> Composer | None:
    if not visitor_of(request).may(Right.ANSWER):
        return None
    return await composer_for(request, found["id"], back=_path(found["no"]), whole=whole)


def _skip(request: Request) -> int:
    asked = request.query_params.get("skip", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 0


def _path(number: str) -> str:
    return f"/members/{quote(number, safe='')}"


def _told(source: str) -> tuple[str, str]:
    """(who on the staff, why) of a stop or a pause: `staff:林晓芸:国庆前不打扰`."""
    head, _, told = source.partition(":")
    who, _, why = told.partition(":")
    return (who, why) if head == "staff" else ("", "")


def _days(timeline: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
    """(day, weekday, touches) newest first, in Asia/Shanghai."""
    return ((day(on), weekday(on), list(rows)) for on, rows in groupby(timeline, key=_shanghai_day))


def _shanghai_day(row: Mapping[str, Any]) -> date:
    at: datetime = row["at"]
    return at.astimezone(SHANGHAI).date()


def _phones(contacts: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Contact id → the page that shows this person's WeChat, SMS and mail in the sandbox."""
    asked = {
        one["id"]: {str(channel): one[field] for field, channel in _PHONE.items() if one[field]} for one in contacts
    }
    return {key: f"/phone?{urlencode(addresses)}" for key, addresses in asked.items() if addresses}


def _whole(address: str | None) -> str:
    return address or ""


def _in_force(block: Mapping[str, Any], now: datetime) -> bool:
    return block["lifted_at"] is None and (block["until"] is None or block["until"] > now)


def _idle_days(found: Mapping[str, Any], now: datetime) -> int | None:
    since: datetime | None = found["last_login_at"] or found["registered_at"]
    return (now - since).days if since else None


def _tier_until(override: Override | None, now: datetime) -> str:
    """The last day a form begins with: a quarter from now."""
    until = override.until if override else (now + timedelta(days=90)).astimezone(SHANGHAI).date()
    return until.isoformat()


def _service(runtime: Runtime, tier: Tier) -> dict[str, Any]:
    """What a member of this tier is owed."""
    policy = runtime.rulebook.policy
    level = policy.service[tier]
    return {
        "caller": str(level.caller),
        "every": level.every_days,
        "messages": policy.company_touches[tier],
        "window": policy.company_window.days,
    }


async def _title(key: str) -> str:
    found = await definitions.find_campaign(key)
    return found.definition.title if found else key


routes = [
    StaffRoute("/members/{number:path}/numbers", numbers, right=Right.ADDRESSES, methods=["POST"]),
    StaffRoute("/members/{number:path}", member, right=Right.SEE),  # a site may write its numbers with a slash
]
