"""The words of the field as enums and frozen values (docs/glossary.md has the Chinese for each)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class ChannelName(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    WECHAT = "wechat"
    WECOM = "wecom"


class Tier(StrEnum):
    TOP = "高端"
    GOOD = "优质"
    STANDARD = "一般"
    LOW = "低端"


class ContactRole(StrEnum):
    """What a contact is when something is to be decided; the order in which a brief names them."""

    DECIDES = "decides"  # 拍板人
    PAYS = "pays"  # 付款人
    ADVISES = "advises"  # 参谋: is asked before it is decided
    USES = "uses"  # 使用人: reads the résumés
    GATEKEEPER = "gatekeeper"  # 把关人: through whom one gets to the others


class MessageClass(StrEnum):
    """What the law and the caps make of a message."""

    SERVICE = "service"
    MARKETING = "marketing"
    GREETING = "greeting"
    ANSWER = "answer"  # the answer to a customer's own message: no consent, no hours, no cap


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    HANDED_OVER = "handed_over"  # a task for a person was opened in place of a message


UNREACHED = (DeliveryState.SUPPRESSED, DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.BOUNCED)
"""Ends of a message that nobody has read."""


class Reason(StrEnum):
    """Why a member of an audience was not written to, or not yet."""

    HOLD_OUT = "hold_out"
    REFUSED = "refused"  # one word of refusal: every channel, the whole company
    PAUSED = "paused"  # in doubt about a refusal: 24 hours of silence while a person looks
    NO_CONTACT = "no_contact"
    NO_CONSENT = "no_consent"
    NO_ADDRESS = "no_address"
    BLOCKED = "blocked"  # the address is suppressed, of the kinds below where that is known
    UNREACHABLE = "unreachable"  # a dead address: bounced for good, an empty number, an openid of nobody
    NOT_FOLLOWER = "not_follower"  # unfollowed the account, or no customer of ours in WeCom any more
    OPTED_OUT = "opted_out"  # this person stopped this channel, and this one alone
    TEMPLATE_NOT_APPROVED = "template_not_approved"  # no provider has approved words for this channel
    NO_WINDOW = "no_window"  # the customer's last word in WeChat or WeCom is too long ago, or answered too often
    NO_CREDIT = "no_credit"  # WeChat: no accepted notice is left, and no window is open
    MONTH_QUOTA = "month_quota"  # as many mass messages as the provider lets through in this time
    OTHER_WAY = "other_way"  # the way that was chosen closed in between: it goes by another
    SCHEDULED = "scheduled"  # its slot has not come yet
    OUTSIDE_HOURS = "outside_hours"
    FREQUENCY_CAP = "frequency_cap"
    TOO_LATE = "too_late"
    GOAL_MET = "goal_met"
    CANCELLED = "cancelled"
    PROVIDER_REFUSED = "provider_refused"
    RETRY = "retry"  # a passing fault; tried again later
    PACED = "paced"  # its turn comes later: the rate of the sender or the destination
    CHANNEL_CLOSED = "channel_closed"  # a provider's answer stopped the whole channel
    WAITS_FOR_STAFF = "waits_for_staff"  # a person of ours is asked to send it, and has not yet
    NOT_CONFIRMED = "not_confirmed"  # that person never did


class Intent(StrEnum):
    STOP = "stop"
    COMPLAINT = "complaint"
    INTERESTED = "interested"
    CALL_ME = "call_me"
    PROBLEM_POST = "problem_post"
    PROBLEM_LOGIN = "problem_login"
    PROBLEM_UNREAD = "problem_unread"
    PROBLEM_NOAPPLY = "problem_noapply"
    PROBLEM_PAY = "problem_pay"
    HIRING_PLAN = "hiring_plan"
    FILLED = "filled"
    WRONG_CONTACT = "wrong_contact"
    AUTO_REPLY = "auto_reply"
    THANKS = "thanks"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class TouchKind(StrEnum):
    MESSAGE = "message"  # we wrote
    REPLY = "reply"  # they wrote
    AUTO_REPLY = "auto_reply"  # their machine wrote
    OPT_OUT = "opt_out"  # a refusal by link, page or staff
    RETURN = "return"  # came back by the link we sent
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    VISIT = "visit"  # a person's contact
    TRIED = "tried"  # a person's, in which nobody was talked to


class Reaction(StrEnum):
    """What to do about a provider's answer; one vocabulary for every provider."""

    RETRY = "retry"  # transient: same request later
    REFRESH = "refresh"  # drop the cached token, fetch one, repeat once (handled inside the channel)
    SLOW = "slow"  # rate limit: delay the whole channel, the recipient is not charged an attempt
    DEFER_RECIPIENT = "defer_recipient"  # this recipient only, later
    NEXT_DAY = "next_day"  # daily quota gone: channel waits until 00:00 Asia/Shanghai
    PAUSE_TEMPLATE = "pause_template"  # content not usable: stop the campaign, tell staff
    PAUSE_CHANNEL = "pause_channel"  # credentials, balance, permission: stop the channel, tell staff
    SUPPRESS = "suppress"  # never to this address on this channel again
    CONSENT_USED = "consent_used"  # no permission now: try another channel
    DROP = "drop"  # permanent for this message only
    OK_DUP = "ok_dup"  # the provider has it already: treat as sent
    UNKNOWN = "unknown"  # may have been delivered: never blindly sent again


class WechatMode(StrEnum):
    CUSTOM = "custom"  # free text inside the interaction window
    TEMPLATE = "template"  # service notices only
    SUBSCRIBE = "subscribe"  # one accepted notice, one message
    MASS = "mass"  # the same for many followers in one call, four a month to each


@dataclass(frozen=True, slots=True)
class WechatReach:
    """What WeChat lets us send to one follower, as the account's events have told us."""

    followed: bool
    window_until: datetime | None = None
    window_left: int = 0
    credits: Mapping[str, int] = field(default_factory=dict)  # subscription template id -> notices left
    mass_month: str = ""  # the calendar month `mass_used` counts in, 2026-11
    mass_used: int = 0


@dataclass(frozen=True, slots=True)
class WecomReach:
    """What WeCom lets us write to one customer: in the customer service `desk` they wrote to, for a while.

    `staff` is whom they added last; `mass_at` when mass messages went to them or were proposed, of the last weeks.
    """

    desk: str = ""
    window_until: datetime | None = None
    window_left: int = 0
    staff: str = ""
    mass_at: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class ContactFacts:
    id: int
    no: str
    name: str
    title: str
    mobile: str | None
    email: str | None
    openid: str | None
    is_primary: bool
    consent: bool  # only a recorded yes
    blocked: Mapping[ChannelName, Reason] = field(default_factory=dict)  # where the address is suppressed, and the kind
    wechat: WechatReach | None = None
    external_userid: str | None = None
    wecom: WecomReach | None = None

    def address(self, channel: ChannelName) -> str | None:
        match channel:
            case ChannelName.EMAIL:
                return self.email
            case ChannelName.SMS:
                return self.mobile
            case ChannelName.WECHAT:
                return self.openid
            case ChannelName.WECOM:
                return self.external_userid


@dataclass(frozen=True, slots=True)
class PostingFacts:
    no: str
    title: str
    category: str
    city: str
    pay_min: int | None
    pay_max: int | None
    heads: int | None
    unread: int
    live: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One member at one moment: all that segments, policy and templates may know of it."""

    member_id: int
    member_no: str
    name: str
    trade: str
    nature: str
    size: str
    city: str
    owner: str
    tier: Tier
    registered_at: datetime | None
    last_login_at: datetime | None
    login_count: int
    plan: str
    plan_expires_on: date | None
    postings: int
    live_postings: int
    applications: int
    unread_resumes: int
    oldest_unread_at: datetime | None
    activity_state: str = ""  # empty: not scored yet
    p_active: float | None = None
    findings: str = ""  # ,unread,stale, as the last night found them
    stage: str = ""
    attrs: Mapping[str, str] = field(default_factory=dict)
    contacts: Sequence[ContactFacts] = ()
    refused: bool = False
    paused_until: datetime | None = None
    # Marketing and greeting contacts of the whole company, made or planned, oldest first.
    marketing_at: Sequence[datetime] = ()
    # The same for marketing SMS, per contact id.
    marketing_sms_at: Mapping[int, Sequence[datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allow:
    """Write now, to this contact on this channel."""

    contact_id: int
    channel: ChannelName
    address: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Write to this contact on this channel, not before `until`."""

    contact_id: int
    channel: ChannelName
    address: str
    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Suppress:
    """Do not write. `obstacles`: what was in the way of each channel that was tried, in the campaign's order."""

    reason: Reason
    obstacles: Sequence[tuple[ChannelName, Reason]] = field(default=(), compare=False)


Verdict = Allow | Defer | Suppress


@dataclass(frozen=True, slots=True)
class MailWords:
    """`thread`: of a mail a person wrote, the Message-IDs it follows, the answered one last; None: a machine's mail."""

    subject: str
    text: str
    html: str
    html_head: str = field(default="", compare=False, repr=False)  # how `html` begins in every mail of its kind
    thread: str | None = None


class SmsProvider(StrEnum):
    """Who carries an SMS. The first stands where no name is said: it was the only one once."""

    ALIYUN = "aliyun"
    TENCENT = "tencent"
    GENERIC = "generic"  # any gateway that a file describes


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """The approved template of one provider. `order`: the names of `SmsWords.params` as it numbers them, from 1."""

    code: str
    order: tuple[str, ...] = ()
    longest: int = 0  # characters it takes in one variable; 0 where that is not known


@dataclass(frozen=True, slots=True)
class SmsWords:
    """`template_code` is Aliyun's, empty where it has none; `templates` are those of the other providers."""

    template_code: str
    sign_name: str
    params: Mapping[str, str]
    text: str  # as the customer reads it, signature included
    templates: Mapping[SmsProvider, SmsTemplate] = field(default_factory=dict)

    def template_at(self, provider: SmsProvider) -> SmsTemplate | None:
        """None where these words cannot go out by it: no approved template, or a value longer than it takes."""
        if provider is SmsProvider.ALIYUN:
            return SmsTemplate(self.template_code) if self.template_code else None
        found = self.templates.get(provider)
        if found and found.longest and any(len(self.params[name]) > found.longest for name in found.order):
            return None
        return found


@dataclass(frozen=True, slots=True)
class Article:
    """A card that leads to a page, with a picture where there is one (WeChat's news)."""

    title: str
    description: str = ""
    url: str = ""
    picurl: str = ""


@dataclass(frozen=True, slots=True)
class TapMenu:
    """Answers to be tapped (WeChat's msgmenu): a tap comes back as that item's text."""

    head: str
    items: tuple[str, ...]
    tail: str = ""


@dataclass(frozen=True, slots=True)
class WechatWords:
    """`card` is what a custom message is in place of a text. A mass send's `media_id` names an article made before."""

    mode: WechatMode
    text: str  # as the customer reads it
    url: str = ""
    template_id: str = ""  # modes template and subscribe
    data: Mapping[str, str] = field(default_factory=dict)  # field key -> value
    card: Article | TapMenu | None = None
    media_id: str = ""


@dataclass(frozen=True, slots=True)
class WecomWords:
    """An answer in WeCom's customer service, or a campaign's words that staff send to their customers (campaigns.mass):

    those are the same for all of them, and may carry a link.
    """

    text: str
    link: str = ""
    link_title: str = ""


Words = MailWords | SmsWords | WechatWords | WecomWords


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message as a channel gets it.

    `key` is stable over every attempt, unique, `[A-Za-z0-9-]{1,40}`: the local part of the Message-ID, the
    provider's out id. `unsubscribe_url` is set where the message must carry a one-click refusal.
    """

    id: int
    key: str
    address: str
    message_class: MessageClass
    words: Words
    unsubscribe_url: str = ""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one outbound message. `reaction` None means the provider accepted it."""

    id: int
    reaction: Reaction | None = None
    provider_id: str = ""
    code: str = ""  # the provider's own code, for staff and statistics
    detail: str = ""  # never a body, a phone number or an address
    retry_after: timedelta | None = None

    @property
    def accepted(self) -> bool:
        return self.reaction is None or self.reaction is Reaction.OK_DUP


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's word on one delivery. `event_id` is unique per channel and repeats when the push does."""

    event_id: str
    channel: ChannelName
    at: datetime
    delivered: bool
    key: str = ""  # our Outbound.key, where the provider gives it back
    provider_id: str = ""
    address: str = ""
    reaction: Reaction | None = None  # what a failure means for the address or the channel
    code: str = ""
    of_call: bool = False  # of all messages of this provider id; a failure that is UNKNOWN: of some, and not which


@dataclass(frozen=True, slots=True)
class Reply:
    """A message from a member, or from a member's machine (`automatic`).

    Of a mail also its Message-ID and its subject: an answer joins the customer's own thread.
    """

    event_id: str
    channel: ChannelName
    at: datetime
    address: str
    text: str
    key: str = ""  # Outbound.key of the message it answers, where that is known
    automatic: bool = False
    mail_id: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ReachChange:
    """What a provider tells about its permission to write to one address (WeChat follows, windows, credits).

    `followed` None leaves following as it was. A window given replaces the old one. `credits` are added to
    (or, at 0, cleared for) each subscription template named.
    """

    event_id: str
    channel: ChannelName
    at: datetime
    address: str
    followed: bool | None = None
    window_until: datetime | None = None
    window_left: int = 0
    credits: Mapping[str, int] = field(default_factory=dict)
    scene: str = ""
    desk: str = ""  # WeCom: the customer service account the window is in
    staff: str = ""  # WeCom: the userid of whom the customer added or removed


@dataclass(frozen=True, slots=True)
class Summons:
    """The provider keeps messages for us: come and fetch them. `token` is good for minutes and for this fetch."""

    event_id: str
    channel: ChannelName
    at: datetime
    desk: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StaffLine:
    """A colleague wrote to our application: what came of a contact."""

    event_id: str
    channel: ChannelName
    at: datetime
    staff: str
    text: str


InboundEvent = Receipt | Reply | ReachChange | Summons | StaffLine
