"""Reports balance: what planning decided, what became of it since, what came back."""

from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import definitions, outbox, planner, statements, touches
from campaigns.members import consent
from campaigns.models import Message
from campaigns.outbox import Settlement
from campaigns.replies.refusals import record_refusal, record_return
from campaigns.reports import CampaignReport, campaign_reports, sent_by_channel, unknown_by_channel
from campaigns.terms import ChannelName, DeliveryState, Direction, Intent, Reason, TouchKind
from tests.cast import (
    NOW,
    add_member,
    approve_tiny,
    crowd,
    datong,
    jinbei,
    put_on_the_wire,
    rulebook,
    run_tiny,
    send_one,
    settle,
    settle_sent,
    xinping,
    yungang,
)

pytestmark = pytest.mark.usefixtures("database")


async def test_a_report_balances_at_every_moment(tmp_path: Path) -> None:
    """Planned, suppressed, sent, bounced, unknown, waiting: always one state a member, and their sum the audience."""
    ids = await crowd(8)
    await consent.record_opt_out(ids[0], at=NOW, source="test")
    await add_member("Y1")
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    report = _balanced(await _report())
    assert report.planned == {"send": 7, "suppressed:refused": 1, "suppressed:no_contact": 1}
    assert (report.audience, report.waiting, report.later) == (9, 7, {})

    held = await put_on_the_wire(occurrence_id)
    assert _balanced(await _report()).waiting == 7
    delivered, bounced, unknown, refused, dropped, failed, retried = (one.id for one in held.messages)
    fates = [
        Settlement(delivered, DeliveryState.SENT, sent_at=NOW),
        Settlement(bounced, DeliveryState.SENT, sent_at=NOW),
        Settlement(unknown, DeliveryState.UNKNOWN, uncertain=True),
        Settlement(refused, DeliveryState.SUPPRESSED, reason=Reason.REFUSED),
        Settlement(dropped, DeliveryState.SUPPRESSED, reason=Reason.GOAL_MET),
        Settlement(failed, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED),
        Settlement(retried, DeliveryState.QUEUED, reason=Reason.RETRY),
    ]
    await settle(held, *fates)
    await outbox.record_receipt(delivered, delivered=True, code="", at=NOW)
    await outbox.record_receipt(bounced, delivered=False, code="", at=NOW)

    report = _balanced(await _report())
    assert (report.sent, report.delivered, report.bounced, report.unknown, report.uncertain) == (2, 1, 1, 1, 1)
    assert (report.waiting, report.channels) == (1, {"sms": 2})
    assert report.later == {"suppressed:refused": 1, "suppressed:goal_met": 1, "failed:provider_refused": 1}
    assert await sent_by_channel() == {"sms": 2}
    assert await unknown_by_channel() == {"sms": 1}


async def test_occurrences_add_up_and_one_still_being_planned_does_not_count(tmp_path: Path) -> None:
    await crowd(3)
    await run_tiny(tmp_path)
    await planner.plan_due(NOW + timedelta(days=1), rulebook())
    campaign = await definitions.read_campaign("tiny")
    await outbox.add_occurrence(campaign.id, campaign.version_id, "begun", NOW, useless_at=None)
    report = await _report()
    assert (report.occurrences, report.audience, report.planned) == (2, 6, {"send": 6})


async def test_a_campaign_that_never_ran_has_nothing_to_report(tmp_path: Path) -> None:
    await approve_tiny(tmp_path)
    report = await _report()
    assert (report.state, report.occurrences, report.audience, dict(report.planned)) == ("approved", 0, 0, {})
    assert await campaign_reports("nonsense") == []


async def test_tasks_for_people_are_a_fate_of_their_own(tmp_path: Path) -> None:
    await xinping()
    await run_tiny(tmp_path, action="visit", channels=[])
    report = _balanced(await _report())
    assert (report.planned, dict(report.now), report.waiting) == ({"visit": 1}, {"handed_over": 1}, 0)


async def test_what_came_back_is_credited_to_the_campaign_it_answers(tmp_path: Path) -> None:
    players = [await datong(), await jinbei(), await yungang(), await xinping()]
    sent = [await send_one(tmp_path, player) for player in players]
    await run_tiny(tmp_path, "other")
    said = ((TouchKind.REPLY, Intent.STOP), (TouchKind.REPLY, Intent.THANKS), (TouchKind.AUTO_REPLY, Intent.AUTO_REPLY))
    for player, message_id, (kind, intent) in zip(players, sent, said, strict=False):
        await touches.record_touch(
            player.member_id, at=NOW, direction=Direction.IN, kind=kind, medium="sms", message_id=message_id,
            intent=intent,
        )  # fmt: skip
    await record_return(sent[1], now=NOW)
    await record_refusal(sent[3], now=NOW)
    await touches.record_touch(
        players[0].member_id, at=NOW, direction=Direction.IN, kind=TouchKind.REPLY, medium="sms", intent=Intent.STOP
    )
    report = await _report()
    assert (report.replies, report.automatic, report.refusals, report.returns) == (2, 1, 2, 1)
    other = await _report("other")
    assert (other.replies, other.automatic, other.refusals, other.returns) == (0, 0, 0, 0)


async def test_messages_are_counted_by_the_channel_they_went_out_on(tmp_path: Path) -> None:
    player = await datong()
    occurrence_id = await run_tiny(tmp_path)
    await Message.filter(occurrence_id=occurrence_id).update(channel="email", address=player.email)
    await settle_sent(await put_on_the_wire(occurrence_id, ChannelName.EMAIL))
    await send_one(tmp_path, await jinbei(), "other")
    assert await sent_by_channel() == {"email": 1, "sms": 1}
    assert await unknown_by_channel() == {}
    assert (await _report()).channels == {"email": 1}


async def _report(key: str = "tiny") -> CampaignReport:
    (report,) = await campaign_reports(key)
    return report


def _balanced(report: CampaignReport) -> CampaignReport:
    assert sum(report.planned.values()) == sum(report.now.values()) == report.audience
    return report


async def test_the_ledger_and_the_report_count_the_same(tmp_path: Path) -> None:
    await crowd(4)
    await settle_sent(await put_on_the_wire(await run_tiny(tmp_path)))
    (row,) = await statements.query("SELECT count(*) AS n FROM touches WHERE direction = 'out'")
    assert (await _report()).sent == row["n"] == 4
