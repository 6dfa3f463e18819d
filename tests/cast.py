"""The named cast of the tests, and the little stage they stand on: campaigns of a few lines, messages, answers.

大同机械 recruits and looks in daily. 晋北餐饮 forgot its account and has 12 unread. 云冈物流 wants no SMS.
新平装饰 renews in 9 days. `crowd` makes as many more of 晋北餐饮's kind as a test wants.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns import definitions, outbox, planner, statements, touches
from campaigns.calendar import WorkCalendar
from campaigns.definitions import CampaignRow
from campaigns.folders import load_site
from campaigns.members import consent
from campaigns.models import ActivityRun, Application, Contact, Event, Member, Message, Posting
from campaigns.outbox import Batch, Claim, Claimed, Sending, Settlement
from campaigns.planner import Checked, Rulebook, start_campaign
from campaigns.policy_file import load_policy
from campaigns.terms import SHANGHAI, ChannelName, DeliveryState, Receipt, Reply
from campaigns.visits import open_visit

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=SHANGHAI)  # a Monday that is a workday
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

_BLOCKS = ("154", "160", "161", "163", "164", "168", "169", "179")


@dataclass(frozen=True, slots=True)
class Player:
    """A member with its one contact."""

    member_id: int
    contact_id: int
    no: str
    mobile: str
    email: str
    openid: str


async def datong() -> Player:
    """大同机械: 优质, active."""
    player = await _player(
        1, "大同机械有限公司", person="张晓燕", trade="机械制造", tier="优质", last_login_at=NOW - timedelta(hours=20),
        login_count=240, plan="包年", plan_expires_on=NOW.date() + timedelta(days=200), owner="程雪",
    )  # fmt: skip
    await add_unread(player, 2)
    return player


async def jinbei() -> Player:
    """晋北餐饮: forgot the account, 12 unread."""
    player = await _player(
        2, "晋北餐饮管理有限公司", person="高建国", trade="餐饮酒店", last_login_at=_ago(200), login_count=3
    )
    await add_unread(player, 12)
    return player


async def yungang() -> Player:
    """云冈物流: opted out of SMS."""
    player = await _player(3, "云冈物流有限公司", person="魏倩", trade="物流仓储", last_login_at=_ago(120))
    await consent.suppress_address(
        ChannelName.SMS, player.mobile, at=NOW - timedelta(days=9), reason="preference", source="link:0"
    )
    return player


async def xinping() -> Player:
    """新平装饰: renewal in 9 days."""
    return await _player(
        4, "新平装饰工程有限公司", person="蒋永红", trade="装饰装修", last_login_at=_ago(30), plan="包季",
        plan_expires_on=NOW.date() + timedelta(days=9), owner="石磊",
    )  # fmt: skip


async def crowd(size: int, *, unread: int = 0, first: int = 1001) -> list[int]:
    """Members `first` and on who have not looked in for 200 days, each with a consenting contact. Returns their ids."""
    since = NOW - timedelta(days=200)
    numbers = range(first, first + size)
    await Member.bulk_create(
        [
            Member(no=f"Y{n}", name=f"第{n}商行", registered_at=since, last_login_at=since, idle_since=since)
            for n in numbers
        ]
    )
    members = dict(await Member.filter(no__startswith="Y").values_list("no", "id"))
    ids = [members[f"Y{n}"] for n in numbers]
    await Contact.bulk_create(
        [
            Contact(
                no=f"C{n}", member_id=members[f"Y{n}"], name="店长", mobile=_mobile(n), email=_email(n),
                is_primary=True, consent=True,
            )
            for n in numbers
        ]
    )  # fmt: skip
    if unread:
        await _unread_for(ids, unread)
    return ids


async def add_member(no: str, **columns: Any) -> int:
    """A member without a contact, the way a test wants it."""
    return int((await Member.create(**{"no": no, "name": f"{no}商行", **columns})).id)


async def add_contact(member_id: int, number: int, **columns: Any) -> int:
    given = {"name": "经理", "mobile": _mobile(number), "email": _email(number), "consent": True, **columns}
    return int((await Contact.create(no=f"C{number}", member_id=member_id, **given)).id)


async def add_unread(player: Player, count: int) -> None:
    await _unread_for([player.member_id], count)


# ---- campaigns ----------------------------------------------------------------------------------------------------


def rulebook() -> Rulebook:
    """What the product goes by, with a hold-out secret that is always the same."""
    return Rulebook(
        policy=load_policy(TEMPLATES / "policy.toml"),
        calendar=WorkCalendar(),
        holdout_secret=b"tests",
        site=load_site(TEMPLATES),
    )


async def approve_tiny(folder: Path, key: str = "tiny", *, schedule: str = "", **definition: Any) -> CampaignRow:
    """A service campaign to all by SMS and mail, unless the definition says otherwise, with a shipped one's words."""
    write_tiny(folder, key, schedule=schedule, **definition)
    return await definitions.approve(await definitions.load_campaign(folder, key), by="tests", now=NOW)


def write_tiny(folder: Path, key: str = "tiny", *, schedule: str = "", **definition: Any) -> None:
    given = {"title": "小活动", "class": "service", "channels": ["sms", "email"], **definition}
    words = "forgotten_account" if given["class"] == "marketing" else "unread_resumes"
    unused = [f"{name}.*" for name in ChannelName if name not in given["channels"]]
    shutil.copytree(TEMPLATES / words, folder / key, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*unused))
    shutil.copytree(TEMPLATES / "_shared", folder / "_shared", dirs_exist_ok=True)
    lines = [f"{name} = {_toml(value)}" for name, value in given.items()]
    text = "\n".join([*lines, "[schedule]", schedule or _EVERY_DAY])
    (folder / key / "campaign.toml").write_text(text, encoding="utf-8")


async def run_tiny(folder: Path, key: str = "tiny", **definition: Any) -> int:
    """Approve, start and plan it at NOW. Returns the occurrence."""
    await approve_tiny(folder, key, **definition)
    occurrence_id = await start_campaign(key, NOW, rulebook())
    assert occurrence_id is not None
    return occurrence_id


async def answer_automatically() -> None:
    """Let the shipped campaign of answers run."""
    folder = await definitions.load_campaign(TEMPLATES, "auto_replies")
    await definitions.approve(folder, by="tests", now=NOW)
    await definitions.start("auto_replies", now=NOW)


# ---- messages -----------------------------------------------------------------------------------------------------


def message_row(occurrence_id: int, player: Player, **columns: Any) -> dict[str, Any]:
    return {
        "occurrence_id": occurrence_id,
        "member_id": player.member_id,
        "contact_id": player.contact_id,
        "message_class": "service",
        "channel": "sms",
        "address": player.mobile,
        "state": "queued",
        "reason": "",
        "not_before": NOW,
        **columns,
    }


async def claim(
    occurrence_id: int, channel: ChannelName = ChannelName.SMS, limit: int = 2000, lease: timedelta = outbox.LEASE
) -> Claim:
    """Claim what is due of it."""
    return await outbox.claim(Batch(occurrence_id, channel), now=NOW, limit=limit, lease=lease) or Claim(0, [])


async def depart(held: Claim, lease: timedelta = outbox.LEASE) -> frozenset[int]:
    """Put what is claimed on the wire. Returns the ids that may go."""
    departing = [Sending(one.id, {}) for one in held.messages]
    return (await outbox.exchange(held, [], departing, now=NOW, lease=lease)).marked


async def put_on_the_wire(occurrence_id: int, channel: ChannelName = ChannelName.SMS) -> Claim:
    """Claim what is due of it and mark it sending."""
    held = await claim(occurrence_id, channel)
    assert await depart(held) == {one.id for one in held.messages}
    return held


async def settle(held: Claim, *rows: Settlement) -> frozenset[int]:
    return (await outbox.exchange(held, rows, [], now=NOW)).settled


async def settle_sent(held: Claim, provider_id: str = "") -> None:
    """The provider took them all over."""
    rows = [
        Settlement(
            one.id, DeliveryState.SENT, provider_id=provider_id, sent_at=NOW, settled_at=NOW, touch=not one.uncertain
        )
        for one in held.messages
    ]  # fmt: skip
    assert len(await settle(held, *rows)) == len(rows)


async def recheck(claimed: Sequence[Claimed], now: datetime = NOW) -> list[Checked]:
    """The last word on these, all of one occurrence."""
    run = planner.stored_run(await outbox.read_occurrence(claimed[0].occurrence_id))
    return await planner.recheck(run, claimed, now, rulebook())


async def send_one(folder: Path, player: Player, key: str = "tiny") -> int:
    """A tiny service SMS that was sent to this player. Returns its message."""
    campaign = await definitions.find_campaign(key) or await approve_tiny(folder, key)
    await definitions.start(key, now=NOW)
    occurrence_id = await outbox.add_occurrence(
        campaign.id, campaign.version_id, f"to-{player.no}", NOW, useless_at=None
    )
    await outbox.enqueue([message_row(occurrence_id, player)])
    await outbox.close_planning(occurrence_id, NOW)
    held = await put_on_the_wire(occurrence_id)
    await settle_sent(held)
    await outbox.release(held)
    return held.messages[0].id


async def states(occurrence_id: int) -> dict[str, int]:
    """state[:reason] → messages of an occurrence."""
    rows = await statements.query(
        "SELECT state, reason, count(*) AS n FROM messages WHERE occurrence_id = $1 GROUP BY state, reason",
        occurrence_id,
    )
    return {f"{row['state']}:{row['reason']}".rstrip(":"): row["n"] for row in rows}


async def state_of(message_id: int) -> str:
    return str((await Message.get(id=message_id)).state)


def sms_reply(player: Player, text: str, event_id: str = "up-1", **fields: Any) -> Reply:
    return Reply(event_id, ChannelName.SMS, fields.pop("at", NOW + timedelta(hours=1)), player.mobile, text, **fields)


def receipt(event_id: str, *, delivered: bool = True, minutes: float = 1, **fields: Any) -> Receipt:
    channel = fields.pop("channel", ChannelName.SMS)
    return Receipt(event_id, channel, NOW + timedelta(minutes=minutes), delivered, **fields)


async def tell_story(folder: Path) -> None:
    """A little of everything in the tables, parents and children."""
    for player in (await datong(), await jinbei(), await yungang(), await xinping()):
        message_id = await send_one(folder, player)
        await touches.use_link(message_id, "way_in", NOW)
        await open_visit(player.member_id, category="renewal", cause=f"story:{player.no}", opened_at=NOW, due_at=NOW)
    await Event.create(channel="sms", event_id="story", kind="reply", received_at=NOW, payload={"text": "好"})
    await ActivityRun.create(at=NOW, reason="fitted", horizon_days=30.0, r=0.7362, states={"active": 4})


# ---- making them --------------------------------------------------------------------------------------------------

_EVERY_DAY = 'kind = "recurring"\nevery = "day"\nat = "09:00"\ndays = "all"'


async def _player(number: int, name: str, *, person: str, **columns: Any) -> Player:
    member = await Member.create(
        no=f"Y{number}", name=name, city="古城", size="20-99人", nature="民营", idle_since=columns["last_login_at"],
        registered_at=NOW - timedelta(days=800), attrs={"园区": "开发区"}, **columns,
    )  # fmt: skip
    contact = await Contact.create(
        no=f"C{number}", member_id=member.id, name=person, title="人事经理", mobile=_mobile(number),
        email=_email(number), openid=f"o{number:027}", is_primary=True, consent=True,
    )  # fmt: skip
    return Player(member.id, contact.id, member.no, contact.mobile or "", contact.email or "", contact.openid or "")


async def _unread_for(member_ids: Sequence[int], count: int) -> None:
    """A live posting each, with that many applications nobody has looked at; the oldest ten days old."""
    await Posting.bulk_create(
        [
            Posting(no=f"P{member_id}", member_id=member_id, title="电焊工", city="古城", published_at=NOW)
            for member_id in member_ids
        ]
    )
    postings = await Posting.filter(member_id__in=list(member_ids)).values_list("id", flat=True)
    await Application.bulk_create(
        [
            Application(no=f"A{posting_id}-{n}", posting_id=posting_id, applied_at=NOW - timedelta(days=10 - n % 10))
            for posting_id in postings
            for n in range(count)
        ]
    )
    await statements.recount_members()


def _ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def _mobile(number: int) -> str:
    return f"{_BLOCKS[number % len(_BLOCKS)]}{number:08}"


def _email(number: int) -> str:
    return f"c{number}@qq.example.com"


def _toml(value: object) -> str:
    return str(value) if isinstance(value, int | float) else repr(value).replace("'", '"')
