"""A network that was worked for a year: members and a million messages and touches, made by the database itself."""

from datetime import UTC, datetime
from pathlib import Path

from bot.runtime import Runtime
from campaigns import conversations, custom_fields, definitions, edits, saved_segments, statements
from campaigns.definitions import CampaignRow
from campaigns.models import (
    Application,
    Approval,
    AuditEntry,
    Campaign,
    Conversation,
    Event,
    ImportRun,
    Login,
    Message,
    Note,
    Occurrence,
    Posting,
    Suppression,
    Touch,
    Visit,
    WechatFollower,
)
from campaigns.replies.reading import AUTO_REPLIES
from tests.benchmarks.bench import Bench
from tests.benchmarks.crowds import ago, as_document, fill, pick, settle_in
from tests.web_cast import fill_words

MEMBERS = 100_000
MESSAGES_OF_A_MEMBER = 10
RUNS = 10  # of each campaign
PAST_CAMPAIGNS = 300
TALKED = 5_000  # touches of the first member
_CHANNELS = ("email", "sms")
_OTHERS = (AUTO_REPLIES, "festival_greeting")  # whose words need more than a member's own facts
_JOBS = ("电焊工", "服务员", "会计", "司机", "保安")
_INTENTS = ("interested", "call_me", "thanks", "problem_login", "unknown", "stop", "filled", "problem_noapply")
_STATES = ("delivered", "sent", "delivered", "sent", "suppressed", "bounced", "delivered")
_UNKNOWN = "n % 500 = 0"
_TASKS = ("open", "done", "done", "done")
_SAID = ("好的，谢谢", "给我打个电话", "忘记密码了", "已经招满了", "别再发了", "最近没人投简历", "怎么续费", "嗯")


async def _past_campaigns(templates: Path, like: CampaignRow, now: datetime) -> None:
    """What a house of some years has made: each with words of its own, approved once and over."""
    own = {name: text for name, text in like.files.items() if not name.startswith("_shared/")}
    for number in range(PAST_CAMPAIGNS):
        key, title = f"made_{number:03}", f"{like.definition.title}{number}"
        changed = own["campaign.toml"].replace(like.definition.title, title)
        await edits.write_files(key, {**own, "campaign.toml": changed}, by="程雪", now=now)
        await definitions.approve(await definitions.load_campaign(templates, key), by="程雪", now=now)
        await definitions.cancel(key)


async def found_town(bench: Bench, runtime: Runtime, members: int) -> None:
    """Members and everything that happened to them in a year, then the counters that imports keep."""
    now, settings = datetime.now(UTC), runtime.settings
    bench.tick("members", 0)
    await settle_in(members)
    await statements.run(
        f"UPDATE members SET initials = 'dtd' || id || 'smyxgs', plan_expires_on = {_renewal(now)}, live_postings = 2"
    )
    templates = settings.huifang_templates
    folders = [await definitions.load_campaign(templates, key) for key in await definitions.campaign_keys(templates)]
    worded = [one for one in folders if set(_CHANNELS) <= set(one.definition.channels) and one.key not in _OTHERS]
    campaigns = [await definitions.approve(folder, by="程雪", now=now) for folder in worded]
    for one in campaigns:
        await definitions.start(one.key, now=now)
    await _past_campaigns(templates, campaigns[0], now)
    bench.tick("postings and applications", 0)
    await fill(
        Posting,
        {"no": "'P' || n", "member_id": f"1 + n % {members}", "title": pick(_JOBS),
         "city": pick(("大同", "朔州", "太原")),
         "pay_min": "3000 + n % 3000", "pay_max": "6000 + n % 3000",
         "heads": "1 + n % 9", "published_at": ago(now, 5, 300), "refreshed_at": ago(now, 1, 100)},
        members * 2,
    )  # fmt: skip
    await fill(
        Application,
        {"no": "'A' || n", "posting_id": f"1 + n % {members * 2}", "applied_at": ago(now, 1, 200),
         "first_viewed_at": f"CASE WHEN n % 3 = 0 THEN {ago(now, 0, 1)} END"},
        members * 5,
    )  # fmt: skip
    bench.tick("messages", 0)
    runs = len(campaigns) * RUNS
    total = members * MESSAGES_OF_A_MEMBER
    fates = statements.as_json({"send": total // runs * 9 // 10, "suppressed:hold_out": total // runs // 10})
    await fill(
        Occurrence,
        {"campaign_id": f"{campaigns[0].id} + (n - 1) / {RUNS}", "key": "'run-' || n",
         "version_id": f"{campaigns[0].version_id} + (n - 1) / {RUNS}", "at": ago(now, 1, 350),
         "planned_at": ago(now, 1, 350), "audience": str(total // runs), "planned": as_document(f"'{fates}'")},
        runs,
    )  # fmt: skip
    channel = pick(_CHANNELS)
    await fill(
        Message,
        {"occurrence_id": f"1 + (n - 1) / {members} * {len(campaigns)} + n % {len(campaigns)}",
         "member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}", "message_class": "'marketing'",
         "channel": channel, "address": "'154' || (10000001 + n % 100000)",
         "state": f"CASE WHEN {_UNKNOWN} THEN 'unknown' ELSE {pick(_STATES)} END",
         "ask_at": f"CASE WHEN {_UNKNOWN} THEN {ago(now, 1, 350)} END",
         "not_before": ago(now, 1, 350), "sent_at": ago(now, 1, 350), "settled_at": ago(now, 1, 350),
         "reason": f"CASE {pick(_STATES)} WHEN 'suppressed' THEN CASE WHEN {_UNKNOWN} THEN '' ELSE 'hold_out' END "
                   f"WHEN 'bounced' THEN CASE WHEN {_UNKNOWN} THEN '' ELSE 'no_such_address' END ELSE '' END",
         "provider_id": "'p' || n"},
        total,
    )  # fmt: skip
    bench.tick("touches", 0)
    await fill(
        Touch,
        {"member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}", "at": ago(now, 1, 350),
         "direction": "CASE WHEN n % 10 = 0 THEN 'in' ELSE 'out' END", "medium": channel,
         "kind": "CASE WHEN n % 40 = 0 THEN 'return' WHEN n % 10 = 0 THEN 'reply' ELSE 'message' END",
         "message_class": "'marketing'",
         "message_id": "n", "text": f"CASE WHEN n % 10 = 0 AND n % 40 > 0 THEN {pick(_SAID)} ELSE '' END",
         "intent": f"CASE WHEN n % 10 = 0 AND n % 40 > 0 THEN {pick(_INTENTS)} ELSE '' END"},
        total,
    )  # fmt: skip
    await fill(
        Touch,  # of the first member, with whom somebody talks all day
        {"member_id": "1", "contact_id": "1", "at": ago(now, 0, 300), "medium": channel,
         "direction": "CASE WHEN n % 2 = 0 THEN 'in' ELSE 'out' END",
         "kind": "CASE WHEN n % 2 = 0 THEN 'reply' ELSE 'message' END", "text": pick(_SAID)},
        TALKED,
    )  # fmt: skip
    await fill(Login, {"member_id": f"1 + n % {members}", "at": ago(now, 0, 399)}, members * 3)
    bench.tick("answers, tasks, log", 0)
    await fill(
        Event,
        {"channel": channel, "event_id": "'e' || n", "kind": pick(("reply", "receipt", "receipt", "auto_reply")),
         "received_at": ago(now, 1, 350), "payload": as_document("'{}'"), "outcome": pick(("applied", "repeat")),
         "message_id": "n"},
        total // 2,
    )  # fmt: skip
    await fill(
        Conversation,
        {"member_id": "n", "state": pick(("waiting", "answered", "closed", "closed", "answered")),
         "heard_at": ago(now, 0, 300), "medium": pick(("email", "sms", "wechat", "sms")),
         "contact_id": "n", "touch_id": "n * 10", "intent": pick(_INTENTS), "assigned": pick(("", "程雪", "石磊", ""))},
        members // 2,
    )  # fmt: skip
    await fill(
        Visit,
        {"member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}",
         "category": pick(("renewal", "call_me", "problem_login")), "state": pick(_TASKS),
         "opened_at": ago(now, 1, 300), "due_at": ago(now, -5, 300), "cause": "'town:' || n",
         "closed_at": f"CASE WHEN {pick(_TASKS)} = 'done' THEN {ago(now, 0, 200)} END",
         "owner": pick(("程雪", "石磊", ""))},
        members // 2,
    )  # fmt: skip
    await fill(
        Suppression,
        {"member_id": "n", "reason": "'refused'", "at": ago(now, 1, 300)},
        members // 50,
    )  # fmt: skip
    await fill(
        Note, {"member_id": "1 + n / 3", "text": "'上午打过电话'", "by": "'程雪'", "at": ago(now, 0, 90)}, members // 5
    )
    await fill(
        AuditEntry,
        {"at": ago(now, 0, 300), "who": pick(("程雪", "石磊")), "action": pick(("member_seen", "logged_in")),
         "subject": "'member/Y' || (n % 1000)", "detail": as_document("'{}'"), "came_from": "'127.0.0.1'"},
        members * 2,
    )  # fmt: skip
    await fill(
        WechatFollower,
        {"openid": "'oBenchmark' || (100000000 + n)", "window_until": ago(now, -2, 300), "window_left": "5"},
        members // 10,
    )
    await _settings(now)
    bench.tick("counters", 0)
    await statements.recount_members()
    for place in range(1, MESSAGES_OF_A_MEMBER + 1):  # the first member's: the words of the others are never shown
        await fill_words(runtime, members * place)
    if _is_postgres():
        await statements.run("VACUUM ANALYZE")  # as the server does by itself within minutes of a load
    else:
        await statements.run("ANALYZE")
    bench.rest()


async def _settings(now: datetime) -> None:
    """What staff keep: columns of the site's own, segments, views, words, what waits for approval, files brought in."""
    for name in ("园区", "产业", "网格"):
        await custom_fields.save_field(name, name, "text", ["list", "member", "segment"])
    for place, rule in enumerate(("unread_resumes > 0", "idle_days >= 90 and reachable.sms", "trade = '餐饮酒店'"), 1):
        await saved_segments.save_segment(f"分群{place}", rule, by="程雪", now=now)
    for place in range(20):
        await conversations.save_canned(None, title=f"常用语{place}", text="{contact.name}您好", by="程雪", now=now)
    version = await Campaign.all().order_by("id").first().values_list("version_id", flat=True)
    verdicts = pick(("approved", "refused", "", "withdrawn"))
    await fill(
        Approval,
        {"campaign": "'forgotten_account'", "version_id": str(version), "audience": "n * 50", "asked_by": "'石磊'",
         "asked_at": ago(now, 1, 90), "verdict": f"CASE WHEN n < 5 THEN '' ELSE {verdicts} END"},
        200,
    )  # fmt: skip
    await fill(
        ImportRun,
        {"state": "'done'", "folder": "'imports/' || n", "by": "'程雪'", "at": ago(now, 0, 300)},
        300,
    )


def _renewal(now: datetime) -> str:
    """A day in the year to come for a third of the members."""
    if _is_postgres():
        return f"CASE WHEN id % 3 = 0 THEN DATE '{now.date()}' - 30 + id % 395 END"
    return f"CASE WHEN id % 3 = 0 THEN date('{now.date()}', (id % 395 - 30) || ' days') END"


def _is_postgres() -> bool:
    return statements.is_postgres(statements.connection())
