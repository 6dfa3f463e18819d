"""The people of a WeChat account: who follows, what may be sent to them now, and what they do on their phones."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from campaigns.errors import InputError

Clock = Callable[[], datetime]

OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")


@dataclass(frozen=True, slots=True)
class Scope:
    """How many messages one kind of action allows, and for how long."""

    count: int
    life: timedelta


AFTER_A_MESSAGE = Scope(5, timedelta(hours=48))
AFTER_A_TOUCH = Scope(3, timedelta(minutes=1))  # follow, menu click, tap on a msgmenu item, QR scan


@dataclass(slots=True)
class Follower:
    """One person as the account's provider knows them. `since` None: seen, but never a follower."""

    openid: str
    since: datetime | None = None
    follows: bool = False
    blacklisted: bool = False
    window_end: datetime | None = None
    window_left: int = 0
    scene: str = ""
    credits: Counter[str] = field(default_factory=Counter)  # subscription template -> notices left

    def follow(self, now: datetime) -> None:
        self.since, self.follows = now, True

    def leave(self) -> None:
        self.follows = False
        self.window_end, self.window_left = None, 0

    def open_window(self, scope: Scope, now: datetime) -> None:
        """What was left of the window before is gone: counts do not add up."""
        self.window_end, self.window_left = now + scope.life, scope.count

    def verdict_on_custom(self, now: datetime) -> int:
        """0, or the errcode that a customer-service message gets now."""
        if self.blacklisted:
            return 43019
        if self.since is None:
            return 43004
        if not self.follows or self.window_end is None or now >= self.window_end:
            return 45015
        return 0 if self.window_left else 45047

    def verdict_on_template(self) -> int:
        if self.blacklisted:
            return 43019
        return 0 if self.follows else 43004

    def verdict_on_subscription(self, template_id: str) -> int:
        """Whether they follow does not matter: they have asked for this one."""
        if self.blacklisted:
            return 43019
        return 0 if self.credits[template_id] > 0 else 43101

    def as_json(self, language: str) -> dict[str, Any]:
        """What user/info tells: names and pictures are empty since 2021-12-27."""
        if not self.follows or self.since is None:
            return {"subscribe": 0, "openid": self.openid, "tagid_list": []}
        empty = dict.fromkeys(("nickname", "city", "province", "country", "headimgurl", "remark"), "")
        return {
            "subscribe": 1,
            "openid": self.openid,
            **empty,
            "sex": 0,
            "language": language,
            "subscribe_time": int(self.since.timestamp()),
            "groupid": 0,
            "tagid_list": [],
            "subscribe_scene": "ADD_SCENE_QR_CODE" if self.scene else "ADD_SCENE_SEARCH",
            "qr_scene": 0,
            "qr_scene_str": self.scene,
        }


class Outcome(Protocol):
    """What has become of a push so far. `lost`: every try has failed."""

    @property
    def taken(self) -> bool: ...

    @property
    def lost(self) -> bool: ...


class Followers(ABC):
    """Everybody the account can write to, and what they do.

    With `adopt` every well-formed openid follows, without a window. An action returns whether our door took the
    push at its first try; more tries may follow. It raises InputError for somebody who cannot do it: only
    followers write, tap and click.
    """

    def __init__(self, now: Clock, subscribe_templates: Collection[str], adopt: bool) -> None:
        self._now, self._subscribe_templates, self._adopt = now, subscribe_templates, adopt
        self._people: dict[str, Follower] = {}
        self._written: dict[int, Outcome] = {}

    @abstractmethod
    async def _push(self, openid: str, msgtype: str, fields: Mapping[str, object]) -> Outcome:
        """Tell our door of a message or an event."""

    @abstractmethod
    def _scene_of(self, ticket: str) -> str | None:
        """The scene of a QR code; None where it has expired or never was."""

    @abstractmethod
    def _message_number(self, message_id: str) -> int:
        """The same for the same `message_id`, a new one for none."""

    def ensure_followers(self, openids: Iterable[str]) -> None:
        """They follow, with no window open and nothing pushed; those who follow already are left as they are."""
        for openid in openids:
            person = self._person(openid)
            if not person.follows:
                person.follow(self._now())

    def acquaint(self, openid: str) -> None:
        """Somebody the account has seen (signed in on its page, say) who does not follow it."""
        self._person(openid)

    def put_on_blacklist(self, openid: str, listed: bool = True) -> None:
        self._person(openid).blacklisted = listed

    def open_window(self, openid: str) -> None:
        """As if this follower had just written; nothing is pushed."""
        self._follower(openid).open_window(AFTER_A_MESSAGE, self._now())

    def find(self, openid: str) -> Follower | None:
        """None: nobody of this account."""
        if openid not in self._people and self._adopt and OPENID.fullmatch(openid):
            self._person(openid).follow(self._now())
        return self._people.get(openid)

    def follows(self, openid: str) -> bool:
        person = self.find(openid)
        return person is not None and person.follows

    def first_follower(self) -> Follower | None:
        return next((person for person in self._people.values() if person.follows), None)

    async def write(self, openid: str, text: str, *, message_id: str = "") -> bool:
        """Write to the account: 5 messages back in 48 hours.

        The same `message_id` again is the same message, of the same MsgId: it is pushed anew only where the
        provider has given up.
        """
        return await self._say(openid, AFTER_A_MESSAGE, message_id, {"Content": text})

    async def tap(self, openid: str, menu_id: str, text: str, *, message_id: str = "") -> bool:
        """Tap an item of a msgmenu message: it arrives as text, but counts as a menu click."""
        # Ids with letters get lost on the way.
        mark = {"bizmsgmenuid": menu_id} if menu_id.isascii() and menu_id.isdigit() else {}
        return await self._say(openid, AFTER_A_TOUCH, message_id, {"Content": text} | mark)

    async def click_menu(self, openid: str, key: str) -> bool:
        """Tap a button below the conversation."""
        self._follower(openid).open_window(AFTER_A_TOUCH, self._now())
        return await self._tell(openid, "CLICK", EventKey=key)

    async def view_menu(self, openid: str, url: str) -> bool:
        """Tap a button that opens a page: that opens no window."""
        self._follower(openid)
        return await self._tell(openid, "VIEW", EventKey=url, MenuId=424242424)

    async def scan_by_menu(self, openid: str, key: str, result: str, *, waits: bool = False) -> bool:
        """Tap a button that starts the camera and hold it on any code; `waits`: for what the account says to it."""
        self._follower(openid).open_window(AFTER_A_TOUCH, self._now())
        found = {"ScanType": "qrcode", "ScanResult": result}
        return await self._tell(
            openid, "scancode_waitmsg" if waits else "scancode_push", EventKey=key, ScanCodeInfo=found
        )

    async def tell_location(self, openid: str, latitude: str, longitude: str) -> bool:
        self._follower(openid)
        place = {"Latitude": latitude, "Longitude": longitude, "Precision": "65.000000"}
        return await self._tell(openid, "LOCATION", **place)

    async def follow(self, openid: str, *, scene: str = "", ticket: str = "") -> bool:
        """Follow, by a scene's QR code where one is given."""
        person = self._person(openid)
        person.follow(self._now())
        person.scene = scene
        person.open_window(AFTER_A_TOUCH, self._now())
        code = {"EventKey": f"qrscene_{scene}", "Ticket": ticket} if scene else {"EventKey": ""}
        return await self._tell(openid, "subscribe", **code)

    async def unsubscribe(self, openid: str) -> bool:
        self._follower(openid).leave()
        return await self._tell(openid, "unsubscribe", EventKey="")

    async def scan(self, openid: str, ticket: str) -> bool:
        """Scan a QR code of this account; who does not follow yet does so by it."""
        scene = self._scene_of(ticket)
        if scene is None:
            raise InputError("this QR code has expired or is not this account's")
        person = self._person(openid)
        if not person.follows:
            return await self.follow(openid, scene=scene, ticket=ticket)
        person.open_window(AFTER_A_TOUCH, self._now())
        return await self._tell(openid, "SCAN", EventKey=scene, Ticket=ticket)

    async def accept_subscription(self, openid: str, *template_ids: str) -> bool:
        """Say yes to one more notice of each of these templates."""
        self._subscriber(openid, template_ids).credits.update(template_ids)
        return await self._tell_popup(openid, "accept", template_ids)

    async def decline_subscription(self, openid: str, *template_ids: str) -> bool:
        self._take_back(openid, template_ids)
        return await self._tell_popup(openid, "reject", template_ids)

    async def switch_off_subscription(self, openid: str, *template_ids: str) -> bool:
        """In the settings of their phone, later."""
        self._take_back(openid, template_ids)
        changed = [{"TemplateId": one, "SubscribeStatusString": "reject"} for one in template_ids]
        return await self._tell(openid, "subscribe_msg_change_event", SubscribeMsgChangeEvent={"List": changed})

    async def _say(self, openid: str, scope: Scope, message_id: str, fields: Mapping[str, object]) -> bool:
        number = self._message_number(message_id)
        known = self._written.get(number)
        if known is not None and not known.lost:
            return known.taken
        self._follower(openid).open_window(scope, self._now())
        outcome = self._written[number] = await self._push(openid, "text", {**fields, "MsgId": number})
        return outcome.taken

    async def _tell(self, openid: str, event: str, **fields: object) -> bool:
        return (await self._push(openid, "event", {"Event": event, **fields})).taken

    async def _tell_popup(self, openid: str, choice: str, template_ids: Iterable[str]) -> bool:
        chosen = [{"TemplateId": one, "SubscribeStatusString": choice, "PopupScene": 1} for one in template_ids]
        return await self._tell(openid, "subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": chosen})

    def _person(self, openid: str) -> Follower:
        """From now on known to the account."""
        return self._people.setdefault(openid, Follower(openid))

    def _follower(self, openid: str) -> Follower:
        person = self.find(openid)
        if person is None or not person.follows:
            raise InputError("this openid does not follow the account; call follow first")
        return person

    def _subscriber(self, openid: str, template_ids: Iterable[str]) -> Follower:
        for template_id in template_ids:
            if template_id not in self._subscribe_templates:
                raise InputError(f"{template_id} is no subscription template of this account")
        return self._person(openid)

    def _take_back(self, openid: str, template_ids: Iterable[str]) -> None:
        person = self._subscriber(openid, template_ids)
        for template_id in template_ids:
            person.credits[template_id] = 0
