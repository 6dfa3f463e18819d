"""What a refusal means: every documented one, and what none may ever mean."""

import pytest

from bot.channels.refusals import read_refusal
from campaigns.terms import Reaction

REFUSALS = [
    # QQ
    (550, "Mailbox not found. http://service.mail.qq.com/", Reaction.SUPPRESS),
    (550, "Mailbox unavailable or access denied", Reaction.DEFER_RECIPIENT),
    (550, "Ip frequency limited", Reaction.SLOW),
    (550, "Connection frequency limited", Reaction.SLOW),
    (550, "Connection denied", Reaction.SLOW),
    (550, "Domain frequency limited", Reaction.SLOW),
    (550, "Mail content denied", Reaction.PAUSE_TEMPLATE),
    (550, "Spam is embedded in the email", Reaction.PAUSE_TEMPLATE),
    (552, "Message too large", Reaction.DROP),
    (501, "Bad address syntax", Reaction.SUPPRESS),
    # 163 and 126
    (421, "HL:REP 163 smtp7,x 1,please see http://mail.163.com/help/", Reaction.SLOW),
    (421, "HL:ICC 163 smtp7", Reaction.SLOW),
    (421, "HL:IFC 163 smtp7", Reaction.SLOW),
    (421, "HL:MEP 163 smtp7", Reaction.SLOW),
    (450, "MI:DMC 163 smtp7", Reaction.RETRY),
    (450, "MI:CCL 163 smtp7", Reaction.RETRY),
    (450, "RP:CCL 163 smtp7", Reaction.RETRY),
    (450, "WM:BLI 163 smtp7", Reaction.SLOW),
    (450, "WM:BLU 163 smtp7", Reaction.SLOW),
    (451, "RP:QRC 163 smtp7", Reaction.RETRY),
    (451, "RP:CEL 163 smtp7", Reaction.RETRY),
    (550, "MI:NHD 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "MI:IMF 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "MI:STC 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "RP:RCL 163 smtp7", Reaction.PAUSE_CHANNEL),
    (450, "MI:CEL 163 smtp7", Reaction.RETRY),
    (450, "RP:DRC 163 smtp7", Reaction.RETRY),
    (450, "DT:RBL 163 smtp7", Reaction.SLOW),
    (451, "DT:SPM 163 smtp7", Reaction.RETRY),
    (451, "MI:SFQ 163 smtp7", Reaction.RETRY),
    (550, "MI:SPF 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "MI:DMA 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "RP:FRL 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "User not found: li", Reaction.SUPPRESS),
    (550, "User suspended", Reaction.SUPPRESS),
    (554, "DT:SPM 163 smtp7", Reaction.PAUSE_TEMPLATE),
    (554, "HL:IHU 163 smtp7", Reaction.PAUSE_CHANNEL),
    (554, "IP<192.0.2.1> in blacklist", Reaction.PAUSE_CHANNEL),
    # Aliyun DirectMail
    (559, "invalid rcptto", Reaction.SUPPRESS),
    (561, "honeypot", Reaction.SUPPRESS),
    (552, "quota", Reaction.DEFER_RECIPIENT),
    (554, "Reject by content spam", Reaction.PAUSE_TEMPLATE),
    (535, "auth", Reaction.PAUSE_CHANNEL),
    # RFC 3463
    (550, "5.1.1 x", Reaction.SUPPRESS),
    (550, "5.1.2 x", Reaction.SUPPRESS),
    (556, "5.1.10 x", Reaction.SUPPRESS),
    (550, "5.2.1 x", Reaction.SUPPRESS),
    (450, "4.1.1 User unknown in local recipient table", Reaction.RETRY),
    (550, "4.1.1 x", Reaction.RETRY),
    (450, "4.2.0 greylisted", Reaction.RETRY),
    (552, "5.2.2 x", Reaction.DEFER_RECIPIENT),
    (452, "4.2.2 x", Reaction.DEFER_RECIPIENT),
    (552, "5.3.4 x", Reaction.DROP),
    (550, "5.2.3 x", Reaction.DROP),
    (550, "5.4.1 x", Reaction.RETRY),
    (550, "5.0.0 x", Reaction.RETRY),
    (550, "x", Reaction.RETRY),
    (530, "5.7.0 Authentication required", Reaction.PAUSE_CHANNEL),
    # bare codes
    (421, "4.7.0 closing", Reaction.SLOW),
    (421, "5.1.1 mailbox not found", Reaction.RETRY),
    (450, "x", Reaction.RETRY),
    (451, "x", Reaction.RETRY),
    (452, "x", Reaction.RETRY),
    (454, "4.7.8 later", Reaction.RETRY),
]


@pytest.mark.parametrize(("code", "text", "reaction"), REFUSALS)
def test_every_documented_refusal_has_its_reaction(code, text, reaction):
    assert read_refusal(code, text).reaction is reaction


@pytest.mark.parametrize("status", ["5.7.1", "5.7.23", "5.7.25", "5.7.26", "5.7.27", "5.7.515"])
def test_a_policy_against_us_is_never_the_addresss_fault(status):
    meaning = read_refusal(550, f"{status} denied by policy")
    assert meaning.ours
    assert meaning.reaction is Reaction.DROP


@pytest.mark.parametrize("code", range(400, 500))
@pytest.mark.parametrize("text", ["", "5.1.1 gone", "user unknown", "5.7.1 policy", "Mail content denied"])
def test_no_4xx_closes_an_address_or_stops_anything(code, text):
    closing = {Reaction.SUPPRESS, Reaction.PAUSE_TEMPLATE, Reaction.PAUSE_CHANNEL, Reaction.DROP}
    assert read_refusal(code, text).reaction not in closing


def test_netease_waits_are_at_least_as_long_as_asked():
    soon, later = read_refusal(451, "DT:SPM x").retry_after, read_refusal(451, "MI:SFQ x").retry_after
    assert soon is not None
    assert soon.total_seconds() >= 120
    assert later is not None
    assert later.total_seconds() >= 900
