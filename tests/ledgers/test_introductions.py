"""Seekers are found by occupation, introduced once, with consent and within the caps of both sides."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.settings import Settings
from campaigns import fairs, introducing, introductions, problems, statements
from campaigns.errors import StateError
from campaigns.introducing import Hindrance
from campaigns.introductions import State
from campaigns.members import seekers
from campaigns.members.seekers import Consent
from campaigns.models import Application, Introduction, Message, Posting, Seeker, SeekerOccupation, Visit
from campaigns.policy import PolicySettings
from tests.cast import NOW, Player, datong, jinbei, send_one

POLICY = PolicySettings()


async def a_seeker(number: int, job: str = "电焊工", **columns: object) -> int:
    given = {
        "no": f"S{number}", "name": f"求职者{number}", "wanted_job": job, "wanted_city": "古城", "pay": 4000,
        "years": 3, "registered_at": NOW - timedelta(days=number), "recommend": True, **columns,
    }  # fmt: skip
    made = await Seeker.create(**given)
    await seekers.fill_occupations()
    return int(made.id)


async def offered(player: Player, policy: PolicySettings = POLICY) -> list[str]:
    return [one.pair.seeker.no for one in await introducing.offers_for(player.member_id, NOW, policy)]


async def test_new_seekers_of_the_postings_occupation_are_offered(database: Settings) -> None:
    player = await datong()
    await a_seeker(1)
    await a_seeker(2, "护士")
    await a_seeker(3, "氩弧焊、普工", video_url="https://v.example.com/3")
    await a_seeker(4, wanted_city="朔州")
    assert await offered(player) == ["S1", "S3"]


async def test_who_handed_in_there_already_or_said_no_is_not_offered(database: Settings) -> None:
    player = await datong()
    posting = await Posting.get(member_id=player.member_id)
    await a_seeker(1)
    await a_seeker(2, consent="no")
    await Application.create(no="X1", posting_id=posting.id, seeker_no="S1", applied_at=NOW)
    assert await offered(player) == []


async def test_a_colleagues_word_for_consent_counts_before_the_sites(database: Settings) -> None:
    player = await datong()
    unknown, willing = await a_seeker(1, recommend=False), await a_seeker(2)
    [first, second] = await introducing.offers_for(player.member_id, NOW, POLICY)
    assert (first.consent, first.hindrance) == (Consent.YES, None)
    assert (second.consent, second.hindrance) == (Consent.UNKNOWN, Hindrance.NOT_ASKED)
    assert await seekers.record_consent(unknown, Consent.YES, by="林", now=NOW)
    assert await seekers.record_consent(willing, Consent.NO, by="林", now=NOW)
    assert await offered(player) == ["S1"]


async def test_a_changed_wish_is_read_anew(database: Settings) -> None:
    player = await datong()
    one = await a_seeker(1, "护士")
    assert await offered(player) == []
    await Seeker.filter(id=one).update(wanted_job="焊工")
    assert await seekers.fill_occupations() == 1
    assert await seekers.fill_occupations() == 0
    assert await offered(player) == ["S1"]
    assert await SeekerOccupation.filter(seeker_id=one).values_list("occupation", flat=True) == ["焊工"]


async def put_down(player: Player, *numbers: int, at: datetime = NOW) -> dict[int, int]:
    offers = await introducing.offers_for(player.member_id, NOW, POLICY)
    wanted = [one for one in offers if one.pair.seeker.id in numbers]
    return await introducing.propose(player.member_id, wanted, by="林", now=at)


async def test_the_same_pair_is_there_once_and_never_introduced_twice(database: Settings) -> None:
    player = await datong()
    one = await a_seeker(1)
    ids = await put_down(player, one)
    assert await put_down(player, one) == ids
    await introductions.introduce(list(ids.values()), 7, by="林", now=NOW)
    with pytest.raises(StateError):
        await introductions.introduce(list(ids.values()), 8, by="王", now=NOW)
    assert await offered(player) == []
    row = await Introduction.get()
    assert (row.state, row.message_id, row.by) == (State.INTRODUCED, 7, "林")


async def test_a_seeker_who_was_introduced_often_enough_rests(database: Settings) -> None:
    one = await a_seeker(1)
    player, other = await datong(), await jinbei()
    ids = await put_down(player, one)
    await introductions.introduce(list(ids.values()), 7, by="林", now=NOW)
    [offer] = await introducing.offers_for(other.member_id, NOW, PolicySettings(seeker_introductions=1))
    assert offer.hindrance is Hindrance.SEEKER_CAP
    later = NOW + timedelta(days=31)
    [offer] = await introducing.offers_for(other.member_id, later, PolicySettings(seeker_introductions=1))
    assert offer.hindrance is None


async def test_states_lead_forward_only(database: Settings) -> None:
    player = await datong()
    ids = list((await put_down(player, await a_seeker(1), await a_seeker(2))).values())
    await introductions.ask(ids[0], by="林", now=NOW)
    await introductions.refuse(ids[0], "不想去", by="林", now=NOW)
    await introductions.withdraw(ids[1], "招满了", by="林", now=NOW)
    for change in (introductions.refuse, introductions.withdraw):
        with pytest.raises(StateError):
            await change(ids[1], "", by="林", now=NOW)
    assert await introductions.count_by_state() == {"refused": 1, "withdrawn": 1}
    assert await offered(player) == []


async def test_after_a_visit_the_best_are_named_in_a_task_and_others_the_next_time(database: Settings) -> None:
    player = await datong()
    for number in range(1, 6):
        await a_seeker(number)
    await a_seeker(6, recommend=False)
    first = await introducing.propose_after_visit(player.member_id, 1, NOW, POLICY, by="林")
    task = await Visit.get(id=first)
    assert (task.category, task.owner) == ("introduce", "林")
    assert [f"求职者{n}" in task.note for n in range(1, 7)] == [True, True, True, False, False, False]
    second = await Visit.get(id=await introducing.propose_after_visit(player.member_id, 2, NOW, POLICY, by="林"))
    assert [f"求职者{n}" in second.note for n in range(1, 7)] == [False, False, False, True, True, False]
    assert await introducing.propose_after_visit(player.member_id, 3, NOW, POLICY, by="林") is None


async def test_offers_take_the_same_queries_however_many_fit(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = await datong()
    asked: list[str] = []
    fetch = statements.query

    async def counted(sql: str, *params: object) -> list[dict[str, object]]:
        asked.append(sql)
        return await fetch(sql, *params)

    monkeypatch.setattr(statements, "query", counted)
    counts = []
    for many in (1, 30):
        for number in range(many):
            await a_seeker(many * 100 + number, registered_at=NOW)
        asked.clear()
        assert await offered(player)
        counts.append(len(asked))
    assert counts[0] == counts[1] == 3


async def test_a_message_decides_who_is_told_and_what_is_open_again(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    seeker = await a_seeker(1)
    offers = await introducing.offers_for(player.member_id, NOW, POLICY)
    ids = await introducing.propose(player.member_id, offers, by="林", now=NOW)
    message_id = await send_one(tmp_path, player)
    await Message.filter(id=message_id).update(state="unknown")
    await introductions.introduce(list(ids.values()), message_id, by="林", now=NOW)
    assert await introductions.to_be_told() == await introductions.reopen_unsent() == []
    await Message.filter(id=message_id).update(state="delivered", due_at=None)
    assert [one.seeker_id for one in await introductions.to_be_told()] == [seeker]
    assert (await introducing.ask_to_tell(NOW), await introducing.ask_to_tell(NOW)) == (1, 0)
    await Message.filter(id=message_id).update(state="failed")
    assert (await introducing.open_again(NOW), await introducing.open_again(NOW)) == (1, 0)
    assert (await Introduction.get()).state == State.PROPOSED
    assert await Visit.filter(cause=f"introduce-again:{message_id}").count() == 1


async def test_with_nothing_sent_nothing_is_taken_back(database: Settings) -> None:
    assert await fairs.withdraw_unsent() == 0
    assert await problems.told_in_vain(NOW) == []
