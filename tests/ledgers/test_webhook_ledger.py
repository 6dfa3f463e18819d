"""What happened and the word of it to other programs: one transaction, each delivery until it has arrived."""

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from tortoise.transactions import in_transaction

from bot.settings import Settings
from campaigns import statements, visits, webhooks
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError
from campaigns.members import consent
from campaigns.models import Visit, Webhook, WebhookDelivery
from campaigns.replies.refusals import record_staff_refusal
from campaigns.replies.results import record_visit_result
from campaigns.results import Result, VisitResult
from campaigns.webhooks import WebhookKind, WebhookState
from tests.web_cast import NOW, add_contact, add_member

pytestmark = pytest.mark.usefixtures("database")
URL = "https://site.example/huifang?a=1"


async def add(*kinds: WebhookKind, url: str = URL) -> webhooks.Hook:
    return await webhooks.add_webhook(url, kinds or list(WebhookKind), by="林", now=NOW)


async def told() -> list[dict[str, object]]:
    return [orjson.loads(body) for body in await WebhookDelivery.all().order_by("id").values_list("body", flat=True)]


@pytest.mark.parametrize(
    "url",
    ["", "site.example", "ftp://site.example/", "https://", "https://a@site.example/", "https://site.example/#a",
     "https://site.example:99999/", "https://招聘.example/", "https://site.example/" + "a" * 500,
     "https://a b.example/"],
)  # fmt: skip
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="https://"):
        await add(url=url)


async def test_an_address_is_there_once_and_wants_to_know_something() -> None:
    await add()
    with pytest.raises(InputError, match="已经有了"):
        await add()
    with pytest.raises(InputError, match="至少选一样"):
        await webhooks.add_webhook("https://b.example/", ["nonsense"], by="林", now=NOW)


async def test_an_opt_out_is_told_to_those_who_asked_once_for_each_company() -> None:
    first, _ = await add(), await add(WebhookKind.REPLY, url="https://b.example/")
    members = [await add_member(f"Q{n}") for n in range(3)]
    await consent.record_opt_out(*(one.id for one in members), at=NOW, source="link:7")
    await consent.record_opt_out(members[0].id, at=NOW, source="link:8")
    found = await told()
    assert [one["type"] for one in found] == ["opt_out"] * 3
    assert {one["data"]["member"] for one in found} == {"Q0", "Q1", "Q2"}  # type: ignore[index]
    assert set(await WebhookDelivery.all().values_list("webhook_id", flat=True)) == {first.id}
    assert len({one["id"] for one in found}) == 3


async def test_neither_is_there_without_the_other() -> None:
    await add()
    member = await add_member("Q1")
    with pytest.raises(ZeroDivisionError):
        await _refuse_and_fail(member.id)
    assert await WebhookDelivery.all().count() == 0


async def _refuse_and_fail(member_id: int) -> None:
    async with in_transaction():
        await record_staff_refusal(member_id, now=NOW, by="林")
        raise ZeroDivisionError


async def test_the_outcome_of_a_task_is_told_whether_it_ended_or_goes_on() -> None:
    await add(WebhookKind.TASK_OUTCOME)
    member = await add_member("Q1")
    contact = await add_contact(member, "C1")
    due = {"cause": "c", "opened_at": NOW, "due_at": NOW, "contact_id": contact.id}
    number = await visits.open_visit(member.id, category="renewal", **due)  # type: ignore[arg-type]
    task = await visits.find_visit(number)
    assert task is not None
    for key, result in (("a", Result.NO_ANSWER), ("b", Result.TALKED)):
        done = VisitResult(result, text="打过")
        await record_visit_result(member.id, done, key=key, by="林", now=NOW, calendar=WorkCalendar(), task=task)
    data = [one["data"] for one in await told()]
    assert [(one["done"], one["outcome"]["result"]) for one in data] == [(False, "no_answer"), (True, "talked")]  # type: ignore[index]
    assert (data[1]["member"], data[1]["contact"], data[1]["by"]) == ("Q1", "C1", "林")  # type: ignore[index]
    assert (await Visit.get()).state == "done"


async def test_one_that_is_paused_is_kept_for_and_one_that_is_stopped_is_not() -> None:
    paused, stopped = await add(), await add(url="https://b.example/")
    await webhooks.change_state(paused.id, WebhookState.PAUSED)
    await webhooks.change_state(stopped.id, WebhookState.STOPPED)
    await consent.record_opt_out((await add_member("Q1")).id, at=NOW, source="x")
    assert await WebhookDelivery.all().values_list("webhook_id", flat=True) == [paused.id]
    assert await statements.webhooks_due() == []
    assert await webhooks.claim(paused.id, 60) is None
    await webhooks.change_state(paused.id, WebhookState.ON)
    assert await statements.webhooks_due() == [paused.id]


async def test_a_delivery_is_one_sender_s_for_the_time_of_its_lease(database: Settings) -> None:
    hook = await add()
    for n in range(6):
        await consent.record_opt_out((await add_member(f"Q{n}")).id, at=NOW, source="x")
    claimed = await asyncio.gather(*(webhooks.claim(hook.id, 60) for _ in range(12)))
    ids = [one.id for one in claimed if one]
    assert len(ids) == len(set(ids)) <= 6
    while one := await webhooks.claim(hook.id, 60):
        ids.append(one.id)
    assert len(ids) == len(set(ids)) == 6


async def test_what_a_dead_sender_held_is_sent_again_under_the_same_id() -> None:
    hook = await add()
    await consent.record_opt_out((await add_member("Q1")).id, at=NOW, source="x")
    first = await webhooks.claim(hook.id, 0.1)
    assert first is not None
    await asyncio.sleep(0.3)
    again = await webhooks.claim(hook.id, 60)
    assert again is not None
    assert (again.event_id, again.body, again.attempts) == (first.event_id, first.body, 2)
    await webhooks.mark_sent(again, hook.id, 200)
    await webhooks.put_off(first.id, 0, None, "too late")  # the first wakes up: what arrived stays so
    assert await webhooks.claim(hook.id, 60) is None
    assert (await WebhookDelivery.get()).state == "sent"


async def test_one_that_failed_waits_is_given_up_and_is_sent_again_by_hand() -> None:
    hook = await add()
    await consent.record_opt_out((await add_member("Q1")).id, at=NOW, source="x")
    one = await webhooks.claim(hook.id, 60)
    assert one is not None
    since = await webhooks.note_failing(hook.id, NOW)
    assert await webhooks.note_failing(hook.id, NOW + timedelta(hours=1)) == since
    await webhooks.put_off(one.id, 3600, 500, "x" * 300)
    assert await webhooks.claim(hook.id, 60) is None
    await webhooks.mark_failed(one.id, 500, "500")
    assert (await webhooks.log_of(hook.id, state="failed"))[0].attempts == 1
    again = await webhooks.send_again(one.id)
    assert again is not None
    claimed = await webhooks.claim(hook.id, 60)
    assert claimed is not None
    assert claimed.event_id == one.event_id
    await webhooks.mark_sent(claimed, hook.id, 204)
    assert (await Webhook.get()).failing_since is None
    assert await webhooks.send_again(10**30) is None


async def test_a_log_comes_by_pages_and_old_ones_are_forgotten() -> None:
    hook = await add()
    for _ in range(webhooks.PAGE + 2):
        await webhooks.announce_test(hook.id, NOW)
    first = await webhooks.log_of(hook.id)
    rest = await webhooks.log_of(hook.id, before=first[-1].id)
    assert (len(first), len(rest)) == (webhooks.PAGE, 2)
    await webhooks.mark_failed(first[0].id, 500, "500")
    later = datetime.now(UTC) + webhooks.KEPT_FOR + timedelta(days=1)
    assert await webhooks.forget_old(later) == 1
    assert await webhooks.count_deliveries() == {(hook.id, "due"): webhooks.PAGE + 1}
    await webhooks.delete_webhook(hook.id)
    assert await WebhookDelivery.all().count() == 0


async def test_a_rotated_secret_leaves_the_old_one_a_day() -> None:
    hook, now = await add(), datetime.now(UTC)
    rotated = await webhooks.rotate_secret(hook.id, now)
    assert rotated is not None
    assert (rotated.generation, rotated.old_until) == (2, now + timedelta(days=1))
    assert await webhooks.rotate_secret(404, now) is None
