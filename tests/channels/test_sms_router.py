"""Two SMS providers at once: the rules that choose, the names that remember, and what must never be got round."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from bot.channels.base import InboundAnswer, InboundRequest
from bot.channels.sms_router import SmsRouter
from bot.channels.sms_rules import SmsRules, load_sms_rules
from campaigns.errors import ChannelUnavailable, DefinitionError, WebhookRejected
from campaigns.terms import (
    ChannelName,
    InboundEvent,
    MessageClass,
    Outbound,
    Reaction,
    Receipt,
    SendResult,
    SmsProvider,
    SmsTemplate,
    SmsWords,
)

ALIYUN, TENCENT, GENERIC = SmsProvider
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SHIPPED = Path(__file__).resolve().parents[2] / "templates" / "sms_providers.toml"
BOTH = SmsWords("SMS_1", "签名", {}, "【签名】您好", {TENCENT: SmsTemplate("449740")})
ONLY_TENCENT = replace(BOTH, template_code="")
ONLY_ALIYUN = replace(BOTH, templates={})


@dataclass
class Carrier:
    """A provider that writes down what it is given and answers as it is told."""

    reaction: Reaction | None = None
    unavailable: bool = False
    serial: str = "s-1"
    sent: list[Outbound] = field(default_factory=list)
    asked: list[Outbound] = field(default_factory=list)
    name: ChannelName = ChannelName.SMS

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        return [f"b-{one.key}" if len(batch) > 1 else one.key for one in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        if self.unavailable:
            raise ChannelUnavailable("away")
        self.sent += batch
        known = "" if self.reaction else self.serial
        return [SendResult(one.id, self.reaction, provider_id=known) for one in batch]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        self.asked.append(outbound)
        return SendResult(outbound.id, provider_id=self.serial)

    def verify(self, request: InboundRequest) -> None:
        if request.door not in ("report", "status"):
            raise WebhookRejected(request.door)

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        return [Receipt("e-1", ChannelName.SMS, NOW, True, provider_id=self.serial, address="15483503031")]

    def answer(self, request: InboundRequest) -> InboundAnswer:
        return InboundAnswer(self.serial.encode())

    async def close(self) -> None: ...


def message(number: int = 1, words: SmsWords = BOTH, address: str = "13900000001") -> Outbound:
    return Outbound(number, f"key-{number}", address, MessageClass.SERVICE, words)


@dataclass
class Two:
    aliyun: Carrier
    tencent: Carrier
    router: SmsRouter

    def named(self, *batch: Outbound) -> list[Outbound]:
        return [replace(one, key=key) for one, key in zip(batch, self.router.out_ids(batch), strict=True)]


def two(rules: SmsRules | None = None, **more) -> Two:
    aliyun, tencent = Carrier(serial="a-1"), Carrier(serial="t-1")
    return Two(aliyun, tencent, SmsRouter({ALIYUN: aliyun, TENCENT: tencent}, rules or SmsRules(), **more))


HALF = SmsRules(share={ALIYUN: 50, TENCENT: 50})
TO_TENCENT = SmsRules(default=TENCENT, share={})
NAMES_BOTH = SmsRules(share={ALIYUN: 100, TENCENT: 0})


@pytest.fixture
def pair() -> Two:
    return two()


# ---- who carries what ---------------------------------------------------------------------------------------------


def test_without_a_rule_everything_goes_by_the_default(pair: Two) -> None:
    assert {pair.router.provider_of(message(n)) for n in range(200)} == {ALIYUN}


def at_number(n: int, key: int = 0) -> Outbound:
    return message(key or n, address=f"139{n:08}")


def test_a_share_is_kept_to_and_a_number_always_goes_the_same_way() -> None:
    first = [two(HALF).router.provider_of(at_number(n)) for n in range(1000)]
    assert first == [two(HALF).router.provider_of(at_number(n, key=7000 + n)) for n in range(1000)]
    assert 440 < first.count(TENCENT) < 560


def test_a_number_goes_by_its_longest_prefix_before_any_share() -> None:
    rules = SmsRules(share={ALIYUN: 100}, prefixes={"139": TENCENT, "13900": ALIYUN})
    found = [two(rules).router.provider_of(message(1, address=address)) for address in ("13912345678", "13900000001")]
    assert found == [TENCENT, ALIYUN]


def test_a_provider_without_a_template_for_the_words_is_not_chosen(pair: Two) -> None:
    assert pair.router.provider_of(message(1, ONLY_TENCENT)) is TENCENT
    assert two(TO_TENCENT).router.provider_of(message(1, ONLY_ALIYUN)) is ALIYUN


async def test_words_that_nobody_has_a_template_for_stop_the_campaign_and_nothing_is_called(pair: Two) -> None:
    [result] = await pair.router.send(pair.named(message(1, replace(ONLY_ALIYUN, template_code=""))))
    assert (result.reaction, result.code) == (Reaction.PAUSE_TEMPLATE, "no template")
    assert pair.aliyun.sent == pair.tencent.sent == []


# ---- names --------------------------------------------------------------------------------------------------------


async def test_the_name_a_message_is_kept_under_says_by_whom_it_went_and_the_wire_does_not() -> None:
    pair = two(TO_TENCENT)
    [named] = pair.named(message(1))
    assert named.key == "tencent.key-1"
    [result] = await pair.router.send([named])
    assert [one.key for one in pair.tencent.sent] == ["key-1"]
    assert result.provider_id == "tencent.t-1"


async def test_what_goes_by_aliyun_is_named_as_it_was_before_there_were_others(pair: Two) -> None:
    [named] = pair.named(message(1))
    [result] = await pair.router.send([named])
    assert (named.key, result.provider_id) == ("key-1", "a-1")


async def test_a_mixed_group_goes_by_both_and_comes_back_in_order() -> None:
    pair = two(HALF)
    batch = pair.named(*(message(n) for n in range(20)))
    results = await pair.router.send(batch)
    assert [result.id for result in results] == list(range(20))
    assert (len(pair.aliyun.sent), len(pair.tencent.sent)) == (
        sum("." not in one.key for one in batch),
        sum("." in one.key for one in batch),
    )
    assert all((".t-1" in one.provider_id) == ("." in key.key) for one, key in zip(results, batch, strict=True))


def test_the_longest_name_fits_its_column() -> None:
    pair = two(TO_TENCENT)
    long = [replace(message(n), key=f"m{'f' * 31}{n}") for n in (1, 2)]
    assert all(len(name) <= 64 for name in pair.router.out_ids(long))


async def test_a_message_of_unknown_outcome_is_asked_about_where_it_went_whatever_the_rules_say_now() -> None:
    pair = two(SmsRules(default=ALIYUN))
    found = await pair.router.look_up(replace(message(1), key="tencent.key-1"))
    assert found == SendResult(1, provider_id="tencent.t-1")
    assert ([one.key for one in pair.tencent.asked], pair.aliyun.asked) == (["key-1"], [])


async def test_what_went_by_a_provider_that_is_gone_stays_unknown(pair: Two) -> None:
    assert await pair.router.look_up(replace(message(1), key="generic.key-1")) is None
    assert pair.aliyun.asked == pair.tencent.asked == []


@pytest.mark.parametrize("reaction", [Reaction.SUPPRESS, Reaction.UNKNOWN, Reaction.DROP, Reaction.DEFER_RECIPIENT])
async def test_no_answer_of_one_is_got_round_by_the_other(reaction: Reaction) -> None:
    pair = two(NAMES_BOTH)
    pair.aliyun.reaction = reaction
    [result] = await pair.router.send(pair.named(message(1)))
    assert result.reaction is reaction
    assert pair.tencent.sent == []


# ---- a provider that is closed or away ----------------------------------------------------------------------------


async def test_while_one_is_closed_the_other_of_the_rules_carries_what_was_not_sent() -> None:
    pair = two(NAMES_BOTH)
    assert pair.router.closure_of(ALIYUN) == "sms_aliyun"
    pair.router.rest({"sms_aliyun"})
    await pair.router.send(pair.named(message(1), message(2, ONLY_ALIYUN)))
    assert ([one.id for one in pair.tencent.sent], pair.aliyun.sent) == ([1], [])


async def test_what_only_a_closed_provider_can_carry_waits() -> None:
    pair = two(NAMES_BOTH)
    pair.router.rest({"sms_aliyun"})
    [result] = await pair.router.send(pair.named(message(1, ONLY_ALIYUN)))
    assert (result.reaction, result.code) == (Reaction.DEFER_RECIPIENT, "provider closed")
    pair.router.rest(())
    assert (await pair.router.send(pair.named(message(1, ONLY_ALIYUN))))[0].accepted


def test_where_all_goes_by_one_its_closure_is_the_channels(pair: Two) -> None:
    assert (pair.router.closure_of(ALIYUN), pair.router.closure_of(TENCENT)) == ("sms", "sms_tencent")
    assert SmsRouter({TENCENT: Carrier()}, TO_TENCENT).closure_of(TENCENT) == "sms"


async def test_one_that_cannot_be_reached_does_not_keep_the_other_from_sending() -> None:
    pair = two(HALF)
    pair.aliyun.unavailable = True
    batch = pair.named(*(at_number(n) for n in range(10)))
    results = await pair.router.send(batch)
    assert {result.reaction for result, one in zip(results, batch, strict=True) if "." not in one.key} == {
        Reaction.RETRY
    }
    pair.tencent.unavailable = True
    with pytest.raises(ChannelUnavailable):
        await pair.router.send(pair.named(at_number(1)))


# ---- doors --------------------------------------------------------------------------------------------------------


def test_each_provider_has_doors_of_its_own(pair: Two) -> None:
    for door, provider, known_as in (("report", b"a-1", "a-1"), ("tencent-status", b"t-1", "tencent.t-1")):
        request = InboundRequest("POST", door)
        pair.router.verify(request)
        assert pair.router.answer(request).body == provider
        [receipt] = pair.router.parse(request)
        assert isinstance(receipt, Receipt)
        assert receipt.provider_id == known_as
    assert receipt.event_id == "tencent:e-1"


@pytest.mark.parametrize("door", ["generic-report", "huawei-report", "tencent-", "tencent"])
def test_a_door_of_nobody_is_closed(door: str, pair: Two) -> None:
    with pytest.raises(WebhookRejected):
        pair.router.verify(InboundRequest("POST", door))


@pytest.mark.parametrize(
    ("client", "is_taken"), [("203.0.113.7", True), ("::ffff:203.0.113.7", True), ("203.0.114.1", False), ("", False)]
)
def test_a_provider_pushes_from_its_own_addresses_only_where_they_are_known(client: str, is_taken: bool) -> None:
    pair = two(pushed_from={TENCENT: (ip_network("203.0.113.0/24"),), ALIYUN: ()})
    pair.router.verify(InboundRequest("POST", "report", client="198.51.100.1"))
    request = InboundRequest("POST", "tencent-status", client=client)
    if is_taken:
        pair.router.verify(request)
    else:
        with pytest.raises(WebhookRejected, match="does not push from there"):
            pair.router.verify(request)


# ---- the file -----------------------------------------------------------------------------------------------------


def rules_of(tmp_path: Path, text: str) -> SmsRules:
    (tmp_path / "sms_providers.toml").write_text(text, encoding="utf-8")
    return load_sms_rules(tmp_path / "sms_providers.toml")


def test_the_shipped_file_sends_everything_by_aliyun_as_does_none(tmp_path: Path) -> None:
    assert load_sms_rules(SHIPPED) == load_sms_rules(tmp_path / "none.toml") == SmsRules()


def test_the_examples_of_the_shipped_file_can_be_switched_on(tmp_path: Path) -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    text = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and ("=" in line or "[" in line) else line for line in lines
    )
    rules = rules_of(tmp_path, text)
    assert rules.share == {ALIYUN: 70, TENCENT: 30}
    assert rules.order("13312345678")[0] is TENCENT


def test_a_carrier_stands_for_its_blocks_of_numbers(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, '[carrier]\nmobile = "tencent"\n')
    assert [rules.order(number)[0] for number in ("13900000001", "17030000001", "13000000001")] == [
        TENCENT,
        TENCENT,
        ALIYUN,
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('default = "huawei"', "default"),
        ("default = 3", "default"),
        ('other = "x"', "other"),
        ("[share]\naliyun = 70", "share"),
        ("[share]\naliyun = 70\ntencent = 40", "share"),
        ('[share]\naliyun = "all"', "share.aliyun"),
        ("[share]\nhuawei = 100", "share.huawei"),
        ('[carrier]\nchinanet = "tencent"', "carrier.chinanet"),
        ('[prefix]\n"13" = "tencent"', "prefix.13"),
        ('[prefix]\n"139" = "x"', "prefix.139"),
        ("share = 3", "share"),
    ],
)
def test_a_mistake_in_the_file_is_named_by_its_key(text: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        rules_of(tmp_path, text)
    assert (refused.value.file, refused.value.key) == ("sms_providers.toml", key)
