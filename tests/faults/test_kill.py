"""The worker killed in mid-campaign, and stopped in mid-campaign."""

from campaigns.models import Message, Touch
from campaigns.reports import campaign_reports
from campaigns.terms import ChannelName
from tests.faults.conftest import Stage, addresses, ids_in, start_nudge
from tests.fleet import started, until

_KILLS = 3


async def test_a_worker_killed_three_times_loses_nothing_and_sends_no_sms_twice(stage_on_both: Stage) -> None:
    stage = stage_on_both
    planned = await start_nudge(stage, sms=220, mail=60)
    stage.slow_down(sms=0.3, mail=0.1)
    in_flight: set[int] = set()
    for _ in range(_KILLS):
        in_flight |= await _kill_on_the_wire(stage, before=in_flight)

    stage.slow_down(sms=0.01, mail=0.01)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await until(lambda: _is_over(stage), "every message has its fate", seconds=60)
        assert await worker.terminate() == 0

    messages = {message.id: message for message in await Message.filter(id__in=planned)}
    sms = {id_ for id_, one in messages.items() if one.channel == "sms"}
    mail = planned - sms
    by_sms, by_mail = stage.arrived(ChannelName.SMS), stage.arrived(ChannelName.EMAIL)
    to = {id_: one.address for id_, one in messages.items()}
    sent = {id_ for id_, one in messages.items() if one.state in ("sent", "delivered")}
    unknown = {id_ for id_, one in messages.items() if one.state == "unknown"}
    assert sent | unknown == planned  # nothing is lost
    assert set(by_sms.values()) == {1}  # no SMS twice
    assert {to[id_] for id_ in sent & sms} == set(by_sms)  # what the provider has is known to be sent
    assert {to[id_] for id_ in sent & mail} <= set(by_mail)
    uncertain = {id_ for id_, one in messages.items() if one.uncertain}
    assert in_flight <= uncertain  # each marked
    assert unknown <= in_flight
    assert {address for address, times in by_mail.items() if times > 1} <= {to[id_] for id_ in uncertain}
    [report] = await campaign_reports("unread_resumes")
    assert (report.sent, report.unknown, report.uncertain) == (len(sent), len(unknown), len(uncertain))  # and counted
    touched = await Touch.filter(direction="out").values_list("message_id", flat=True)
    assert sorted(touched) == sorted(sent | unknown)


async def test_a_worker_told_to_stop_leaves_nothing_uncertain(stage: Stage) -> None:
    planned = await start_nudge(stage, sms=120, mail=30)
    stage.slow_down(sms=0.2, mail=0.05)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await until(lambda: ids_in("sending"), "something is on the wire")
        assert await worker.terminate() == 0
        assert "Traceback" not in worker.errors()
    sent = await ids_in("sent")
    assert sent
    assert await ids_in("queued") == planned - sent
    assert await addresses(sent) == set(stage.arrived(ChannelName.SMS, ChannelName.EMAIL))
    assert await Message.filter(uncertain=True).count() == 0


async def _kill_on_the_wire(stage: Stage, before: set[int]) -> set[int]:
    """kill -9 while messages are `sending`. Returns those."""

    async def in_mid_campaign() -> bool:
        return bool(await ids_in("sending") - before) and len(stage.sandbox.stage.ledger) > accepted

    accepted = len(stage.sandbox.stage.ledger)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await until(in_mid_campaign, "something is on the wire")
        worker.kill()
    caught = await ids_in("sending") - before
    assert caught
    return caught


async def _is_over(stage: Stage) -> bool:
    """Nothing waits, and the provider was asked about what is uncertain."""
    if await ids_in("queued", "sending"):
        return False
    return not await addresses(await ids_in("unknown")) & set(stage.arrived(ChannelName.SMS))
