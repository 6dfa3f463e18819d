"""The people of a WeCom corporation: staff, customers, who follows whom, and the contact ways that lead to them."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sandbox.stage import Stage
from campaigns.errors import InputError

EXTERNAL = re.compile(r"w[mo][0-9A-Za-z_-]{30}")
WELCOME_LIFE = timedelta(seconds=20)


@dataclass(slots=True)
class Staff:
    """`visible`: within the app's range. `contact`: may have customers. `servicer`: receives in customer service."""

    userid: str
    visible: bool = True
    licensed: bool = True
    contact: bool = True
    servicer: bool = True
    party: int = 1
    tag: int = 1


@dataclass(slots=True)
class Follow:
    """A member of staff has this customer. `chatted_at` decides whose task a mass message becomes."""

    since: datetime
    chatted_at: datetime
    state: str = ""


@dataclass(slots=True)
class Customer:
    external_userid: str
    followed_by: dict[str, Follow] = field(default_factory=dict)
    refuses_kf: bool = False

    @property
    def owner(self) -> str | None:
        """Who last chatted with them, of those who have them; None for nobody."""
        found = sorted(self.followed_by.items(), key=lambda pair: (pair[1].chatted_at, pair[0]))
        return found[-1][0] if found else None


@dataclass(frozen=True, slots=True)
class ContactWay:
    config_id: str
    users: tuple[str, ...]
    state: str


@dataclass(slots=True)
class _Code:
    external_userid: str
    expires_at: datetime
    used: bool = False


class People:
    """With `adopt` every well-formed external_userid is a customer of one member of staff, of the one who is named
    first or else of one by chance; those in `stage.unknown` are nobody."""

    def __init__(self, stage: Stage, staff: Iterable[Staff], adopt: bool) -> None:
        self.staff = {one.userid.casefold(): one for one in staff}
        if not self.staff:
            raise InputError("the WeCom sandbox needs at least one member of staff")
        self.ways: dict[str, ContactWay] = {}
        self.groups: dict[str, str] = {}  # customers' group chats, each with the member of staff who owns it
        self._stage, self._adopt = stage, adopt
        self._customers: dict[str, Customer] = {}
        self._welcomes: dict[str, _Code] = {}

    def member(self, userid: str) -> Staff | None:
        """Userids are the same in any case."""
        return self.staff.get(userid.casefold())

    def find(self, external_userid: str, sender: str = "") -> Customer | None:
        """None: no external contact of this corporation."""
        if external_userid in self._stage.unknown:
            return None
        if external_userid not in self._customers and self._adopt and EXTERNAL.fullmatch(external_userid):
            self.follow(external_userid, sender or self._by_chance(external_userid))
        return self._customers.get(external_userid)

    def follow(self, external_userid: str, userid: str, state: str = "") -> Customer:
        """This member of staff has this customer from now on; nothing is pushed."""
        now = self._stage.now()
        customer = self._customers.setdefault(external_userid, Customer(external_userid))
        customer.followed_by[self.staff_named(userid).userid] = Follow(now, now, state)
        return customer

    def unfollow(self, external_userid: str, userid: str) -> bool:
        """False where they were strangers before."""
        customer = self._customers.get(external_userid)
        return customer is not None and customer.followed_by.pop(self.staff_named(userid).userid, None) is not None

    def chat(self, external_userid: str, userid: str) -> None:
        """They have just chatted: mass messages to this customer become this member's tasks."""
        self.customer(external_userid).followed_by[self.staff_named(userid).userid].chatted_at = self._stage.now()

    def customers_of(self, userid: str) -> list[Customer]:
        return [one for one in self._customers.values() if userid in one.followed_by]

    def customer(self, external_userid: str) -> Customer:
        """Raises InputError."""
        found = self.find(external_userid)
        if found is None:
            raise InputError("this external_userid is no customer; call meet or scan first")
        return found

    def staff_named(self, userid: str) -> Staff:
        """Raises InputError."""
        found = self.member(userid)
        if found is None:
            raise InputError(f"{userid} is no member of staff")
        return found

    def give_welcome_code(self, external_userid: str, code: str) -> str:
        self._welcomes[code] = _Code(external_userid, self._stage.now() + WELCOME_LIFE)
        return code

    def use_welcome_code(self, code: str) -> str | None:
        """Whom it greets; good once, for 20 seconds."""
        found = self._welcomes.get(code)
        if found is None or found.used or self._stage.now() >= found.expires_at:
            return None
        found.used = True
        return found.external_userid

    def _by_chance(self, external_userid: str) -> str:
        """The same in every run."""
        userids = sorted(one.userid for one in self.staff.values() if one.visible and one.contact)
        mark = hashlib.sha256(external_userid.encode()).digest()
        return userids[mark[0] % len(userids)]
