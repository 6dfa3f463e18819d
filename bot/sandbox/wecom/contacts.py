"""WeCom's customer contact: who has which customer, contact ways that carry a State, and the welcome after an add."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.stage import Stage
from bot.sandbox.wecom.account import Ids
from bot.sandbox.wecom.people import ContactWay, People, Staff
from bot.sandbox.wecom.words import Given, Refused, check_names, read_mass, string, strings, whole
from campaigns.terms import ChannelName

LONGEST_STATE = 30  # characters
ONE, MANY = 1, 2  # type
IN_A_PROGRAM, BY_CODE = 1, 2  # scene
KNOWN = {"type", "scene", "style", "remark", "skip_verify", "state", "user", "party", "is_temp", "expires_in"}

Answer = dict[str, Any]


class Contacts:
    """Raises Refused where the real one refuses."""

    def __init__(self, stage: Stage, people: People, ids: Ids) -> None:
        self._stage, self._people, self._ids = stage, people, ids

    def add_way(self, given: Given) -> Answer:
        check_names(given, KNOWN)
        kind, scene = whole(given, "type"), whole(given, "scene")
        if kind not in (ONE, MANY) or scene not in (IN_A_PROGRAM, BY_CODE):
            raise Refused(40058, "type or scene")
        state = _short(given, "state")
        _short(given, "remark")
        named = strings(given, "user", 100)
        if not named or (kind == ONE and len(named) != 1):
            raise Refused(40058, "user")
        users = tuple(self._contact(userid).userid for userid in named)
        way = ContactWay(self._ids.next(""), users, state)
        self._people.ways[way.config_id] = way
        return {"config_id": way.config_id} | ({"qr_code": _picture(way)} if scene == BY_CODE else {})

    def get_way(self, given: Given) -> Answer:
        way = self._way(given)
        told = {"config_id": way.config_id, "type": ONE if len(way.users) == 1 else MANY, "scene": BY_CODE}
        return {"contact_way": {**told, "state": way.state, "user": list(way.users), "qr_code": _picture(way)}}

    def del_way(self, given: Given) -> Answer:
        del self._people.ways[self._way(given).config_id]
        return {}

    def welcome(self, given: Given) -> Answer:
        """Once, and within 20 seconds of the add."""
        check_names(given, {"welcome_code", "text", "attachments"})
        words = read_mass(given)
        external_userid = self._people.use_welcome_code(string(given, "welcome_code"))
        if external_userid is None:
            raise Refused(40058, "welcome_code")
        number = self._ids.next("")
        self._stage.accept(
            ChannelName.WECOM, external_userid, key="", words={"kind": "welcome", **words}, provider_id=number
        )
        return {}

    def get(self, query: Mapping[str, str]) -> Answer:
        customer = self._people.find(query.get("external_userid", ""))
        if customer is None:
            raise Refused(84061)
        follow_user = [
            {"userid": userid, "createtime": int(follow.since.timestamp()), "state": follow.state, "add_way": 1}
            for userid, follow in customer.followed_by.items()
        ]
        return {
            "external_contact": {"external_userid": customer.external_userid, "type": 1},
            "follow_user": follow_user,
        }

    def list_of(self, query: Mapping[str, str]) -> Answer:
        userid = self._contact(query.get("userid", "")).userid
        found = [customer.external_userid for customer in self._people.customers_of(userid)]
        if not found:
            raise Refused(84061)
        return {"external_userid": found}

    def follow_users(self) -> Answer:
        return {"follow_user": [one.userid for one in self._people.staff.values() if one.visible and one.contact]}

    def _contact(self, userid: str) -> Staff:
        member = self._people.member(userid)
        if member is None:
            raise Refused(40031)
        if not member.visible or not member.contact:
            raise Refused(60011)
        return member

    def _way(self, given: Given) -> ContactWay:
        check_names(given, {"config_id"})
        way = self._people.ways.get(string(given, "config_id"))
        if way is None:
            raise Refused(40058, "config_id")
        return way


def _short(given: Given, name: str) -> str:
    value = string(given, name)
    if len(value) > LONGEST_STATE:
        raise Refused(40058, f"{name} is longer than {LONGEST_STATE} characters")
    return value


def _picture(way: ContactWay) -> str:
    return f"https://wework.qpic.cn/wwpic/{way.config_id}/0"
