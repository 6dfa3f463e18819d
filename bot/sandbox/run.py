"""All stand-ins together: one stage, one ledger, the customers, and a side door to look at it all."""

import random
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.clock import ProductClock
from bot.sandbox import aliyun_account, side, tencent_account
from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.customers import Behaviour, Customers, load_phrases
from bot.sandbox.imap.server import ImapServer
from bot.sandbox.mail_bounces import Quirks as Bounces
from bot.sandbox.mail_customers import MailCustomer
from bot.sandbox.sms_customers import SmsCustomer
from bot.sandbox.smtp import SmtpServer
from bot.sandbox.stage import Stage
from bot.sandbox.tencent_sms import TencentSmsSandbox
from bot.sandbox.visitors import Visitor
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_customers import WechatCustomer
from bot.sandbox.wechat_words import FIELD
from bot.sandbox.wecom.account import WecomApp
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.sandbox.wecom.customers import WecomCustomer, WecomStaff
from bot.sandbox.wecom.people import Staff
from bot.serving import Served, listen, serve
from campaigns.errors import InputError
from campaigns.folders import load_site
from campaigns.terms import ChannelName, Intent

MAIL_DOMAIN = "huifang.example.com"
_VISITOR = "oVISITOR00000000000000000000"  # a follower for clients that are not ours
_TENCENT_ID = "AKIDSandboxSandboxSandboxSandboxSand"
_LONGEST_VALUE = 35  # of a variable at Tencent: raised as our letter to it asked, a new account has 6
_CONTACT = "wmVISITOR00000000000000000000000"  # a customer on WeCom for the same clients
_FIELD = re.compile(r"\{\{\s*data\.([a-z_]+[0-9]*)\s*\}\}")
_STAFF = ("wangfang", "liqiang", "zhaomin", "sunlei")
_PHRASES = Path(__file__).parent / "phrases.toml"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the product hears: what providers push to."""

    hooks: str  # base URL, secret included: …/hooks/SECRET
    mail_host: str
    mail_port: int


class Sandbox:
    """Start it, tell it the product's doors with `connect`, and customers begin to answer."""

    def __init__(
        self,
        clock: ProductClock,
        *,
        templates: Path,
        seed: int = 7,
        ledger: Path | None = None,
        side_port: int = 0,
    ) -> None:
        self._clock = clock
        self.stage = Stage(clock, seed, ledger)
        self.customers = Customers(self.stage, load_phrases(_PHRASES))
        self.stage.listeners.append(self.customers.on_accepted)
        self.visitor = Visitor(self.stage)
        self.customers.readers.append(self.visitor.read)
        self._password = secrets.token_urlsafe(12)
        # the relay is ours, with log-in; the other takes what any client brings, as a mail exchanger does
        self.relay = SmtpServer(self.stage, sender_domains=[MAIL_DOMAIN], user="huifang", password=self._password)
        self.mx = SmtpServer(self.stage, sender_domains=None, password=None)
        self.imap = ImapServer(self.stage, username=f"bounce@{MAIL_DOMAIN}", password=secrets.token_urlsafe(12))
        self._bounces = Bounces()
        self._hear_mail()
        self.sms = AliyunSmsSandbox(
            self.stage,
            access_key_id="LTAI5tSandboxSandboxSand",
            access_key_secret=secrets.token_urlsafe(16),
            signs=[load_site(templates)["sign_name"]],
            templates=_sms_templates(templates),
            is_empty=lambda phone: self.customers.behaviour(ChannelName.SMS, phone) is Behaviour.BOUNCES,
        )
        self.tencent_sms = TencentSmsSandbox(
            self.stage,
            secret_id=_TENCENT_ID,
            secret_key=secrets.token_urlsafe(24),
            sdk_app_id="1400006666",
            signs=[load_site(templates)["sign_name"]],
            templates=_tencent_templates(templates),
            longest_value=_LONGEST_VALUE,
            is_empty=lambda phone: self.customers.behaviour(ChannelName.SMS, phone) is Behaviour.BOUNCES,
        )
        self.customers.answer_by(ChannelName.SMS, SmsCustomer(self.sms, self.tencent_sms))
        service, subscribed = _wechat_templates(templates)
        self.wechat = WechatSandbox(
            self.stage,
            appid="wx5a4e64b0c5a4e64b",
            secret=secrets.token_hex(16),
            token=secrets.token_hex(8),
            encoding_aes_key=secrets.token_hex(22)[:43],
            templates=service,
            subscribe_templates=subscribed,
            push_to=None,
            followers=[_VISITOR],
        )
        stops = load_phrases(_PHRASES)[Intent.STOP]
        self.customers.answer_by(ChannelName.WECHAT, WechatCustomer(self.stage, self.wechat, stops))
        self.wecom = WecomSandbox(
            self.stage,
            corpid="ww5a4e64b0c5a4e64b",
            apps=[WecomApp(1000002, secrets.token_urlsafe(32)[:43])],
            token=secrets.token_hex(8),
            encoding_aes_key=secrets.token_hex(22)[:43],
            staff=[Staff(userid) for userid in _STAFF],
            open_kfids=["wkHUIFANG0000000000000000000000"],
            push_to=None,
        )
        self.customers.answer_by(ChannelName.WECOM, WecomCustomer(self.stage, self.wecom.phones, stops))
        self.wecom_staff = WecomStaff(self.stage, self.wecom.mass)
        self._side_port = side_port
        self.site_hook = ""
        self._side: Served | None = None

    async def start(self) -> None:
        await self.relay.start()
        await self.mx.start()
        await self.imap.start()
        await self.sms.start()
        await self.tencent_sms.start()
        await self.wechat.start()
        await self.wecom.start()
        self._side = await serve(side.make_app(self), listen("127.0.0.1", self._side_port, port_setting="--port"))
        self.stage.start()

    async def stop(self) -> None:
        await self.stage.stop()
        if self._side:
            await self._side.stop()
        await self.wecom.stop()
        await self.wechat.stop()
        await self.tencent_sms.stop()
        await self.sms.stop()
        await self.imap.stop()
        await self.mx.stop()
        await self.relay.stop()

    def misbehave(self, seed: int) -> dict[str, dict[str, float]]:
        """Every stand-in meets every fault from now on, receipts and pushes too. Returns the shares by stand-in."""
        self.stage.misbehave(seed)
        for name, carrier in (("sms", self.sms.carrier), ("tencent sms", self.tencent_sms.carrier)):
            carrier.misbehave(random.Random(f"{seed}:{name} carrier"))
        dice = random.Random(f"{seed}:bounces")
        self._bounces = Bounces(
            missing_share=dice.uniform(0.02, 0.1),
            late_share=dice.uniform(0.1, 0.3),
            duplicate_share=dice.uniform(0.1, 0.3),
            unknown_share=dice.uniform(0.1, 0.3),
        )
        self._mail.quirks = self._bounces
        self.wechat.misbehave(random.Random(f"{seed}:wechat callbacks"))
        self.wecom.misbehave(random.Random(f"{seed}:wecom callbacks"))
        return {plan.name: plan.as_json() for plan in self.stage.fault_plans}

    def connect_to(self, hooks: str, mail_host: str, mail_port: int) -> None:
        self.connect(Doors(hooks, mail_host, mail_port))

    def follow_clock(self, mark: str) -> None:
        self._clock.follow(mark)

    def hand_in(self, files: Sequence[str]) -> list[str]:
        """SMS templates, each an sms.toml, reviewed at once as on the day we started. Returns what was turned down."""
        turned_down = []
        for text in files:
            try:
                for code, words in _by_code([tomllib.loads(text)]).items():
                    self.sms.account.hand_in(code, aliyun_account.SmsTemplate(words))
                for code, words in _by_tencent_id([tomllib.loads(text)]).items():
                    self.tencent_sms.account.hand_in(code, tencent_account.SmsTemplate(words))
            except (InputError, ValueError, KeyError, TypeError) as exc:
                turned_down.append(str(exc))
        return turned_down

    def connect(self, doors: Doors) -> None:
        """From now on receipts, answers and the site's events go to these doors."""
        self.site_hook = f"{doors.hooks}/site"
        self._hear_mail(doors.mail_host, doors.mail_port)
        self.wechat.connect(f"{doors.hooks}/wechat/callback")
        self.wecom.connect(f"{doors.hooks}/wecom/callback")
        self.sms.connect(f"{doors.hooks}/sms/report", f"{doors.hooks}/sms/reply")
        self.tencent_sms.connect(f"{doors.hooks}/sms/tencent-status", f"{doors.hooks}/sms/tencent-reply")

    def _hear_mail(self, host: str = "", port: int = 0) -> None:
        """Customers' mail goes to this door, and in any case into the mailbox."""
        self._mail = MailCustomer(self.stage, host, port, quirks=self._bounces, box=self.imap.mailbox)
        self.relay.bounce = self.mx.bounce = self._mail.bounce
        self.customers.answer_by(ChannelName.EMAIL, self._mail, self._mail)

    @property
    def url(self) -> str:
        assert self._side is not None
        return self._side.url

    def endpoints(self) -> Mapping[str, Any]:
        """Where each stand-in is and what it accepts."""
        return {
            "smtp": {
                "host": self.mx.host,
                "port": self.mx.port,
                "submission_port": self.relay.port,
                "username": self.relay.user,
                "password": self._password,
            },
            "imap": self.imap.entrance(),
            "aliyun_sms": self.sms.entrance(),
            "tencent_sms": self.tencent_sms.entrance(),
            "wechat": self.wechat.entrance(),
            "wecom": self.wecom.entrance(_CONTACT),
            "side": self.url,
        }


def _wechat_templates(templates: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What our account's library holds: the fields of every campaign's service and subscription notices."""
    found: dict[str, dict[str, str]] = {"template": {}, "subscribe": {}}
    for path in sorted(templates.glob("*/wechat.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for mode, library in found.items():
            if mode in table:
                library[str(table[mode]["template_id"])] = _library_words(table[mode])
    return found["template"], found["subscribe"]


def _library_words(notice: Mapping[str, Any]) -> str:
    """As the library shows it: the file's words with a place for each field; where they lack one, only the values."""
    words = _FIELD.sub(r"{{\1.DATA}}", str(notice.get("text", ""))).strip()
    told = FIELD.findall(words)
    if sorted(told) == sorted(notice["data"]) and words.count("{") == 2 * len(told):
        return words
    return "\n".join(f"{{{{{name}.DATA}}}}" for name in notice["data"])


def _sms_templates(templates: Path) -> dict[str, str]:
    """What our account has had approved: the words of every campaign's sms.toml."""
    return _by_code(_sms_tables(templates))


def _by_code(tables: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(table["template_code"]): str(table["text"]) for table in tables}


def _tencent_templates(templates: Path) -> dict[str, str]:
    """The same words as approved there: variables are numbered, in the order the file gives them."""
    return _by_tencent_id(_sms_tables(templates))


def _by_tencent_id(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    tables = [(table["text"], table["tencent"]) for table in given if "tencent" in table]
    return {str(tencent["template_id"]): _numbered(text, tencent["params"]) for text, tencent in tables}


def _sms_tables(templates: Path) -> list[dict[str, Any]]:
    return [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(templates.glob("*/sms.toml"))]


def _numbered(text: str, names: Sequence[str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: f"{{{names.index(match[1]) + 1}}}", text)
