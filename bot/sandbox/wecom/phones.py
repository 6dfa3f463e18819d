"""What people do on their phones in WeCom: add and delete each other, write to customer service, write to the app."""

from collections.abc import Mapping
from functools import partial
from typing import Literal

from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wecom.account import Ids
from bot.sandbox.wecom.conversations import Conversation, State
from bot.sandbox.wecom.kf import KfAccounts
from bot.sandbox.wecom.people import Follow, People
from bot.sandbox.wecom.push import Callbacks
from campaigns.errors import InputError

FailReason = Literal["customer_refused", "customer_limit_exceed"]


class Phones:
    """Every action returns whether our door took the callback at its first try; more tries may follow."""

    def __init__(self, stage: Stage, people: People, kf: KfAccounts, ids: Ids, callbacks: Callbacks) -> None:
        self.stage, self.people, self.kf, self.callbacks, self._ids = stage, people, kf, callbacks, ids
        kf.listeners.append(self._plan_failure)
        self._written: dict[str, Conversation] = {}

    # ---- contacts

    async def scan(self, external_userid: str, code: str) -> bool:
        """The customer scans a contact way's QR code (its config_id will do) and so adds the first of its staff."""
        way = next((way for way in self.people.ways.values() if way.config_id in code), None)
        if way is None:
            raise InputError("this is no contact way of this corporation")
        return await self.meet(external_userid, way.users[0], way.state)

    async def meet(self, external_userid: str, userid: str, state: str = "", *, half: bool = False) -> bool:
        """They become contacts; `half`: the customer was added, and need not confirm."""
        self.people.follow(external_userid, userid, state)
        code = self.people.give_welcome_code(external_userid, self._ids.next("WELCOME"))
        told = {"State": state} if state else {}
        change = "add_half_external_contact" if half else "add_external_contact"
        return await self._tell(change, userid, external_userid, **told, WelcomeCode=code)

    async def edit(self, external_userid: str, userid: str) -> bool:
        """A member of staff changes the customer's remark."""
        self._follow(external_userid, userid)
        return await self._tell("edit_external_contact", userid, external_userid)

    async def delete_customer(self, external_userid: str, userid: str, source: str = "") -> bool:
        """A member of staff deletes the customer; `source` "DELETE_BY_TRANSFER" where somebody inherits them."""
        self._part(external_userid, userid)
        more = {"Source": source} if source else {}
        return await self._tell("del_external_contact", userid, external_userid, **more)

    async def delete_staff(self, external_userid: str, userid: str) -> bool:
        """The customer deletes the member of staff."""
        self._part(external_userid, userid)
        return await self._tell("del_follow_user", userid, external_userid)

    async def approve_archive(self, external_userid: str, userid: str) -> bool:
        self._follow(external_userid, userid)
        code = self.people.give_welcome_code(external_userid, self._ids.next("WELCOME"))
        return await self._tell("msg_audit_approved", userid, external_userid, WelcomeCode=code)

    async def fail_transfer(self, external_userid: str, userid: str, reason: FailReason) -> bool:
        """The customer did not go over to the next member of staff."""
        return await self._tell("transfer_fail", userid, external_userid, FailReason=reason)

    # ---- customer service

    async def write(self, external_userid: str, text: str, *, message_id: str = "", open_kfid: str = "") -> bool:
        """Write to customer service: 5 messages back in 48 hours.

        The same `message_id` again is the same message, of the same msgid; its callback is pushed anew.
        """
        return await self._write(external_userid, {"content": text}, message_id, open_kfid)

    async def tap(self, external_userid: str, menu_id: str, text: str) -> bool:
        """Tap an item of a menu: it arrives as a text with the item's id."""
        return await self._write(external_userid, {"content": text, "menu_id": menu_id}, "", "")

    async def send_picture(self, external_userid: str) -> bool:
        talk = self._talk(external_userid, "")
        token = self.kf.hear(talk, self._ids.next("msg"), "image", {"media_id": self._ids.next("MEDIA")})
        return await self._announce(talk, token)

    async def enter(self, external_userid: str, url: str = "", scene_param: str = "") -> bool:
        """Open the conversation by a link of add_contact_way; nothing is written yet."""
        open_kfid, scene = self.kf.scenes.get(url, (self.kf.open_kfids[0], ""))
        talk = self._talk(external_userid, open_kfid)
        return await self._announce(talk, self.kf.enter(talk, scene, scene_param))

    async def recall(self, external_userid: str, msgid: str) -> bool:
        talk = self._talk(external_userid, "")
        return await self._announce(talk, self.kf.tell(talk, "user_recall_msg", recall_msgid=msgid))

    def refuse_kf(self, external_userid: str, refuses: bool = True) -> None:
        """The customer no longer takes messages of customer service."""
        self.people.customer(external_userid).refuses_kf = refuses

    async def serve(self, external_userid: str, userid: str, text: str = "") -> bool:
        """A member of staff takes the conversation over and, with `text`, answers by hand."""
        talk = self._talk(external_userid, "")
        talk.state, talk.servicer = State.STAFF, self.people.staff_named(userid).userid
        token = self._change(talk, 1, new_servicer_userid=talk.servicer)
        if text:
            token = self.kf.answer_as_staff(talk, text)
        return await self._announce(talk, token)

    async def close(self, external_userid: str) -> bool:
        """The member of staff ends the conversation."""
        talk = self._talk(external_userid, "")
        talk.state = State.ENDED
        return await self._announce(talk, self._change(talk, 3, old_servicer_userid=talk.servicer))

    async def change_duty(self, userid: str, on_duty: bool) -> bool:
        """A member of staff begins or stops to receive."""
        member = self.people.staff_named(userid)
        member.servicer = on_duty
        talk = Conversation(self.kf.open_kfids[0], "")
        told = {"servicer_userid": member.userid, "status": 1 if on_duty else 2}
        return await self._announce(talk, self.kf.tell(talk, "servicer_status_change", **told))

    # ---- the app

    async def write_to_app(self, userid: str, text: str) -> bool:
        """A member of staff writes to the app."""
        fields = {"FromUserName": userid, "MsgType": "text", "Content": text, "MsgId": self._ids.number()}
        agentid = self.callbacks.envelope.agentid
        return (await self.callbacks.push(userid, {**fields, "AgentID": agentid})).taken

    # ---- inside

    async def _tell(self, change: str, userid: str, external_userid: str, **more: object) -> bool:
        member = self.people.staff_named(userid)
        return (await self.callbacks.tell_contact(change, member.userid, external_userid, **more)).taken

    async def _write(self, external_userid: str, part: Mapping[str, str], message_id: str, open_kfid: str) -> bool:
        msgid = f"from_{self._ids.of(message_id, 24)}" if message_id else self._ids.next("from_", 29)
        known = self._written.get(msgid)
        if known is None:
            talk = self._talk(external_userid, open_kfid)
            self._written[msgid] = talk
            return await self._announce(talk, self.kf.hear(talk, msgid, "text", part))
        return await self._announce(known, self.kf.give_token(known.open_kfid))

    async def _announce(self, talk: Conversation, token: str) -> bool:
        """That there is something to fetch; what, the callback does not say."""
        fields = {"MsgType": "event", "Event": "kf_msg_or_event", "Token": token, "OpenKfId": talk.open_kfid}
        return (await self.callbacks.push(talk.external_userid, fields)).taken

    def _plan_failure(self, row: Accepted, fail_type: int) -> None:
        """Told some seconds later."""
        quirks = self.callbacks.quirks
        wait = quirks.soonest + (quirks.latest - quirks.soonest) * self.stage.dice(f"kf {row.provider_id}").random()
        self.stage.timetable.later(wait, partial(self._report_failure, row, fail_type), "wecom kf failure")

    async def _report_failure(self, row: Accepted, fail_type: int) -> None:
        talk = self.kf.talk(row.words["open_kfid"], row.to)
        token = self.kf.tell(talk, "msg_send_fail", fail_msgid=row.provider_id, fail_type=fail_type)
        await self._announce(talk, token)

    def _change(self, talk: Conversation, change_type: int, **who: str) -> str:
        return self.kf.tell(talk, "session_status_change", change_type=change_type, **who)

    def _talk(self, external_userid: str, open_kfid: str) -> Conversation:
        self.people.customer(external_userid)
        return self.kf.talk(open_kfid or self.kf.open_kfids[0], external_userid)

    def _follow(self, external_userid: str, userid: str) -> Follow:
        found = self.people.customer(external_userid).followed_by.get(self.people.staff_named(userid).userid)
        if found is None:
            raise InputError("this member of staff does not have this customer")
        return found

    def _part(self, external_userid: str, userid: str) -> None:
        self._follow(external_userid, userid)
        self.people.unfollow(external_userid, userid)
